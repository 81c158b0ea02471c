package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/kafkaconn"
)

// topics asks the broker what it holds.
type topics struct{ admin *kadm.Client }

func newTopics(brokers []string) (*topics, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	return &topics{admin: kadm.NewClient(client)}, nil
}

func (t *topics) close() { t.admin.Close() }

// logged is how many events were ever written to the log. They are written
// outside of transactions, so that every offset is an event; retention moves the
// start of a log, never its end.
func (t *topics) logged(ctx context.Context) (n int64, err error) {
	ends, err := t.admin.ListEndOffsets(ctx, embedded.TopicEvents)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the end of %s: %w", embedded.TopicEvents, err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n, nil
}

// replayed is how many events of the log were dead letters before: whoever sends
// them again says so in a header.
func (t *topics) replayed(ctx context.Context, brokers []string) (n int64, err error) {
	conn := kafkaconn.Connection{Brokers: brokers, Options: []kgo.Opt{kgo.SeedBrokers(brokers...)}}
	spans, err := conn.Spans(ctx, embedded.TopicEvents, time.Time{})
	if err != nil {
		return 0, err
	}
	err = conn.Read(ctx, embedded.TopicEvents, spans, func(batch []*kgo.Record) (bool, error) {
		for _, r := range batch {
			if header(r, headerAttempt) != "" {
				n++
			}
		}
		return true, nil
	})
	return n, err
}
