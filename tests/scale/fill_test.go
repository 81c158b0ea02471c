// Package scale asks a store of millions of events what the dashboards and the
// API ask, looks at how PostgreSQL goes about it, and measures how long it takes.
package scale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/plugins/store"
)

// days that the events spread over, up to now.
const days = 30

// filled is a store with many events.
type filled struct {
	dsn   string
	pool  *pgxpool.Pool
	begin time.Time // of the first event
	end   time.Time // of the last one
	key   string    // of a fact whose values differ
}

// fill makes a store of so many events, three for each fact, with a verdict for
// each fact, as the store's output would leave it. One fact in 100 is mismatched,
// one missing, one partial, one corrected; one event in 200 breaks its contract;
// one in 1,000 is a dead letter.
func fill(t *testing.T, events int) *filled {
	t.Helper()
	ctx := context.Background()
	server := pgtest.StartServer(t, "shared_buffers=512MB", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=4GB",
		"synchronous_commit=off", "autovacuum=off", "maintenance_work_mem=256MB")
	f := &filled{dsn: server.Database(t), end: time.Now().UTC().Truncate(time.Second)}
	f.begin = f.end.Add(-days * 24 * time.Hour)
	created, err := store.Create(ctx, f.dsn)
	require.NoError(t, err)
	require.NoError(t, created.Close())
	f.pool, err = pgxpool.New(ctx, f.dsn)
	require.NoError(t, err)
	t.Cleanup(f.pool.Close)

	facts := events / 3
	f.key = fmt.Sprintf("ord-%d", facts/200*100) // in the middle, mismatched
	rebuild := f.dropIndexes(t)
	f.exec(t, fmt.Sprintf(factsSQL, facts, f.begin.Format(time.RFC3339), days*24*3600.0/float64(facts)))
	both := &sessions{ctx: ctx, pool: f.pool, free: make(chan struct{}, 2)}
	for day := f.begin.Truncate(24 * time.Hour); day.Before(f.end); day = day.Add(24 * time.Hour) {
		next, name := day.Add(24*time.Hour).Format(time.RFC3339), day.Format("20060102")
		f.exec(t, fmt.Sprintf("CREATE TABLE helios_events_%s PARTITION OF helios_events FOR VALUES FROM ('%s') TO ('%s')", name, day.Format(time.RFC3339), next))
		for _, statement := range []string{eventsSQL, historySQL, verdictsSQL} {
			both.run(fmt.Sprintf(statement, day.Format(time.RFC3339), next))
		}
	}
	require.NoError(t, both.wait())
	for _, statement := range append(rebuild, restSQL...) {
		both.run(statement)
	}
	require.NoError(t, both.wait())
	f.exec(t, "DROP TABLE facts")
	f.exec(t, "VACUUM ANALYZE")
	return f
}

// sessions run statements beside each other.
type sessions struct {
	ctx   context.Context
	pool  *pgxpool.Pool
	free  chan struct{}
	group sync.WaitGroup
	mu    sync.Mutex
	err   error
}

func (s *sessions) run(statement string) {
	s.free <- struct{}{}
	s.group.Go(func() {
		defer func() { <-s.free }()
		if _, err := s.pool.Exec(s.ctx, statement); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.err = errors.Join(s.err, err)
		}
	})
}

func (s *sessions) wait() error {
	s.group.Wait()
	return s.err
}

func (f *filled) exec(t *testing.T, statement string) {
	t.Helper()
	_, err := f.pool.Exec(context.Background(), statement)
	require.NoError(t, err, statement)
}

// dropIndexes drops what is quicker to build at the end and returns how.
func (f *filled) dropIndexes(t *testing.T) (rebuild []string) {
	t.Helper()
	rows, err := f.pool.Query(context.Background(), `SELECT indexname, indexdef FROM pg_indexes
WHERE tablename IN ('helios_events', 'helios_verdicts', 'helios_verdict_history') AND indexname NOT LIKE '%_pkey'`)
	require.NoError(t, err)
	var drop []string
	for rows.Next() {
		var name, definition string
		require.NoError(t, rows.Scan(&name, &definition))
		drop, rebuild = append(drop, name), append(rebuild, definitionOfAll(definition))
	}
	require.NoError(t, rows.Err())
	require.Greater(t, len(drop), 5)
	for _, name := range drop {
		f.exec(t, "DROP INDEX "+name)
	}
	return rebuild
}

