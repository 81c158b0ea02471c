package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// restoreChunk is how many verdicts are put back between two chances for
// others to get at the engines.
const restoreChunk = 500

// verdictReader reads the committed records of one partition of the verdict
// topic from an offset to the end that the log had when the partition was
// assigned.
type verdictReader struct {
	client    func(more ...kgo.Opt) []kgo.Opt
	topic     string
	partition int32
	// from is the next offset to read, end the first not to be read. run
	// moves from, so that it can be called again after an error.
	from, end int64
	// take gets the records, and says whether more are wanted.
	take     func([]*kgo.Record) bool
	verdicts int
}

// run reads up to the end. Control records are kept, since the last record
// before the end may be the marker of a transaction, or belong to an aborted
// one whose marker follows: the end is reached when any record at or behind the
// last offset arrives. A transaction still open there delays that until its
// timeout at most.
func (r *verdictReader) run(ctx context.Context) error {
	if r.from >= r.end {
		return nil
	}
	client, err := kgo.NewClient(r.client(
		kgo.DisableClientMetrics(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			r.topic: {r.partition: kgo.NewOffset().At(r.from).WithEpoch(-1)},
		}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
	)...)
	if err != nil {
		return fmt.Errorf("creating a Kafka client: %w", err)
	}
	defer client.Close()
	for r.from < r.end {
		fetches := client.PollRecords(ctx, restoreChunk)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return fmt.Errorf("reading partition %d of topic %q: %w", r.partition, r.topic, errs[0].Err)
		}
		if !r.pass(fetches.Records()) {
			return nil
		}
	}
	return nil
}

// pass hands the data records below the end on.
func (r *verdictReader) pass(recs []*kgo.Record) (more bool) {
	wanted := recs[:0:0]
	for _, rec := range recs {
		r.from = rec.Offset + 1
		if !rec.Attrs.IsControl() && rec.Offset < r.end {
			wanted = append(wanted, rec)
		}
	}
	r.verdicts += len(wanted)
	return len(wanted) == 0 || r.take(wanted)
}
