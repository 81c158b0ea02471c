package dedupe

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/ownedinput"
	"github.com/helios-connect/helios/plugins/telemetry"
)

type settings struct {
	terms   Terms
	hold    bool // wait for a backend that is down
	forward bool // pass duplicates on
	waiting int  // events that may wait
	keyer   *keyer
}

func parseSettings(conf *service.ParsedConfig) (s settings, err error) {
	if s.terms.Claim, err = conf.FieldDuration(idFieldClaim); err != nil {
		return s, err
	}
	if s.terms.Confirm, err = conf.FieldDuration(idFieldConfirm); err != nil {
		return s, err
	}
	if s.terms.Claim < 100*time.Millisecond || s.terms.Confirm < s.terms.Claim {
		return s, fmt.Errorf("%s %v and %s %v: the first must be at least 100ms and the second no shorter than the first, for example 30s and 24h",
			idFieldClaim, s.terms.Claim, idFieldConfirm, s.terms.Confirm)
	}
	down, err := conf.FieldString(idFieldDown)
	if err != nil {
		return s, err
	}
	s.hold = down == downHold
	if s.forward, err = conf.FieldBool(idFieldForward); err != nil {
		return s, err
	}
	paths, err := conf.FieldStringList(idFieldKey)
	if err != nil {
		return s, err
	}
	if len(paths) == 0 {
		return s, fmt.Errorf("%s is empty; at least one path is required, for example [ source, id ]", idFieldKey)
	}
	if s.keyer, err = newKeyer(paths); err != nil {
		return s, fmt.Errorf("%s: %w", idFieldKey, err)
	}
	if s.waiting, err = conf.FieldInt(idFieldMaxWaits); err == nil && s.waiting < 1 {
		err = fmt.Errorf("%s %d: it takes 1 or more, for example 10000", idFieldMaxWaits, s.waiting)
	}
	return s, err
}

// meter counts; one batch costs a few updates.
type meter struct {
	received, duplicates, waits, unprotected, failures *service.MetricCounter
	waiting                                            *service.MetricGauge
	latency                                            *service.MetricTimer
	names                                              *telemetry.Bound
}

func newMeter(m *service.Metrics) *meter {
	counter := func(d telemetry.Metric) *service.MetricCounter { return m.NewCounter(d.Name, d.Labels...) }
	overflow := counter(telemetry.LabelOverflow)
	overflow.Incr(0, telemetry.LabelParticipant)
	return &meter{
		received: counter(telemetry.DedupeReceived), duplicates: counter(telemetry.DedupeDuplicates),
		waits: counter(telemetry.DedupeWaits), unprotected: counter(telemetry.DedupeUnprotected),
		failures: counter(telemetry.DedupeBackendErrors),
		waiting:  m.NewGauge(telemetry.DedupeWaiting.Name),
		latency:  m.NewTimer(telemetry.DedupeBackendTime.Name, telemetry.DedupeBackendTime.Labels...),
		names:    telemetry.NewBound(maxLabelledNames, func() { overflow.Incr(1, telemetry.LabelParticipant) }),
	}
}

// wrapped makes an input out of the one in the config.
type wrapped struct {
	owned *service.OwnedInput
	// started: the input has been asked for something. Until then it has not
	// begun to run, and closing it would wait for ever.
	started atomic.Bool
}

func (*wrapped) Connect(context.Context) error { return nil }

func (w *wrapped) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	w.started.Store(true)
	return w.owned.ReadBatch(ctx)
}

// Close is called when nothing will be settled any more: Redpanda Connect waits
// for what it has in hand before it closes an input, unless it is stopped hard.
// What is still open then goes back to its source unacknowledged, and the input
// must not wait for it.
func (w *wrapped) Close(ctx context.Context) error {
	if !w.started.Load() {
		return nil
	}
	ownedinput.CloseNow(w.owned)
	return w.owned.Close(ctx)
}