// factsSQL makes number, time and what differs of each fact.
const factsSQL = `CREATE UNLOGGED TABLE facts AS
SELECT n, md5(n::text) AS id, 'ord-' || n AS key, '%[2]s'::timestamptz + make_interval(secs => n * %[3]f) AS at,
  'tenant-' || n %% 4 AS tenant, 'com.example.' || (ARRAY['order.paid', 'order.shipped', 'invoice.sent', 'user.created', 'stock.moved', 'mail.sent'])[1 + n / 4 %% 6] AS type,
  (ARRAY['mismatched', 'missing', 'partial', 'indeterminate'])[1 + n %% 100] AS bad
FROM generate_series(0, %[1]d - 1) AS n;
CREATE INDEX ON facts (at); ANALYZE facts`

// eventsSQL makes the events of a day. Those of a missing fact's second cloud are
// there: they came too late to count.
const eventsSQL = `INSERT INTO helios_events (identity, time, time_ns, tenant, cloud, source, id, type, key, ingest_time, ingest_ns, event)
SELECT md5(n || cloud)::uuid, at, extract(epoch FROM at) * 1e9, tenant, cloud, '/' || cloud || '/shop-' || n %% 2, 'e-' || n, type, key,
  at + interval '1 s', extract(epoch FROM at) * 1e9 + 1e9,
  '{"specversion":"1.0","id":"e-' || n || '","source":"/' || cloud || '/shop-' || n %% 2 || '","type":"' || type || '","time":"' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","cloud":"' || cloud || '","tenant":"' || tenant || '","correlationid":"' || key || '","heliosschema":"' || type
    || '/1","data":{"order":"' || key || '","amount":' || n %% 1000 || ',"currency":"EUR","items":[{"sku":"a-1","quantity":2},{"sku":"b-2","quantity":1}],"customer":{"id":"c-' || n %% 5000 || '","city":"Bremen"}}}'
FROM facts CROSS JOIN unnest(ARRAY['aws', 'azure', 'gcp']) AS cloud WHERE at >= '%[1]s' AND at < '%[2]s' ORDER BY at`

// revisionSQL is a verdict with its document.
const revisionSQL = `SELECT id, extract(epoch FROM at) * 1e9, revision, tenant, type, key, status, 'complete', 'orders@3f2a91c0',
  CASE WHEN status IN ('missing', 'partial') THEN ARRAY[(ARRAY['aws', 'azure', 'gcp'])[1 + n / 100 %% 3]] ELSE '{}' END, '{}'::text[], at,
  decided, extract(epoch FROM decided) * 1e9,
  '{"id":"' || id || '","revision":' || revision || ',"tenant":"' || tenant || '","type":"' || type || '","key":"' || key || '","status":"' || status
    || '","expected":["aws","azure","gcp"],"diffs":' || CASE WHEN status = 'mismatched' THEN '[{"field":"data.' || (ARRAY['amount', 'currency', 'customer.city'])[1 + n / 100 %% 3]
    || '","values":{"aws":10,"azure":10,"gcp":12},"outliers":["' || (ARRAY['aws', 'azure', 'gcp'])[1 + n / 300 %% 3] || '"]}]' ELSE '[]' END
    || ',"events":{"aws":{"id":"e-' || n || '","source":"/aws/shop-' || n %% 2 || '"},"azure":{"id":"e-' || n || '","source":"/azure/shop-' || n %% 2
    || '"},"gcp":{"id":"e-' || n || '","source":"/gcp/shop-' || n / 100 %% 2 || '"}},"closed_by":"complete","expectation":"orders@3f2a91c0"}'
FROM facts CROSS JOIN LATERAL (
  SELECT 1 AS revision, coalesce(bad, CASE WHEN n %% 100 = 50 THEN 'missing' ELSE 'matched' END) AS status, at + interval '2 s' AS decided
  UNION ALL SELECT 2, 'matched', at + interval '90 s' WHERE n %% 100 = 50) AS r
WHERE at >= '%[1]s' AND at < '%[2]s'`

