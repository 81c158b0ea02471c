package dlq

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/kafkaconn"
)

const pollRecords = 500

// span is what is read of a partition: from, and up to but without, an offset.
type span struct{ from, to int64 }

// spans returns what lies in the topic now; later letters are not waited for.
// Only partitions that hold something are in it.
func spans(ctx context.Context, conn kafkaconn.Connection, since time.Time) (map[int32]span, error) {
	client, err := kgo.NewClient(conn.Options...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListCommittedOffsets(ctx, conn.Letters)
	if err == nil {
		err = ends.Error()
	}
	var starts kadm.ListedOffsets
	if err == nil {
		if since.IsZero() {
			starts, err = admin.ListStartOffsets(ctx, conn.Letters)
		} else {
			starts, err = admin.ListOffsetsAfterMilli(ctx, since.UnixMilli(), conn.Letters)
		}
	}
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("topic %q on %v: %w", conn.Letters, conn.Brokers, err)
	}
	found := map[int32]span{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(conn.Letters, end.Partition); ok && start.Offset >= 0 && start.Offset < end.Offset {
			found[end.Partition] = span{start.Offset, end.Offset}
		}
	})
	return found, nil
}

// read hands over what the spans hold, poll by poll, until visit returns false.
func read(ctx context.Context, conn kafkaconn.Connection, wanted map[int32]span, visit func([]*kgo.Record) (bool, error)) error {
	if len(wanted) == 0 {
		return nil
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	for p, s := range wanted {
		from[p], left[p] = kgo.NewOffset().At(s.from), s.to
	}
	// The end of a span may be the marker of a transaction, so markers count.
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, conn.Options...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{conn.Letters: from}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	if err != nil {
		return err
	}
	defer client.Close()
	for len(left) > 0 {
		fetches := client.PollRecords(ctx, pollRecords)
		if err := ctx.Err(); err != nil {
			return err
		}
		if errs := fetches.Errors(); len(errs) > 0 {
			return fmt.Errorf("reading topic %q partition %d: %w", conn.Letters, errs[0].Partition, errs[0].Err)
		}
		var batch []*kgo.Record
		fetches.EachRecord(func(r *kgo.Record) {
			if end, ok := left[r.Partition]; ok {
				if r.Offset < end {
					batch = append(batch, r)
				}
				if r.Offset >= end-1 {
					delete(left, r.Partition)
				}
			}
		})
		if more, err := visit(batch); err != nil || !more {
			return err
		}
	}
	return nil
}

// List calls visit with every letter that matches, until it returns false.
func List(ctx context.Context, conn kafkaconn.Connection, f Filter, visit func(Letter) bool) error {
	wanted, err := spans(ctx, conn, f.Since)
	if err != nil {
		return err
	}
	return read(ctx, conn, wanted, func(batch []*kgo.Record) (bool, error) {
		for _, r := range batch {
			if r.Attrs.IsControl() {
				continue
			}
			if l := Decode(r); f.Match(l) && !visit(l) {
				return false, nil
			}
		}
		return true, nil
	})
}

// Show returns the letter at an offset.
func Show(ctx context.Context, conn kafkaconn.Connection, partition int32, offset int64) (found Letter, err error) {
	wanted, err := spans(ctx, conn, time.Time{})
	if err != nil {
		return found, err
	}
	s, ok := wanted[partition]
	if !ok || offset < s.from || offset >= s.to {
		return found, fmt.Errorf("%d:%d: topic %q holds offsets %d to %d of partition %d", partition, offset, conn.Letters, s.from, s.to-1, partition)
	}
	ok = false
	err = read(ctx, conn, map[int32]span{partition: {offset, offset + 1}}, func(batch []*kgo.Record) (bool, error) {
		for _, r := range batch {
			if !r.Attrs.IsControl() {
				found, ok = Decode(r), true
			}
		}
		return true, nil
	})
	if err == nil && !ok {
		err = fmt.Errorf("%d:%d is no letter but the mark of a transaction", partition, offset)
	}
	return found, err
}
