package kafkaconn

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const pollRecords = 500

// Span is what is read of a partition: from, and up to but without, an offset.
type Span struct{ From, To int64 }

// Spans returns what lies in a topic now, from a time on unless it is zero; what
// comes later is not waited for. Only partitions that hold something are in it.
func (c Connection) Spans(ctx context.Context, topic string, since time.Time) (map[int32]Span, error) {
	client, err := kgo.NewClient(c.Options...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	var starts kadm.ListedOffsets
	if err == nil {
		if since.IsZero() {
			starts, err = admin.ListStartOffsets(ctx, topic)
		} else {
			starts, err = admin.ListOffsetsAfterMilli(ctx, since.UnixMilli(), topic)
		}
	}
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("topic %q at HELIOS_KAFKA_BROKERS=%s: %w", topic, strings.Join(c.Brokers, ","), err)
	}
	found := map[int32]Span{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(topic, end.Partition); ok && start.Offset >= 0 && start.Offset < end.Offset {
			found[end.Partition] = Span{start.Offset, end.Offset}
		}
	})
	return found, nil
}

// Read hands over what the spans hold, poll by poll, until visit returns false.
// Marks of transactions are among the records.
func (c Connection) Read(ctx context.Context, topic string, wanted map[int32]Span, visit func([]*kgo.Record) (bool, error)) error {
	if len(wanted) == 0 {
		return nil
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	for p, s := range wanted {
		from[p], left[p] = kgo.NewOffset().At(s.From), s.To
	}
	// The end of a span may be the marker of a transaction, so markers count.
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, c.Options...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
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
			return fmt.Errorf("reading topic %q partition %d: %w", topic, errs[0].Partition, errs[0].Err)
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
