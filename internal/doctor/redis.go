package doctor

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

func redisUnset(r *run) string {
	if d := r.get("HELIOS_DEDUPE"); d == "none" || d == "memory" {
		return "HELIOS_DEDUPE is " + d
	}
	return ""
}

// checkRedis checks the place that deduplication claims events in.
func checkRedis(ctx context.Context, r *run) {
	if d := r.get("HELIOS_DEDUPE"); d != "redis" {
		r.fail("settings", "give none, redis or memory", "HELIOS_DEDUPE is %q", d)
		return
	}
	url := r.get("HELIOS_REDIS_URL")
	options := &redis.UniversalOptions{MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, ClientName: "helios-doctor"}
	for one := range strings.SplitSeq(url, ",") {
		parsed, err := redis.ParseURL(strings.TrimSpace(one))
		if err != nil {
			r.fail("settings", "the form is redis://user:password@host:6379/0, or rediss:// with TLS", "HELIOS_REDIS_URL is no address of Redis")
			return
		}
		options.Addrs = append(options.Addrs, parsed.Addr)
		options.DB, options.Username, options.Password, options.TLSConfig = parsed.DB, parsed.Username, parsed.Password, parsed.TLSConfig
	}
	var client redis.UniversalClient
	if len(options.Addrs) > 1 {
		client = redis.NewClusterClient(options.Cluster())
	} else {
		simple := options.Simple()
		if strings.HasPrefix(url, "unix:") {
			simple.Network = "unix"
		}
		client = redis.NewClient(simple)
	}
	defer client.Close()
	at := strings.Join(options.Addrs, ", ")
	if err := client.Ping(ctx).Err(); err != nil {
		r.failWith("reach and sign-in", redisDiagnosis(at, err))
		return
	}
	r.ok("reach and sign-in", "%s answers", at)
	checkClaim(ctx, r, client, at)
	checkRedisSettings(ctx, r, client)
}

// redisDiagnosis goes by the first word of the server's error.
func redisDiagnosis(at string, err error) diagnosis {
	if d, ok := network(at, err); ok {
		return d
	}
	text := err.Error()
	word, _, _ := strings.Cut(text, " ")
	switch {
	case word == "WRONGPASS" || strings.Contains(text, "invalid password"):
		return diagnosis{at + " refuses user or password", "correct them in HELIOS_REDIS_URL: redis://user:password@host:6379, special characters percent-encoded"}
	case word == "NOAUTH":
		return diagnosis{at + " asks for a password", "give it in HELIOS_REDIS_URL: redis://:password@host:6379"}
	case word == "ERR" && strings.Contains(text, "AUTH"):
		return diagnosis{at + " knows no password, and HELIOS_REDIS_URL gives one", "take it out of the URL, or set one there"}
	case word == "NOPERM":
		return diagnosis{at + " does not allow the user that command: " + text, "ACL SETUSER … +@read +@write +@connection +eval ~helios*"}
	case word == "READONLY":
		return diagnosis{at + " is a replica, which takes no writes", "let HELIOS_REDIS_URL name the primary"}
	case word == "OOM":
		return diagnosis{at + " is full", "raise maxmemory"}
	case word == "MISCONF":
		return diagnosis{at + " takes no writes since it can't save to its disk", "see its log and the disk's space"}
	case word == "LOADING":
		return diagnosis{at + " is still loading its data", "wait, and try again"}
	case word == "MOVED" || word == "CLUSTERDOWN":
		return diagnosis{at + " is a node of a cluster: " + word, "list several nodes in HELIOS_REDIS_URL, separated by commas"}
	}
	return diagnosis{text, "see the server's log"}
}

// checkClaim does what a claim does, with a key of its own: SET with NX and GET,
// which Redis knows from 7.0.
func checkClaim(ctx context.Context, r *run, client redis.UniversalClient, at string) {
	key := "helios:doctor:" + rand.Text()
	err := client.Do(ctx, "SET", key, "1", "NX", "GET", "PX", 10*time.Second.Milliseconds()).Err()
	if err != nil && err != redis.Nil {
		if strings.Contains(err.Error(), "syntax error") {
			r.fail("claim", "upgrade the server", "SET with NX and GET is not known; Redis 7.0 is the oldest that can be used")
			return
		}
		r.failWith("claim", redisDiagnosis(at, err))
		return
	}
	if err := client.Del(ctx, key).Err(); err != nil {
		r.failWith("claim", redisDiagnosis(at, err))
		return
	}
	r.ok("claim", "a key was claimed and released")
}

func checkRedisSettings(ctx context.Context, r *run, client redis.UniversalClient) {
	text, err := client.Info(ctx, "memory").Result()
	if err != nil {
		r.skipped("memory", "INFO is not allowed to the user")
		return
	}
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			values[name] = value
		}
	}
	policy := values["maxmemory_policy"]
	if most, _ := strconv.ParseInt(values["maxmemory"], 10, 64); most > 0 && policy != "noeviction" && policy != "" {
		r.warn("memory", "CONFIG SET maxmemory-policy noeviction, and give it room for the expiry of a day's events",
			"maxmemory-policy is %s: when memory is short, confirmed events are forgotten and their duplicates pass", policy)
		return
	}
	limit := "without a limit"
	if m := values["maxmemory_human"]; m != "" && m != "0B" {
		limit = "of " + m
	}
	r.ok("memory", "%s", fmt.Sprintf("%s used %s, policy %s", values["used_memory_human"], limit, policy))
}
