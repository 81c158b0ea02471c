package dlq

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/kafkaconn"
	"github.com/helios-connect/helios/plugins/canonical/convert"
	"github.com/helios-connect/helios/plugins/event"
	"github.com/helios-connect/helios/plugins/reconcile/kafka"
)

// Replay sends letters again.
type Replay struct {
	Filter Filter
	// Group holds the progress: what it has passed is not sent again.
	Group string
	// MaxAttempts: a letter that failed this often is not sent again.
	MaxAttempts int
	// Limit of events sent; 0 is none.
	Limit  int
	DryRun bool
	// Rules with which raw bytes become canonical.
	Rules convert.Options
	// Judge, if given, judges an event by its contract, as the ingest pipelines do,
	// and returns it as it goes on; an error says why it stays.
	Judge func(ctx context.Context, canonical []byte) ([]byte, error)
	// Report is told what becomes of each letter that matches: how many events
	// it makes, or why it stays.
	Report func(l Letter, events int, stays error)
	// beforeCommit lets a test stop between producing and committing.
	beforeCommit func() error
}

// Totals of a replay.
type Totals struct{ Sent, Capped, Stayed int }

// Run replays what lies in the topic now. Each poll is produced to all in-sync
// replicas, and only then passed in the group: a run that is cut short sends at
// most its last poll again, and loses nothing.
func (r Replay) Run(ctx context.Context, conn kafkaconn.Connection) (t Totals, err error) {
	wanted, err := conn.Spans(ctx, conn.Letters, r.Filter.Since)
	if err != nil {
		return t, err
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, conn.Options...), kgo.RequiredAcks(kgo.AllISRAcks()))...)
	if err != nil {
		return t, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if err := r.resume(ctx, admin, conn.Letters, wanted); err != nil {
		return t, err
	}
	conv, err := convert.New(r.Rules)
	if err != nil {
		return t, err
	}
	err = conn.Read(ctx, conn.Letters, wanted, func(batch []*kgo.Record) (bool, error) {
		return r.batch(ctx, conn, client, admin, conv, batch, &t)
	})
	return t, err
}

func (r Replay) resume(ctx context.Context, admin *kadm.Client, topic string, wanted map[int32]kafkaconn.Span) error {
	done, err := admin.FetchOffsets(ctx, r.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("group %q: %w", r.Group, err)
	}
	for p, s := range wanted {
		if o, ok := done.Lookup(topic, p); ok && o.At > s.From {
			if s.From = o.At; s.From >= s.To {
				delete(wanted, p)
				continue
			}
			wanted[p] = s
		}
	}
	return nil
}

func (r Replay) batch(ctx context.Context, conn kafkaconn.Connection, client *kgo.Client, admin *kadm.Client, conv *convert.Converter, batch []*kgo.Record, t *Totals) (bool, error) {
	passed, more := kadm.Offsets{}, true
	var out []*kgo.Record
	for _, rec := range batch {
		if r.Limit > 0 && t.Sent+len(out) >= r.Limit {
			more = false
			break
		}
		passed.AddOffset(conn.Letters, rec.Partition, rec.Offset+1, -1)
		l := Decode(rec)
		if rec.Attrs.IsControl() || !r.Filter.Match(l) {
			continue
		}
		if l.Attempt >= r.MaxAttempts {
			t.Capped++
			r.Report(l, 0, fmt.Errorf("attempt %d of at most %d", l.Attempt, r.MaxAttempts))
			continue
		}
		made, err := r.events(ctx, conv, l, conn.Events)
		if err != nil {
			t.Stayed++
		}
		r.Report(l, len(made), err)
		out = append(out, made...)
	}
	if r.DryRun {
		t.Sent += len(out)
		return more, nil
	}
	for _, res := range client.ProduceSync(ctx, out...) {
		switch {
		case res.Err == nil:
			t.Sent++
		case errors.Is(res.Err, kerr.MessageTooLarge):
			t.Stayed++
		default:
			return false, fmt.Errorf("producing to topic %q: %w", conn.Events, res.Err)
		}
	}
	if r.beforeCommit != nil {
		if err := r.beforeCommit(); err != nil {
			return false, err
		}
	}
	if len(passed) == 0 {
		return more, nil
	}
	if err := admin.CommitAllOffsets(ctx, r.Group, passed); err != nil {
		return false, fmt.Errorf("committing to group %q: %w", r.Group, err)
	}
	return more, nil
}

// events makes the events of a letter, all or none: what is canonical passes
// the conversion unchanged, raw bytes go through it as they did at first.
func (r Replay) events(ctx context.Context, conv *convert.Converter, l Letter, topic string) (made []*kgo.Record, err error) {
	switch {
	case l.Cut != "":
		return nil, fmt.Errorf("only a part of its %s bytes was kept", l.Cut)
	case len(l.Raw) == 0:
		return nil, errors.New("it has no bytes")
	case l.Stage != stageIngest && l.Stage != stageValidate && l.Origin != "" && !strings.HasPrefix(l.Origin, topic+"/"):
		return nil, fmt.Errorf("it came from %q and is no event of %q", l.Origin, topic)
	}
	in := convert.Input{Body: l.Raw, Now: time.Now().UnixNano()}
	if l.Stage == stageIngest {
		in.Cloud = l.Origin
	}
	for _, res := range conv.Convert(in) {
		if res.Reason != convert.Converted {
			return nil, fmt.Errorf("%s: %w", res.Reason, res.Err)
		}
		doc := res.Event
		if r.Judge != nil {
			if doc, err = r.Judge(ctx, doc); err != nil {
				return nil, err
			}
		}
		made = append(made, &kgo.Record{
			Topic: topic, Key: append([]byte{}, res.Key...), Value: setAttempt(doc, l.Attempt+1),
			// Whoever dead-letters it next adds one.
			Headers: []kgo.RecordHeader{{Key: kafka.HeaderAttempt, Value: []byte(strconv.Itoa(l.Attempt))}},
		})
	}
	return made, nil
}

// Stages whose letters hold what has not been in the topic of events.
const (
	stageIngest   = "ingest"   // raw bytes
	stageValidate = "validate" // canonical events that broke their contract
)

// setAttempt writes the attribute heliosattempt; all else stays byte for byte.
func setAttempt(canonical []byte, attempt int) []byte {
	out := []byte{'{'}
	for _, m := range event.AppendMembers(nil, canonical) {
		if string(m.Name) == event.AttrAttempt {
			continue
		}
		out = append(event.AppendQuoted(out, m.Name), ':')
		out = append(append(out, m.Value...), ',')
	}
	return fmt.Appendf(out, `"%s":%d}`, event.AttrAttempt, attempt)
}
