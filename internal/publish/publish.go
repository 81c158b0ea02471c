package publish

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// limits of one request, as the cloud's documentation gives them.
type limits struct {
	entries int
	bytes   int // of all entries together
	each    int // of one entry; one above bytes travels alone
}

// entry is an event as a cloud takes it.
type entry struct {
	event *Event
	body  any
	size  int // bytes, as the cloud counts them
}

// target is one place in a cloud that events are sent to.
type target interface {
	// name for the summary, for example "EventBridge bus orders".
	name() string
	// cloud is the participant whose events go there.
	cloud() string
	limits() limits
	encode(*Event) (entry, error)
	// send sends a batch. refused has one element for each entry, nil when it was
	// taken. err concerns all of them: nothing of the batch was taken, as far as
	// can be known.
	send(ctx context.Context, batch []entry) (refused []*refusal, err error)
	close()
}

// keyedByData is a target that carries no subject.
type keyedByData interface{ keyed(*Event) bool }

// refusal is why the cloud did not take an entry.
type refusal struct {
	// code of the cloud; what it says; what to do about it, perhaps empty.
	code, text, advice string
	// remedy tells whether another attempt may help.
	remedy remedy
}

// remedy is what helps against a refusal.
type remedy uint8

const (
	// never: this entry will not be taken.
	never remedy = iota
	// later: the same request may succeed.
	later
	// smaller: some entry of the batch is to blame, and which one isn't said.
	smaller
	// stop: no entry will be taken, for example without the permission.
	stop
)

func (r *refusal) Error() string {
	s := r.code + ": " + r.text
	if r.advice != "" {
		s += "; " + r.advice
	}
	return s
}

// Publisher sends events to all its targets.
type Publisher struct {
	// Attempts for one entry [5], and the pause before the second, which doubles
	// up to 16 times [200ms].
	Attempts int
	Pause    time.Duration
	// Everywhere sends each event to every target, whatever its cloud is.
	Everywhere bool
	// Wait pauses; tests replace it.
	Wait func(context.Context, time.Duration) error

	lanes   []*lane
	summary Summary
}

// lane is a target with what was counted for it.
type lane struct {
	to     target
	counts *Counts
	dead   *refusal // why nothing more is sent there
}

