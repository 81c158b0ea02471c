package doctor

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/redistest"
)

func TestRedisIsCheckedByAClaimOfItsOwn(t *testing.T) {
	server := redistest.Start(t)
	e := env{"HELIOS_DEDUPE": "redis", "HELIOS_REDIS_URL": server.URL()}
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()

	found := ask(t, e, Options{}, "Redis")
	want(t, found, "claim", OK, "claimed and released")
	want(t, found, "memory", OK, "policy noeviction")
	require.Zero(t, client.DBSize(t.Context()).Val(), "the doctor leaves nothing behind")

	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "100mb").Err())
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	want(t, ask(t, e, Options{}, "Redis"), "memory", Warned, "allkeys-lru")

	require.NoError(t, client.Do(t.Context(), "ACL", "SETUSER", "reader", "on", ">reader-secret", "~*", "+@read", "+@connection").Err())
	e["HELIOS_REDIS_URL"] = "redis://reader:reader-secret@" + server.Addr()
	want(t, ask(t, e, Options{}, "Redis"), "claim", Failed, "does not allow the user that command")

	e["HELIOS_REDIS_URL"] = "redis://reader:wrong-secret@" + server.Addr()
	found = ask(t, e, Options{}, "Redis")
	want(t, found, "reach and sign-in", Failed, "refuses user or password")
	require.NotContains(t, found[0].Detail, "wrong-secret")

	require.NoError(t, client.ConfigSet(t.Context(), "requirepass", "needed").Err())
	e["HELIOS_REDIS_URL"] = server.URL()
	want(t, ask(t, e, Options{}, "Redis"), "reach and sign-in", Failed, "asks for a password")

	server.Kill(t)
	want(t, ask(t, e, Options{}, "Redis"), "reach and sign-in", Failed, "nothing listens at "+server.Addr())
}

func TestSettingsOfDeduplicationAreExplained(t *testing.T) {
	want(t, ask(t, env{"HELIOS_DEDUPE": "yes"}, Options{}, "Redis"), "settings", Failed, "none, redis or memory")
	want(t, ask(t, env{"HELIOS_DEDUPE": "redis", "HELIOS_REDIS_URL": "http://x"}, Options{}, "Redis"), "settings", Failed, "no address of Redis")
	want(t, ask(t, env{"HELIOS_DEDUPE": "memory"}, Options{}, "Redis"), "connection", Skipped, "HELIOS_DEDUPE is memory")
}