const (
	verdictColumns = "(id, opened_ns, revision, tenant, type, key, status, closed_by, expectation, missing, stalled, opened_at, decided_at, decided_ns, verdict) "
	historySQL     = "INSERT INTO helios_verdict_history " + verdictColumns + revisionSQL
	verdictsSQL    = "INSERT INTO helios_verdicts " + verdictColumns + revisionSQL + " AND (revision = 2 OR n %% 100 <> 50)"
)

// restSQL are the sums of what is there, and dead letters and contracts with
// theirs.
var restSQL = []string{
	`INSERT INTO helios_events_hourly
SELECT date_trunc('hour', time, 'UTC'), tenant, cloud, type, source, type || '/1', id LIKE '%00' AND cloud = 'gcp', count(*), sum(octet_length(event)),
  sum((octet_length(event) + 65535) / 65536), sum(greatest(octet_length(event), 1000)) FROM helios_events GROUP BY 1, 2, 3, 4, 5, 6, 7`,
	`INSERT INTO helios_verdicts_hourly
SELECT hour, tenant, type, status, expectation, sum(verdicts), sum(corrections), sum(facts) FROM (
  SELECT date_trunc('hour', decided_at, 'UTC') AS hour, tenant, type, status, expectation, count(*) FILTER (WHERE revision = 1) AS verdicts, count(*) FILTER (WHERE revision > 1) AS corrections, 0 AS facts
  FROM helios_verdict_history GROUP BY 1, 2, 3, 4, 5
  UNION ALL SELECT date_trunc('hour', decided_at, 'UTC'), tenant, type, status, expectation, 0, 0, count(*) FROM helios_verdicts GROUP BY 1, 2, 3, 4, 5) AS all_of_them
GROUP BY 1, 2, 3, 4, 5`,
	`INSERT INTO helios_findings_hourly
SELECT date_trunc('hour', v.decided_at, 'UTC'), v.tenant, v.type, f.finding, f.cloud, f.source, f.field, count(*)
FROM helios_verdicts v CROSS JOIN LATERAL helios_findings(v.status, v.missing, v.verdict) AS f WHERE v.status <> 'matched' GROUP BY 1, 2, 3, 4, 5, 6, 7`,
	`WITH letters AS (INSERT INTO helios_dead_letters (identity, recorded_at, recorded_ns, reason, stage, detail, origin, attempt, tenant, cloud, type, key, source, contract, violations, payload)
  SELECT md5(id)::uuid, at, extract(epoch FROM at) * 1e9, (ARRAY['contract', 'unreadable', 'too_old'])[1 + n / 333 % 3], 'ingest', 'what was wrong with it', 'aws', '1', tenant, 'aws', type, key,
    '/aws/shop-' || n % 2, CASE WHEN n / 333 % 3 = 0 THEN type || '/1' ELSE '' END, CASE WHEN n / 333 % 3 = 0 THEN 'required /customer' ELSE '' END, '{}' FROM facts WHERE n % 333 = 0 RETURNING *)
INSERT INTO helios_dead_letters_hourly
SELECT date_trunc('hour', recorded_at, 'UTC'), reason, stage, tenant, cloud, type, CASE WHEN contract <> '' THEN source ELSE '' END, contract, violations, count(*) FROM letters GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9`,
	`INSERT INTO helios_contracts (subject, version, id, language, text, first_seen_at, first_seen_ns, changes, breaks_backward, breaks_forward, upgrade, problem)
SELECT 'com.example.subject-' || s, v, 10 * s + v, 'JSON', '{}', now(), extract(epoch FROM now()) * 1e9,
  CASE v WHEN 1 THEN '[]' ELSE '[{"pointer":"/required","kind":"required_added","reasons":["older events lack it"]},{"pointer":"/properties/a","kind":"property_added"}]' END, v > 1, false, '', ''
FROM generate_series(1, 20) AS s, generate_series(1, 5) AS v`,
}
