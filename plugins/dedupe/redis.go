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

	"github.com/helios-connect/helios/internal/terminal"
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

// One server does a whole batch in one call: a command and an answer for each key
// cost both sides more than the work itself. The answer of a claim is one digit a
// key, an Answer.
var (
	claimAll = redis.NewScript(`local out = {}
for i, key in ipairs(KEYS) do
  local holder = redis.call("SET", key, ARGV[1], "NX", "GET", "PX", ARGV[2])
  if not holder or holder == ARGV[1] then out[i] = "0" elseif holder == ARGV[3] then out[i] = "1" else out[i] = "2" end
end
return table.concat(out)`)
	confirmAll = redis.NewScript(`for _, key in ipairs(KEYS) do redis.call("SET", key, ARGV[1], "PX", ARGV[2]) end return 0`)
)

// redisBackend keeps one key an event. A batch is one script, or in a cluster one
// pipeline of single commands on single keys, which the cluster can spread.
type redisBackend struct {
	client  redis.UniversalClient
	cluster bool
	terms   Terms
	prefix  string
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
		return &redisBackend{client: redis.NewClusterClient(options.Cluster()), cluster: true, terms: terms, prefix: prefix}, nil
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

func (r *redisBackend) names(keys []Key) []string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = r.name(key)
	}
	return names
}

// Claim relies on SET with both NX and GET, which Redis knows from 7.0: it tells
// in one step who holds the key, so that a claim whose answer got lost is found
// to be one's own.
func (r *redisBackend) Claim(ctx context.Context, owner string, keys []Key, answers []Answer) error {
	if r.cluster {
		return r.claimEach(ctx, owner, keys, answers)
	}
	digits, err := claimAll.Run(ctx, r.client, r.names(keys), owner, r.terms.Claim.Milliseconds(), confirmedValue).Text()
	if err != nil {
		return fmt.Errorf("claiming %s in Redis (7.0 or later): %w", terminal.Count(len(keys), "key", "keys"), err)
	}
	if len(digits) != len(keys) {
		return fmt.Errorf("claiming %s in Redis: %s", terminal.Count(len(keys), "key", "keys"), terminal.Count(len(digits), "answer came", "answers came"))
	}
	for i := range keys {
		answers[i] = Answer(digits[i] - '0')
	}
	return nil
}

func (r *redisBackend) claimEach(ctx context.Context, owner string, keys []Key, answers []Answer) error {
	pipe := r.client.Pipeline()
	cmds := make([]*redis.Cmd, len(keys))
	term := strconv.FormatInt(r.terms.Claim.Milliseconds(), 10)
	for i, key := range keys {
		cmds[i] = pipe.Do(ctx, "SET", r.name(key), owner, "NX", "GET", "PX", term)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("claiming %s in Redis (7.0 or later): %w", terminal.Count(len(keys), "key", "keys"), err)
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
	if !r.cluster {
		if err := confirmAll.Run(ctx, r.client, r.names(keys), confirmedValue, r.terms.Confirm.Milliseconds()).Err(); err != nil {
			return fmt.Errorf("confirming %s in Redis: %w", terminal.Count(len(keys), "key", "keys"), err)
		}
		return nil
	}
	pipe := r.client.Pipeline()
	term := strconv.FormatInt(r.terms.Confirm.Milliseconds(), 10)
	for _, key := range keys {
		pipe.Do(ctx, "SET", r.name(key), confirmedValue, "PX", term)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("confirming %s in Redis: %w", terminal.Count(len(keys), "key", "keys"), err)
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
		return fmt.Errorf("%s %s in Redis: %w", doing, terminal.Count(len(keys), "claim", "claims"), err)
	}
	return nil
}

func (r *redisBackend) Close() error { return r.client.Close() }
