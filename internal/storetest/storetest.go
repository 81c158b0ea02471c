// Package storetest fills stores for tests of what reads them, through the real
// output helios_store.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/pgtest"

	_ "github.com/helios-connect/helios/plugins/store"             // the output
	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // what streams need
)

// InBothDialects runs a test with the DSN of an empty SQLite store, and with that
// of an empty database of a real PostgreSQL.
func InBothDialects(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Start(t)) })
}

// SQLite returns the DSN of a file that is not there yet.
func SQLite(t testing.TB) string { return "sqlite://" + filepath.Join(t.TempDir(), "store.db") }

// patience with the store.
const patience = time.Minute

// Write stores documents of a kind: events, verdicts or dead_letters.
func Write(t testing.TB, dsn, kind string, documents ...string) {
	t.Helper()
	write(t, dsn, kind, "", documents)
}

// WriteDeadLetters stores documents that were refused for a reason.
func WriteDeadLetters(t testing.TB, dsn, reason string, documents ...string) {
	t.Helper()
	write(t, dsn, "dead_letters", reason, documents)
}

func write(t testing.TB, dsn, kind, reason string, documents []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	builder := service.NewStreamBuilder()
	check(t, builder.SetLoggerYAML("level: OFF"))
	produce, err := builder.AddBatchProducerFunc()
	check(t, err)
	check(t, builder.AddOutputYAML(fmt.Sprintf("helios_store: { dsn: %q, kind: %s }", dsn, kind)))
	stream, err := builder.Build()
	check(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(ctx) }()
	batch := make(service.MessageBatch, len(documents))
	for i, d := range documents {
		batch[i] = service.NewMessage([]byte(d))
		if reason != "" {
			batch[i].MetaSetMut("helios_reason", reason)
		}
	}
	check(t, produce(ctx, batch))
	check(t, stream.StopWithin(patience))
	check(t, <-ended)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Start is the time of the first event of a test.
var Start = time.Date(2026, 3, 1, 10, 0, 0, 123456789, time.UTC)

// Event returns a canonical event; members replace its own.
func Event(members map[string]any) string {
	return with(map[string]any{
		"specversion": "1.0", "id": "e-1", "source": "/orders", "type": "com.example.order.paid", "time": Start.Format(time.RFC3339Nano),
		"cloud": "aws", "tenant": "acme", "correlationid": "ord-1", "ingesttime": Start.Add(time.Second).Format(time.RFC3339Nano),
		"data": map[string]any{"amount": 10, "currency": "EUR"},
	}, members)
}

// VerdictID is that of the fact with a number.
func VerdictID(fact int) string { return fmt.Sprintf("%032x", fact) }

// Verdict returns a verdict of the fact with a number, decided that many seconds
// after Start; members replace its own.
func Verdict(fact, revision, decided int, members map[string]any) string {
	return with(map[string]any{
		"id": VerdictID(fact), "revision": revision, "tenant": "acme", "type": "com.example.order.paid", "key": fmt.Sprintf("ord-%d", fact),
		"status": "mismatched", "expected": []string{"aws", "gcp"}, "present": []string{"aws", "gcp"}, "missing": []string{}, "stalled": []string{},
		"diffs":     []any{map[string]any{"field": "data.amount", "values": map[string]any{"aws": 10, "gcp": 12}, "outliers": []string{"gcp"}}},
		"opened_at": Start.Format(time.RFC3339Nano), "deadline": Start.Add(time.Minute).Format(time.RFC3339Nano),
		"decided_at": Start.Add(time.Duration(decided) * time.Second).Format(time.RFC3339Nano), "closed_by": "complete", "expectation": "orders@3f2a91c0",
	}, members)
}

func with(all, members map[string]any) string {
	for name, value := range members {
		all[name] = value
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // what tests give can be written
	}
	return string(text)
}
