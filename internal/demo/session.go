package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/plugins/simulator"
)

const (
	worldName = "demo" // in pipelines/demo
	worldOver = "over" // phase of a world that has made every event

	// patience with each part of the end: what is not over by then is an error. It is
	// counted in looks and not in time, of which a suspended process has missed some.
	patience = 60 * time.Second
	// startPatience is how long the clouds may take to begin.
	startPatience = 30 * time.Second
	redrawEvery   = time.Second
	pollEvery     = 200 * time.Millisecond
	// calm is how long all counts must stand still for the run to be over. It
	// is several commit intervals of the reconciliation.
	calm = time.Second
)

// session is one run, from the moment the pipelines are up.
type session struct {
	o       *Options
	ws      *workspace
	kafka   *embedded.Kafka
	doors   *doors
	address string
	stop    <-chan struct{}
	display display

	world *simulator.World
	topic *topics
	tail  *tail
	meter *meter
	pace  governor
}

// run lets the clouds send, ends them, waits until everything has arrived, and
// judges it.
func (s *session) run(ctx context.Context) (*Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.display.finish()
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	defer s.topic.close()
	tailing := make(chan struct{})
	go func() { defer close(tailing); s.tail.follow(ctx) }()
	defer func() { cancel(); <-tailing }()

	if err := s.traffic(ctx); err != nil {
		return nil, err
	}
	left, err := s.settle(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := s.count(ctx, left)
	if err != nil {
		return nil, err
	}
	if err := stopStreams(ctx, s.address); err != nil {
		return nil, err
	}
	if err := counts.save(s.ws.path(countsFile)); err != nil {
		return nil, err
	}
	return Judge(s.ws.dir)
}

func (s *session) connect(ctx context.Context) (err error) {
	waiting, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("the pipelines did not connect to it"))
	defer cancel()
	if s.world, err = simulator.Await(waiting, worldName); err != nil {
		return err
	}
	if s.topic, err = newTopics(s.kafka.Addrs()); err != nil {
		return err
	}
	if s.tail, err = newTail(s.kafka.Addrs()); err != nil {
		return err
	}
	s.meter = &meter{address: s.address, tail: s.tail, planned: s.o.Duration, asked: s.o.Rate}
	s.pace = governor{asked: s.o.Rate, ingest: s.doors.limit()}
	return nil
}

// traffic lets the clouds send for as long as asked, and then ends them.
func (s *session) traffic(ctx context.Context) error {
	var over <-chan time.Time
	if s.o.Duration > 0 {
		over = time.After(s.o.Duration)
	}
	s.meter.phase = "running"
	s.redraw(ctx)
	redraw := time.NewTicker(redrawEvery)
	defer redraw.Stop()
	for running := true; running; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stop:
			running = false
		case <-over:
			s.standsStill()
			left := s.o.Duration - s.meter.ran(time.Now())
			running = left > 0
			over = time.After(left)
		case <-redraw.C:
			if err := s.world.Snapshot().Err; err != "" {
				return errors.New("the simulated clouds stopped: " + err)
			}
			s.look(ctx)
		}
	}
	if err := s.meter.loaded(ctx); err != nil {
		return err
	}
	return s.finish(ctx, redraw.C)
}

// finish stops the faults and waits until every event was taken.
func (s *session) finish(ctx context.Context, redraw <-chan time.Time) error {
	s.meter.phase = "ending"
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	finished := make(chan error, 1)
	go func() { finished <- s.world.Finish(ctx) }()
	looks := 0
	for {
		select {
		case err := <-finished:
			if s.allTaken() {
				return nil // whatever became of the inputs since
			}
			return err
		case <-redraw:
			s.look(ctx)
			if looks++; looks == int(patience/redrawEvery) {
				cancel(fmt.Errorf("not every event was taken within %v", patience))
			}
		}
	}
}

// allTaken reports whether the world is over and each of its events was
// acknowledged.
func (s *session) allTaken() bool {
	now := s.world.Snapshot()
	var left int64
	for _, cloud := range now.Clouds {
		left += cloud.InFlightEvents + cloud.WaitingEvents
	}
	return now.Phase == worldOver && left == 0
}

// stopping reports whether a signal has ended the run.
func (s *session) stopping() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// standsStill asks whether the process stood still. What was seen before says nothing
// about the rate that is taken now.
func (s *session) standsStill() {
	if s.meter.standsStill(time.Now()) {
		s.pace.at = time.Time{}
	}
}

// look governs by the present state and shows it. When it can't be known, the rate
// and the display stay what they are: the run goes on without.
func (s *session) look(ctx context.Context) {
	s.standsStill()
	m, err := scrape(ctx, s.address, watched)
	if err != nil {
		return
	}
	s.govern(ctx, m)
	s.show(m)
}

// govern has the clouds send no faster than what they send is taken.
func (s *session) govern(ctx context.Context, m metrics) {
	a, err := s.arrivals(ctx, m)
	if err != nil {
		return
	}
	s.world.SetRate(s.pace.look(time.Now(), a, s.world.Snapshot().Lost))
	s.meter.limited(s.pace.limit)
}

// redraw shows the present state, when it can be known.
func (s *session) redraw(ctx context.Context) {
	if m, err := scrape(ctx, s.address, watched); err == nil {
		s.show(m)
	}
}

func (s *session) show(m metrics) {
	v := s.meter.view(m, time.Now())
	v.stopping = s.stopping()
	s.display.show(v)
}

// settle waits until nothing is open or on its way, and says what is left when
// that takes too long.
func (s *session) settle(ctx context.Context) (left []string, err error) {
	s.meter.phase, s.meter.limit = "settling", ""
	poll, redraw := time.NewTicker(pollEvery), time.NewTicker(redrawEvery)
	defer poll.Stop()
	defer redraw.Stop()
	var last arrivals
	looks, same := 0, 0
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-redraw.C:
			s.redraw(ctx)
		case <-poll.C:
			m, err := scrape(ctx, s.address, watched)
			if err != nil {
				return nil, err
			}
			a, err := s.arrivals(ctx, m)
			if err != nil {
				return nil, err
			}
			looks, same = looks+1, same+1
			if a != last {
				last, same = a, 0
			}
			left = a.left()
			s.meter.left = ""
			if len(left) > 0 {
				s.meter.left = left[0]
			}
			if len(left) == 0 && same >= int(calm/pollEvery) || looks >= int(patience/pollEvery) {
				return left, nil
			}
		}
	}
}
