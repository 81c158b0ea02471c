package e2e

import (
	"database/sql"
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"
)

var exported = regexp.MustCompile(`(?m)^  export (HELIOS_KAFKA_BROKERS=\S+) (HELIOS_SCHEMA_REGISTRY_URL=\S+) (HELIOS_CONTRACT_RULES)='(.*)'$`)

// A producer changes a member's name in the middle of the run. The commands that
// the demo itself names show what broke and mend it, and every event comes back.
func TestABrokenContractIsShownMendedAndNothingIsLost(t *testing.T) {
	t.Parallel()
	const subject, broken = "com.example.order.paid", `/customer lacks "id", which the contract requires`
	data := t.TempDir()
	demo := start(t, nil, "demo", "--break-contract", "--rate", "300", "--seed", "3", "--port", "0", "--data-dir", data)
	demo.await(time.Minute, "the settings for other commands", func() bool { return exported.MatchString(demo.out.String()) })
	found := exported.FindStringSubmatch(demo.out.String())
	settings := []string{found[1], found[2], found[3] + "=" + found[4]}
	run := func(args ...string) string {
		p := start(t, settings, args...)
		require.Zero(t, p.exit(time.Minute), "%v: %s%s", args, p.out.String(), p.err.String())
		return p.out.String()
	}
	ids := map[string]bool{} // of the events in the letters: some were sent twice
	letters := func() (newest time.Time, count int) {
		for line := range strings.Lines(run("dlq", "list", "--json", "--stage", "validate", "--type", subject)) {
			var l struct {
				Time                   time.Time
				Reason, Detail, Origin string
				Raw                    []byte
			}
			require.NoError(t, json.Unmarshal([]byte(line), &l))
			if strings.Contains(l.Detail, broken) {
				require.Equal(t, []string{"contract", "gcp"}, []string{l.Reason, l.Origin})
				var e struct{ ID string }
				require.NoError(t, json.Unmarshal(l.Raw, &e))
				ids[e.ID] = true
				newest, count = l.Time, count+1
			}
		}
		return newest, count
	}
	demo.await(time.Minute, "the terminal to name the rule", func() bool { return strings.Contains(demo.out.String(), "paid from gcp: required /customer") })

	require.Contains(t, run("dlq", "replay", "--stage", "validate"), "0 sent", "before it is mended every letter stays")
	proposal := start(t, settings, "schema", "evolve", subject)
	require.Zero(t, proposal.exit(time.Minute))
	require.Contains(t, proposal.out.String(), `/customer: the member "id" is now called "customer_id"`)
	require.Contains(t, proposal.out.String(), "Nothing is registered yet")
	require.Regexp(t, regexp.QuoteMeta(subject)+` +1 +JSON +none`, run("schema", "list"))
	require.Contains(t, run("schema", "evolve", "--yes", subject), subject+" is version 2 now")
	diff := run("schema", "diff", subject+"/1", subject+"/2")
	require.Contains(t, diff, "/properties/customer/properties/customer_id  property added")
	require.Contains(t, diff, "not BACKWARD compatible")

	demo.await(time.Minute, "ingest to know the new version", func() bool {
		newest, count := letters()
		return count > 0 && time.Since(newest) > 4*time.Second
	})
	_, count := letters()
	require.Contains(t, run("dlq", "replay", "--stage", "validate"), " sent, ")
	require.Contains(t, run("dlq", "replay", "--stage", "validate"), "0 sent", "what went doesn't go twice")
	demo.signal(syscall.SIGINT)
	require.Zero(t, demo.exit(demoPatience), demo.out.String())
	require.Contains(t, demo.out.LastLine(), "all verdicts correct")

	runs := runsIn(t, data)
	require.Len(t, runs, 1)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(runs[0], "store.db")+"?mode=ro")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	var stored, mended, replayed, upgraded int
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM helios_dead_letters WHERE reason = 'contract' AND origin = 'gcp' AND type = ? AND detail LIKE '%customer lacks "id"%'`, subject).Scan(&stored))
	require.Equal(t, count, stored, "the store shows which rule broke, for whom")
	refusedIDs, err := json.Marshal(slices.Collect(maps.Keys(ids)))
	require.NoError(t, err)
	// One that was sent twice may have come in by itself the second time.
	require.NoError(t, db.QueryRow(`SELECT count(DISTINCT id), sum(event LIKE '%"heliosattempt":2%') FROM helios_events WHERE type = ? AND cloud = 'gcp' AND id IN (SELECT value FROM json_each(?))`, subject, string(refusedIDs)).Scan(&mended, &replayed))
	require.Equal(t, len(ids), mended, "every one of them is an event now")
	require.Greater(t, replayed, len(ids)/2)
	require.NoError(t, db.QueryRow(`SELECT count(*) FROM helios_events WHERE type = ? AND cloud = 'aws' AND event LIKE '%"heliosschema":"`+subject+`/2"%' AND event LIKE '%"customer_id"%'`, subject).Scan(&upgraded))
	require.Positive(t, upgraded, "producers that keep the old version are upgraded")

	var byHour, refused, version, versions int
	require.NoError(t, db.QueryRow(`SELECT sum(letters) FROM helios_dead_letters_hourly WHERE cloud = 'gcp' AND type = ? AND contract = type || '/1' AND rule = 'required /customer' AND source <> ''`, subject).Scan(&byHour))
	require.Equal(t, count, byHour, "and how often, by the hour")
	require.NoError(t, db.QueryRow(`SELECT sum(refused) FROM helios_contract_compliance WHERE type = ? AND share < 1`, subject).Scan(&refused))
	require.GreaterOrEqual(t, refused, count)
	require.NoError(t, db.QueryRow(`SELECT max(version), count(*) FROM helios_contracts WHERE subject = ? AND (version = 1 AND changes = '[]' OR version = 2 AND breaks_backward AND upgrade <> '' AND changes LIKE '%customer_id%')`, subject).Scan(&version, &versions))
	require.Equal(t, []int{2, 2}, []int{version, versions}, "the new version, and what it changed")
	var events, summed int
	require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM helios_events), (SELECT sum(events) FROM helios_events_hourly)`).Scan(&events, &summed))
	require.Equal(t, events, summed)
}
