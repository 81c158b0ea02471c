package dedupe

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisPatience bounds one attempt to reach Redis: a batch that waits for it is
// an event that nobody sees.
const redisPatience = time.Second

// confirmedValue is what a confirmed key holds; a claimed one holds its owner,
// which is never this.
const confirmedValue = "!"

// Only the owner's claim may be touched, and the comparison and the change must
// be one step.
const (
	releaseScript = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`
	renewScript   = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("PEXPIRE", KEYS[1], ARGV[2]) end return 0`
)

// redisBackend keeps one key an event. A batch is one pipeline: single commands
// on single keys, so that a cluster can spread them.
type redisBackend struct {
	client redis.UniversalClient
	terms  Terms
	prefix string
}

// NewRedis returns a backend in the Redis at url (redis://, rediss:// or unix://;
// several addresses of a cluster separated by commas), under keys with a prefix.
// tlsConf is for rediss:// and may be nil. It does not connect yet.
func NewRedis(url, prefix string, tlsConf *tls.Config, terms Terms) (Backend, error) {
	options := &redis.UniversalOptions{
		DialTimeout: redisPatience, ReadTimeout: redisPatience, WriteTimeout: redisPatience,
		MaxRetries: 1, ContextTimeoutEnabled: true, ClientName: "helios-dedupe",
	}
	for one := range strings.SplitSeq(url, ",") {
		parsed, err := redis.ParseURL(strings.TrimSpace(one))
		if err != nil {
			// The URL may hold a password: it is not repeated.
			return nil, errors.New("the address is not of the form redis://user:password@host:6379/0")
		}
		options.Addrs = append(options.Addrs, parsed.Addr)
		options.DB, options.Username, options.Password = parsed.DB, parsed.Username, parsed.Password
		if options.TLSConfig = parsed.TLSConfig; options.TLSConfig != nil && tlsConf != nil {
			options.TLSConfig = tlsConf
		}
	}
	if len(options.Addrs) > 1 {
		return &redisBackend{client: redis.NewClusterClient(options.Cluster()), terms: terms, prefix: prefix}, nil
	}
	simple := options.Simple()
	if strings.HasPrefix(url, "unix:") {
		simple.Network = "unix"
	}
	return &redisBackend{client: redis.NewClient(simple), terms: terms, prefix: prefix}, nil
}

func (r *redisBackend) name(key Key) string {
	var b [64]byte
	name := append(b[:0], r.prefix...)
	return string(base64.RawURLEncoding.AppendEncode(name, key[:]))
}

// Claim relies on SET with both NX and GET, which Redis knows from 7.0: it tells
// in one step who holds the key, so that a claim whose answer got lost is found
// to be one's own.
func (r *redisBackend) Claim(ctx context.Context, owner string, keys []Key, answers []Answer) error {
	pipe := r.client.Pipeline()
	cmds := make([]*redis.Cmd, len(keys))
	term := strconv.FormatInt(r.terms.Claim.Milliseconds(), 10)
	for i, key := range keys {
		cmds[i] = pipe.Do(ctx, "SET", r.name(key), owner, "NX", "GET", "PX", term)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("claiming %d keys in Redis (7.0 or later): %w", len(keys), err)
	}
	for i, cmd := range cmds {
		holder, err := cmd.Text()
		switch {
		case errors.Is(err, redis.Nil), err == nil && holder == owner:
			answers[i] = Claimed
		case err != nil:
			return fmt.Errorf("claiming a key in Redis: %w", err)
		case holder == confirmedValue:
			answers[i] = Confirmed
		default:
			answers[i] = Busy
		}
	}
	return nil
}

func (r *redisBackend) Confirm(ctx context.Context, keys []Key) error {
	pipe := r.client.Pipeline()
	term := strconv.FormatInt(r.terms.Confirm.Milliseconds(), 10)
	for _, key := range keys {
		pipe.Do(ctx, "SET", r.name(key), confirmedValue, "PX", term)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("confirming %d keys in Redis: %w", len(keys), err)
	}
	return nil
}

func (r *redisBackend) Release(ctx context.Context, owner string, keys []Key) error {
	return r.each(ctx, "releasing", releaseScript, keys, owner)
}

func (r *redisBackend) Renew(ctx context.Context, owner string, keys []Key) error {
	return r.each(ctx, "renewing", renewScript, keys, owner, strconv.FormatInt(r.terms.Claim.Milliseconds(), 10))
}

func (r *redisBackend) each(ctx context.Context, doing, script string, keys []Key, args ...any) error {
	pipe := r.client.Pipeline()
	for _, key := range keys {
		pipe.Eval(ctx, script, []string{r.name(key)}, args...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("%s %d claims in Redis: %w", doing, len(keys), err)
	}
	return nil
}

func (r *redisBackend) Close() error { return r.client.Close() }
