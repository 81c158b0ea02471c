package store

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
)

// readOnlyRole is what docs/store.md tells to run.
var readOnlyRole = documentedSQL("read-only role")

// documentedSQL returns the statements of the block in docs/store.md that begins
// with the comment.
func documentedSQL(comment string) []string {
	page, err := os.ReadFile("../../docs/store.md")
	if err != nil {
		return nil
	}
	block := regexp.MustCompile("(?s)```sql\n-- " + regexp.QuoteMeta(comment) + "\n(.*?)```").FindSubmatch(page)
	if block == nil {
		return nil
	}
	var statements []string
	for _, statement := range strings.Split(string(block[1]), ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			statements = append(statements, statement)
		}
	}
	return statements
}

func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err)
	}
	u.Path = "/" + name
	return u.String()
}

func asReader(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		panic(err)
	}
	u.User = url.UserPassword("grafana", "choose-one")
	return u.String()
}

// A whole stream writes while the server is killed twice; every message must be
// acknowledged in the end and stored once.
func TestAServerKilledWhileAStreamWritesLosesNothing(t *testing.T) {
	server := pgtest.StartServer(t)
	dsn := server.Database(t)
	const messages, facts = 6000, 1000

	builder := service.NewStreamBuilder()
	require.NoError(t, builder.SetLoggerYAML("level: off"))
	produce, err := builder.AddBatchProducerFunc()
	require.NoError(t, err)
	require.NoError(t, builder.AddOutputYAML(fmt.Sprintf(`
helios_store:
  dsn: %q
  kind: verdicts
  max_in_flight: 3
`, dsn)))
	stream, err := builder.Build()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- stream.Run(ctx) }()

	// A steady two batches in flight; a batch that is nacked is delivered again.
	var acked atomic.Int64
	batches := make(chan service.MessageBatch)
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			for batch := range batches {
				for produce(ctx, batch.Copy()) != nil {
					if ctx.Err() != nil {
						failed <- ctx.Err()
						return
					}
				}
				acked.Add(int64(len(batch)))
			}
			failed <- nil
		}()
	}
	restarted := make(chan struct{}, 1)
	restarted <- struct{}{}
	for i := 0; i < messages; i += 50 {
		if i == 1500 || i == 3000 {
			<-restarted
			server.Kill(t)
			// Batches are on their way meanwhile.
			time.AfterFunc(300*time.Millisecond, func() {
				server.Restart(t)
				restarted <- struct{}{}
			})
		}
		var batch service.MessageBatch
		for n := i; n < i+50; n++ {
			batch = append(batch, batchOf(verdictJSON(n%facts, opened, n/facts+1, nil))...)
		}
		select {
		case batches <- batch:
		case <-ctx.Done():
			t.Fatalf("no batch was taken after the outage; %d messages are acknowledged", acked.Load())
		}
	}
	close(batches)
	require.NoError(t, <-failed)
	require.NoError(t, <-failed)
	require.Equal(t, int64(messages), acked.Load())
	<-restarted
	require.NoError(t, stream.StopWithin(10*time.Second))
	<-ended
	require.Equal(t, Counts{Verdicts: facts, History: messages}, countsOf(t, dsn))
	require.Equal(t, []string{"6|1000"}, queryText(t, dsn, "SELECT revision, count(*) FROM helios_verdicts GROUP BY revision"))
}

func TestASQLiteFileLockedByAnotherProcessIsWaitedFor(t *testing.T) {
	dsn := place{dialect: sqliteDialect}.dsn(t)
	out := newTestOutput(t, dsn, kindEvents)
	db, done := openSQL(t, dsn)
	defer done()
	conn, err := db.Conn(context.Background())
	require.NoError(t, err)
	_, err = conn.ExecContext(context.Background(), "BEGIN IMMEDIATE")
	require.NoError(t, err)

	written := make(chan error, 1)
	go func() { written <- out.WriteBatch(context.Background(), batchOf(eventJSON(nil))) }()
	select {
	case err := <-written:
		t.Fatalf("written while locked: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	require.Zero(t, countsOf(t, dsn).Events, "readers don't wait")
	_, err = conn.ExecContext(context.Background(), "COMMIT")
	require.NoError(t, err)
	require.NoError(t, <-written)
	require.Equal(t, int64(1), countsOf(t, dsn).Events)
}
