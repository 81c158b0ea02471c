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
// most its last poll again, and loses nothing. What stays is tried again by the
// next run.
func (r Replay) Run(ctx context.Context, conn kafkaconn.Connection) (Totals, error) {
	wanted, err := conn.Spans(ctx, conn.Letters, r.Filter.Since)
	if err != nil {
		return Totals{}, err
	}
	client, err := kgo.NewClient(append(append([]kgo.Opt{}, conn.Options...), kgo.RequiredAcks(kgo.AllISRAcks()))...)
	if err != nil {
		return Totals{}, err
	}
	defer client.Close()
	conv, err := convert.New(r.Rules)
	if err != nil {
		return Totals{}, err
	}
	run := replaying{Replay: r, conn: conn, client: client, admin: kadm.NewClient(client), conv: conv}
	if err := run.resume(ctx, wanted); err != nil {
		return Totals{}, err
	}
	err = conn.Read(ctx, conn.Letters, wanted, func(batch []*kgo.Record) (bool, error) { return run.batch(ctx, batch) })
	return run.totals, err
}

// replaying is one run.
type replaying struct {
	Replay
	conn     kafkaconn.Connection
	client   *kgo.Client
	admin    *kadm.Client
	conv     *convert.Converter
	trackers map[int32]*tracker
	totals   Totals
}

// resume takes the group's progress up, and leaves in wanted what is still to be
// tried.
func (r *replaying) resume(ctx context.Context, wanted map[int32]kafkaconn.Span) error {
	done, err := r.admin.FetchOffsets(ctx, r.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("group %q: %w", r.Group, err)
	}
	r.trackers = map[int32]*tracker{}
	for p, s := range wanted {
		var before progress
		if o, ok := done.Lookup(r.conn.Letters, p); ok {
			if before, err = progressOf(o.At, o.Metadata); err != nil {
				return fmt.Errorf("group %q: %w", r.Group, err)
			}
		}
		t := &tracker{before: before, left: before.left(s.From, s.To)}
		if len(t.left) == 0 {
			delete(wanted, p)
			continue
		}
		r.trackers[p] = t
		wanted[p] = kafkaconn.Span{From: t.left[0].From, To: s.To}
	}
	return nil
}

func (r *replaying) batch(ctx context.Context, batch []*kgo.Record) (more bool, err error) {
	more = true
	var out []*kgo.Record
	var seen []*kgo.Record              // letters, in order
	stays := map[*kgo.Record]bool{}     // letters
	of := map[*kgo.Record]*kgo.Record{} // of an event its letter
	for _, rec := range batch {
		if r.Limit > 0 && r.totals.Sent+len(out) >= r.Limit {
			more = false
			break
		}
		seen = append(seen, rec)
		l := Decode(rec)
		if rec.Attrs.IsControl() || !holds(r.trackers[rec.Partition].left, rec.Offset) || !r.Filter.Match(l) {
			continue
		}
		if l.Attempt >= r.MaxAttempts {
			r.totals.Capped++
			r.Report(l, 0, fmt.Errorf("attempt %d of at most %d", l.Attempt, r.MaxAttempts))
			continue
		}
		made, err := r.events(ctx, r.conv, l, r.conn.Events)
		if stays[rec] = err != nil; stays[rec] {
			r.totals.Stayed++
		}
		r.Report(l, len(made), err)
		for _, m := range made {
			of[m] = rec
		}
		out = append(out, made...)
	}
	if r.DryRun {
		r.totals.Sent += len(out)
		return more, nil
	}
	for _, res := range r.client.ProduceSync(ctx, out...) {
		switch {
		case res.Err == nil:
			r.totals.Sent++
		case errors.Is(res.Err, kerr.MessageTooLarge):
			r.totals.Stayed++
			stays[of[res.Record]] = true
		default:
			return false, fmt.Errorf("producing to topic %q: %w", r.conn.Events, res.Err)
		}
	}
	if r.beforeCommit != nil {
		if err := r.beforeCommit(); err != nil {
			return false, err
		}
	}
	return more, r.commit(ctx, seen, stays)
}

// commit passes the letters in the group.
func (r *replaying) commit(ctx context.Context, seen []*kgo.Record, stays map[*kgo.Record]bool) error {
	touched := map[int32]*tracker{}
	for _, rec := range seen {
		t := r.trackers[rec.Partition]
		t.pass(rec.Offset, stays[rec])
		touched[rec.Partition] = t
	}
	if len(touched) == 0 {
		return nil
	}
	offsets := kadm.Offsets{}
	for p, t := range touched {
		now := t.progress()
		metadata, err := now.metadata()
		if err != nil {
			return err
		}
		offsets.Add(kadm.Offset{Topic: r.conn.Letters, Partition: p, At: now.next, LeaderEpoch: -1, Metadata: metadata})
	}
	if err := r.admin.CommitAllOffsets(ctx, r.Group, offsets); err != nil {
		return fmt.Errorf("committing to group %q: %w", r.Group, err)
	}
	return nil
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