func newPublisher(targets ...target) *Publisher {
	p := &Publisher{Attempts: 5, Pause: 200 * time.Millisecond, Wait: sleep, summary: Summary{Targets: []*Counts{}}}
	for _, t := range targets {
		c := &Counts{Target: t.name()}
		p.lanes = append(p.lanes, &lane{to: t, counts: c})
		p.summary.Targets = append(p.summary.Targets, c)
	}
	return p
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Close ends the connections.
func (p *Publisher) Close() {
	for _, l := range p.lanes {
		l.to.close()
	}
}

// Summary is what was counted up to now.
func (p *Publisher) Summary() *Summary { return &p.summary }

// Bad counts what is no event.
func (p *Publisher) Bad(place string, err error) {
	p.summary.Unreadable.add(place, err.Error())
}

// ErrStopped is returned when no target takes anything more.
var ErrStopped = errors.New("no target takes events any more")

// Publish sends events, each to the targets of its cloud, or to all when it names
// none of theirs. What a cloud refuses is in the summary.
func (p *Publisher) Publish(ctx context.Context, events []*Event) error {
	for _, e := range events {
		p.summary.Events++
		if !p.hasTarget(e) {
			p.summary.Elsewhere++
		}
	}
	alive := false
	for _, l := range p.lanes {
		var batch []*Event
		for _, e := range events {
			if p.goesTo(e, l) {
				batch = append(batch, e)
			}
		}
		if err := p.feed(ctx, l, batch); err != nil {
			return err
		}
		alive = alive || l.dead == nil
	}
	if !alive {
		return ErrStopped
	}
	return nil
}

// known tells the names of the clouds that a target can be in.
func known(cloud string) bool { return cloud == "aws" || cloud == "gcp" || cloud == "azure" }

func (p *Publisher) goesTo(e *Event, l *lane) bool {
	return p.Everywhere || !known(e.Cloud) || e.Cloud == l.to.cloud()
}

func (p *Publisher) hasTarget(e *Event) bool {
	for _, l := range p.lanes {
		if p.goesTo(e, l) {
			return true
		}
	}
	return false
}

// feed sends events to one target in batches within its limits.
func (p *Publisher) feed(ctx context.Context, l *lane, events []*Event) error {
	limit := l.to.limits()
	var batch []entry
	bytes := 0
	for _, e := range events {
		one, err := l.to.encode(e)
		if err == nil && one.size > limit.each {
			err = fmt.Errorf("TooLarge: %d bytes are more than the %d that one event may have", one.size, limit.each)
		}
		if err != nil {
			l.counts.refuse(e.Place, err.Error())
			continue
		}
		if len(batch) > 0 && (len(batch) == limit.entries || bytes+one.size > limit.bytes) {
			if err := p.deliver(ctx, l, batch, 1); err != nil {
				return err
			}
			batch, bytes = nil, 0
		}
		batch, bytes = append(batch, one), bytes+one.size
		if k, ok := l.to.(keyedByData); ok && !k.keyed(e) {
			l.counts.Unkeyed++
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return p.deliver(ctx, l, batch, 1)
}

// deliver sends a batch, and of it again only what was refused and may be taken
// later. The error is that of a context that has ended.
func (p *Publisher) deliver(ctx context.Context, l *lane, batch []entry, attempt int) error {
	for {
		if l.dead != nil {
			l.give(batch, l.dead)
			return nil
		}
		l.counts.Requests++
		refused, err := l.to.send(ctx, batch)
		if err != nil && ctx.Err() != nil {
			l.give(batch, &refusal{code: "Interrupted", text: "ended before the answer; it may have been taken"})
			return ctx.Err()
		}
		if whole := wholeRefusal(err); whole != nil {
			if whole.remedy == smaller && len(batch) > 1 {
				if err := p.deliver(ctx, l, batch[:len(batch)/2], attempt); err != nil {
					l.give(batch[len(batch)/2:], &refusal{code: "Interrupted", text: "ended before it was sent"})
					return err
				}
				batch = batch[len(batch)/2:]
				continue
			}
			if whole.remedy == stop {
				l.dead = whole
			}
			refused = make([]*refusal, len(batch))
			for i := range refused {
				refused[i] = whole
			}
		}
		batch = p.settle(l, batch, refused, attempt)
		if len(batch) == 0 {
			return nil
		}
		l.counts.Retried += len(batch)
		if err := p.Wait(ctx, p.Pause<<min(attempt-1, 4)); err != nil {
			l.give(batch, &refusal{code: "Interrupted", text: "ended before another attempt"})
			return err
		}
		attempt++
	}
}

// settle counts what was taken and what is given up, and returns the rest.
func (p *Publisher) settle(l *lane, batch []entry, refused []*refusal, attempt int) (again []entry) {
	for i, e := range batch {
		switch {
		case refused == nil || refused[i] == nil:
			l.counts.Sent++
			l.counts.Bytes += int64(e.size)
		case refused[i].remedy == later && attempt < p.Attempts:
			again = append(again, e)
		default:
			l.give([]entry{e}, refused[i])
		}
	}
	return again
}

// give counts entries as not sent.
func (l *lane) give(batch []entry, why *refusal) {
	for _, e := range batch {
		l.counts.refuse(e.event.Place, why.Error())
	}
}

// wholeRefusal turns the error of a request into a refusal; what is unknown, such
// as a lost connection, may help later.
func wholeRefusal(err error) *refusal {
	if err == nil {
		return nil
	}
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return &refusal{code: "NotReached", text: err.Error(), remedy: later}
}
