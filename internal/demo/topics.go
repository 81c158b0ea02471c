package demo

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
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
