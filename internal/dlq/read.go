package dlq

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/kafkaconn"
)

// List calls visit with every letter that matches, until it returns false.
func List(ctx context.Context, conn kafkaconn.Connection, f Filter, visit func(Letter) bool) error {
	wanted, err := conn.Spans(ctx, conn.Letters, f.Since)
	if err != nil {
		return err
	}
	return conn.Read(ctx, conn.Letters, wanted, func(batch []*kgo.Record) (bool, error) {
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
	wanted, err := conn.Spans(ctx, conn.Letters, time.Time{})
	if err != nil {
		return found, err
	}
	s, ok := wanted[partition]
	if !ok {
		return found, fmt.Errorf("%d:%d: topic %q holds no letter in partition %d", partition, offset, conn.Letters, partition)
	}
	if offset < s.From || offset >= s.To {
		return found, fmt.Errorf("%d:%d: topic %q holds offsets %d to %d of partition %d", partition, offset, conn.Letters, s.From, s.To-1, partition)
	}
	ok = false
	err = conn.Read(ctx, conn.Letters, map[int32]kafkaconn.Span{partition: {From: offset, To: offset + 1}}, func(batch []*kgo.Record) (bool, error) {
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
