package publish

import (
	"context"
	"errors"
	"fmt"
)

// Options name the targets. At least one is needed.
type Options struct {
	Bus    string // of EventBridge: a name or an ARN
	Queue  string // of SQS: a URL
	Topic  string // of Pub/Sub: projects/PROJECT/topics/TOPIC
	Grid   string // of Event Grid: the topic's endpoint
	Region string // of AWS; empty: the usual chain

	GridSchema string // SchemaEventGrid or SchemaCloudEvents
	GridKey    string // access key; empty: an identity of Entra

	// Endpoint of an emulator, for the one target of AWS or Google Cloud.
	Endpoint   string
	Everywhere bool
}

// Open connects to the targets.
func Open(ctx context.Context, o Options) (*Publisher, error) {
	named := 0
	for _, place := range []string{o.Bus, o.Queue, o.Topic} {
		if place != "" {
			named++
		}
	}
	switch {
	case named == 0 && o.Grid == "":
		return nil, errors.New("no target: give --bus, --queue, --topic or --grid")
	case o.Endpoint != "" && o.Grid != "" && named == 0:
		return nil, errors.New("--endpoint: a topic of Event Grid is a URL itself: give it to --grid")
	case o.Endpoint != "" && named != 1:
		return nil, fmt.Errorf("--endpoint: it is for one of --bus, --queue and --topic, and %d are given", named)
	}
	var targets []target
	var failed error
	open := func(t target, err error) {
		if err == nil {
			targets = append(targets, t)
		}
		failed = errors.Join(failed, err)
	}
	if o.Bus != "" {
		open(newEventBridge(ctx, o.Bus, o.Region, o.Endpoint))
	}
	if o.Queue != "" {
		open(newQueue(ctx, o.Queue, o.Region, o.Endpoint))
	}
	if o.Topic != "" {
		open(newTopic(ctx, o.Topic, o.Endpoint))
	}
	if o.Grid != "" {
		open(newGridTopic(o.Grid, o.GridSchema, o.GridKey))
	}
	p := newPublisher(targets...)
	p.Everywhere = o.Everywhere
	if failed != nil {
		p.Close()
		return nil, failed
	}
	return p, nil
}
