package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/plugins/reconcile/conformance"
	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

func TestTheBufferConforms(t *testing.T) {
	for _, holdAcks := range []bool{true, false} {
		t.Run(fmt.Sprint("hold_acks ", holdAcks), func(t *testing.T) {
			conformance.Run(t, func(t testing.TB, cfg oracle.Config) conformance.Host {
				return newBufferHost(t, cfg, holdAcks)
			}, conformance.Traits{TracksEvents: holdAcks})
		})
	}
}

// idleBuffer makes a buffer whose time a test advances by tick and expire.
func idleBuffer(t testing.TB, config string) *buffer {
	t.Helper()
	conf, err := bufferConfig().ParseYAML(config, nil)
	require.NoError(t, err)
	b, err := newIdleBuffer(conf, service.MockResources())
	require.NoError(t, err)
	close(b.done) // no tickLoop to wait for
	return b
}

// bufferHost drives a buffer by hand: every event is a batch of its own, and
// whatever comes out is delivered at once, one message at a time.
type bufferHost struct {
	b     *buffer
	wall  time.Time
	step  int
	acked []int // steps whose batches were acknowledged since the last look
	res   conformance.Result
}

func newBufferHost(t testing.TB, cfg oracle.Config, holdAcks bool) *bufferHost {
	h := &bufferHost{b: idleBuffer(t, bufferYAML(t, cfg, holdAcks))}
	h.b.now = func() time.Time { return h.wall }
	return h
}

var quotedBound = regexp.MustCompile(`((?:tolerance|relative): )"([^"]*)"`)

// bufferYAML writes a config as a user would: bounds as numbers.
func bufferYAML(t testing.TB, cfg oracle.Config, holdAcks bool) string {
	t.Helper()
	text, err := yaml.Marshal(cfg.WithDefaults())
	require.NoError(t, err)
	return fmt.Sprintf("hold_acks: %t\n%s", holdAcks, quotedBound.ReplaceAll(text, []byte("$1$2")))
}

func (h *bufferHost) Run(script []conformance.Step) (conformance.Result, error) {
	h.wall = conformance.FarWall
	for i, s := range script {
		h.step = i
		if h.wall = s.Wall; s.Wall.IsZero() {
			h.wall = conformance.FarWall
		}
		var err error
		switch {
		case s.End:
			h.b.EndOfInput()
		case s.Event != nil:
			err = h.write(s.Event)
		default:
			h.b.tick(s.Tick, h.wall)
		}
		if err == nil && i%3 != 1 { // closing may lag behind
			err = h.settle()
		}
		if err != nil {
			return h.res, err
		}
	}
	if err := h.settle(); err != nil {
		return h.res, err
	}
	return h.res, h.b.Close(context.Background())
}

func (h *bufferHost) write(doc []byte) error {
	h.acked = nil
	step, before := h.step, len(h.b.queue)
	err := h.b.WriteBatch(context.Background(), service.MessageBatch{service.NewMessage(bytes.Clone(doc))},
		func(_ context.Context, err error) error {
			if err == nil {
				h.acked = append(h.acked, step)
			}
			return nil
		})
	if err != nil {
		return err
	}
	for _, o := range h.b.queue[before:] {
		if o.verdict == nil { // flagged: told when it is delivered
			return nil
		}
	}
	if len(h.acked) > 0 {
		h.res.Done = append(h.res.Done, step)
	} else {
		h.res.Held = append(h.res.Held, step)
	}
	return nil
}

// settle closes what is due and delivers all there is.
func (h *bufferHost) settle() error {
	for {
		more := h.b.expire()
		if !more && len(h.b.queue) == 0 {
			return nil
		}
		for len(h.b.queue) > 0 {
			if err := h.deliver(); err != nil {
				return err
			}
		}
	}
}

// deliver has the output take the first message of the queue.
func (h *bufferHost) deliver() error {
	rest := h.b.queue[1:]
	h.b.queue = h.b.queue[:1:1]
	batch, ack, err := h.b.ReadBatch(context.Background())
	if err != nil {
		return err
	}
	h.b.queue = append(h.b.queue, rest...)
	h.acked = nil
	if err := ack(context.Background(), nil); err != nil {
		return err
	}
	doc, err := batch[0].AsBytes()
	if err != nil {
		return err
	}
	reason, flagged := batch[0].MetaGet(metaReason)
	if flagged != (batch[0].GetError() != nil) {
		return errors.New("an event with a reason is flagged as an error, no other is")
	}
	if flagged {
		h.res.Flags = append(h.res.Flags, oracle.Flag{Doc: string(doc), Reason: reason})
		return nil
	}
	h.res.Verdicts = append(h.res.Verdicts, conformance.Emission{JSON: doc, Accounts: h.acked})
	return nil
}

// The numbers of a config pass through floats; the decimals that come out must
// be those that were written.
func TestTolerancesAreTheDecimalsThatWereWritten(t *testing.T) {
	for _, written := range []string{"0.01", "0.1", "1e-9", "123456.789", "0", "1e3", "0.30000000000000004"} {
		conf, err := bufferConfig().ParseYAML(`{expectations: [{name: x, expect: [a, b], window: 1s, compare: [{field: data.n, tolerance: `+written+`}]}]}`, nil)
		require.NoError(t, err)
		cfg, err := parseReconcileConfig(conf, service.MockResources())
		require.NoError(t, err)
		got := cfg.Expectations[0].Compare[0].Tolerance
		want := map[string]string{"1e-9": "0.000000001", "1e3": "1000"}[written]
		if want == "" {
			want = written
		}
		require.Equal(t, want, got)
	}
}
