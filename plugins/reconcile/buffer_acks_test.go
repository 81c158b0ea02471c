package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// ledger is the test's own account of who may be acknowledged when. It knows
// the rules only from outside: an event's batch may be acknowledged when a
// message that accounts for the event has been delivered.
type ledger struct {
	t       *rapid.T
	batches []*batchAccount
	sent    map[string]int  // delivered and accepted messages, by what they are
	pending map[string]bool // messages that the output holds or has refused
}

type batchAccount struct {
	answers int // acks
	nacks   int
	facts   map[string]bool // facts of its events that had no verdict when they came, and have none delivered
	flagged map[string]bool // its flagged events that have not been delivered
}

func (a *batchAccount) settled() bool { return len(a.facts) == 0 && len(a.flagged) == 0 }

// flight is a batch that the output holds.
type flight struct {
	batch service.MessageBatch
	ack   service.AckFunc
}

// acksModel drives a buffer with acks held by random batches, ticks and answers
// of the output.
type acksModel struct {
	ledger
	b       *buffer
	now     time.Time
	flights []flight
	events  int
	closed  map[string]bool      // facts with a verdict, delivered or not
	first   map[string]time.Time // earliest event of each fact
}

func newAcksModel(t *rapid.T, b *buffer) *acksModel {
	m := &acksModel{ledger: ledger{t: t, sent: map[string]int{}, pending: map[string]bool{}}, b: b,
		now: time.Unix(1_700_000_000, 0), closed: map[string]bool{}, first: map[string]time.Time{}}
	b.now = func() time.Time { return m.now }
	return m
}

// write takes in a batch of events, some unreadable, with keys that repeat.
func (m *acksModel) write() {
	account := &batchAccount{facts: map[string]bool{}, flagged: map[string]bool{}}
	m.batches = append(m.batches, account)
	var batch service.MessageBatch
	for range rapid.IntRange(0, 5).Draw(m.t, "size") {
		m.events++
		id := fmt.Sprint("e", m.events)
		if rapid.IntRange(0, 9).Draw(m.t, "kind") == 0 {
			doc := `{"not":"an event","n":"` + id + `"}`
			account.flagged[doc] = true
			batch = append(batch, service.NewMessage([]byte(doc)))
			continue
		}
		key := fmt.Sprint("k", m.events/20*4+rapid.IntRange(0, 7).Draw(m.t, "key"))
		cloud := rapid.SampledFrom([]string{"aws", "gcp", "azure"}).Draw(m.t, "cloud")
		at := m.now.Add(-time.Duration(rapid.IntRange(0, 8).Draw(m.t, "age")) * time.Second)
		if m.owed(key, at) {
			account.facts[key] = true
		}
		batch = append(batch, service.NewMessage(fmt.Appendf(nil,
			`{"id":%q,"source":"/s","type":"order","time":%q,"cloud":%q,"correlationid":%q,"data":{"amount":%d}}`,
			id, at.UTC().Format(time.RFC3339Nano), cloud, key, rapid.IntRange(1, 2).Draw(m.t, "amount"))))
	}
	err := m.b.WriteBatch(context.Background(), batch, func(_ context.Context, err error) error {
		if err != nil {
			account.nacks++
			return nil
		}
		account.answers++
		if !account.settled() {
			m.t.Fatalf("acknowledged before it was delivered what accounts for facts %v and flagged %v", account.facts, account.flagged)
		}
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.noteVerdicts()
}

// owed reports whether an event must be accounted for by a verdict to come: its
// fact has none, and no clock can be far enough for it to get one before the
// event is applied. Of older facts this ledger can't tell.
func (m *acksModel) owed(key string, at time.Time) bool {
	if first, ok := m.first[key]; !ok || at.Before(first) {
		m.first[key] = at
	}
	const windowAndLateness = 7 * time.Second
	return !m.closed[key] && m.now.Before(m.first[key].Add(windowAndLateness))
}

// noteVerdicts notes which facts have a verdict. A further event of such a fact
// may count for nothing or make a correction, which this ledger does not
// foretell; the conformance suite does.
func (m *acksModel) noteVerdicts() {
	m.b.mu.Lock()
	defer m.b.mu.Unlock()
	for _, o := range m.b.queue {
		if o.verdict != nil {
			m.closed[o.verdict.Key] = true
		}
	}
}

func (m *acksModel) pass(d time.Duration) {
	m.now = m.now.Add(d)
	m.b.tick(d, m.now)
	for m.b.expire() {
	}
	m.noteVerdicts()
}

// read hands a batch to the output, if there is one; a timer may add to the queue
// meanwhile. A message that the output holds already is an error.
func (m *acksModel) read() {
	m.b.mu.Lock()
	empty := len(m.b.queue) == 0
	m.b.mu.Unlock()
	if empty {
		return
	}
	batch, ack, err := m.b.ReadBatch(context.Background())
	if err != nil {
		m.t.Fatal(err)
	}
	for _, msg := range batch {
		if name := nameOf(m.t, msg); m.pending[name] || m.sent[name] > 0 {
			m.t.Fatalf("%s is offered while the output has it, or after it was delivered", name)
		} else {
			m.pending[name] = true
		}
	}
	m.flights = append(m.flights, flight{batch, ack})
}

// answer accepts or refuses one of the batches that the output has.
func (m *acksModel) answer(accept bool) {
	if len(m.flights) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.flights)-1).Draw(m.t, "flight")
	f := m.flights[i]
	m.flights = append(m.flights[:i], m.flights[i+1:]...)
	var refusal error
	if !accept {
		refusal = errors.New("refused")
	}
	for _, msg := range f.batch {
		name := nameOf(m.t, msg)
		delete(m.pending, name)
		if accept {
			m.sent[name]++
			m.settle(msg)
		}
	}
	if err := f.ack(context.Background(), refusal); err != nil {
		m.t.Fatal(err)
	}
}

// settle takes off the accounts what a delivered message accounts for.
func (m *acksModel) settle(msg *service.Message) {
	if _, flagged := msg.MetaGet(metaReason); flagged {
		doc, _ := msg.AsBytes()
		for _, a := range m.batches {
			delete(a.flagged, string(doc))
		}
		return
	}
	key, _ := msg.MetaGet(metaKey)
	for _, a := range m.batches {
		delete(a.facts, key)
	}
}

// nameOf names a verdict by fact, life and revision, a flagged event by itself.
func nameOf(t *rapid.T, msg *service.Message) string {
	doc, err := msg.AsBytes()
	if err != nil {
		t.Fatal(err)
	}
	if _, flagged := msg.MetaGet(metaReason); flagged {
		return string(doc)
	}
	var v struct {
		ID       string
		OpenedAt string `json:"opened_at"`
		Revision int
	}
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %s r%d", v.ID, v.OpenedAt, v.Revision)
}

func (m *acksModel) check() {
	for i, a := range m.batches {
		if a.nacks > 0 {
			m.t.Fatalf("batch %d was nacked while the buffer runs", i)
		}
		if a.answers > 1 {
			m.t.Fatalf("batch %d was acknowledged %d times", i, a.answers)
		}
	}
}

// drain lets time pass and has the output take everything, until nothing is
// held. Refused batches come back on a timer of their own.
func (m *acksModel) drain() {
	for deadline := time.Now().Add(20 * time.Second); ; {
		m.b.mu.Lock()
		held, busy := m.b.held.inUse, m.b.returning > 0 || len(m.b.queue) > 0
		m.b.mu.Unlock()
		if held == 0 && !busy && len(m.flights) == 0 {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("%d batches are still held", held)
		}
		m.pass(time.Second)
		m.read()
		m.answer(true)
	}
}

const acksConfig = `
idle_timeout: 3s
correction_horizon: 20s
expectations:
  - { name: orders, expect: [ aws, gcp, azure ], window: 5s, allowed_lateness: 2s, compare: [ { field: data.amount } ] }
`

// Whatever arrives and however the output answers: no batch is acknowledged
// before what accounts for each of its events has been delivered, none is nacked
// while the buffer runs, each is acknowledged once in the end, and no verdict is
// lost or delivered twice.
func TestABatchIsAcknowledgedWhenEverythingOfItIsDelivered(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := idleBuffer(t, acksConfig)
		b.retryFirst, b.retryMost = time.Microsecond, time.Microsecond
		m := newAcksModel(rt, b)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0, 1:
				m.write()
			case 2:
				m.pass(time.Duration(rapid.IntRange(1, 2000).Draw(rt, "ms")) * time.Millisecond)
			case 3:
				m.read()
			case 4:
				m.answer(true)
			case 5:
				m.answer(false)
			}
			m.check()
		}
		m.drain()
		m.check()
		for i, a := range m.batches {
			if a.answers != 1 || !a.settled() {
				rt.Fatalf("batch %d was acknowledged %d times in the end; facts %v and flagged %v were never delivered", i, a.answers, a.facts, a.flagged)
			}
		}
		if err := m.revisionsAreWhole(); err != nil {
			rt.Fatal(err)
		}
		require.NoError(t, b.Close(context.Background()))
		m.check()
	})
}

// revisionsAreWhole: of every fact, revisions 1 to n were delivered, each once.
func (m *acksModel) revisionsAreWhole() error {
	highest, count := map[string]int{}, map[string]int{}
	for name, n := range m.sent {
		if n != 1 {
			return fmt.Errorf("%s was delivered %d times", name, n)
		}
		var id, opened string
		var revision int
		if _, err := fmt.Sscanf(name, "%s %s r%d", &id, &opened, &revision); err != nil {
			continue // a flagged event
		}
		highest[id+opened] = max(highest[id+opened], revision)
		count[id+opened]++
	}
	for fact, n := range highest {
		if count[fact] != n {
			return fmt.Errorf("fact %s: %d revisions were delivered, the last is %d", fact, count[fact], n)
		}
	}
	return nil
}

// orderConfig puts fields before orderExpectation.
func orderConfig(fields string) string {
	return fields + "\n" + strings.ReplaceAll(orderExpectation, "\n    ", "\n")
}

// acked counts what a batch is answered.
type acked struct{ acks, nacks int }

func (a *acked) fn(_ context.Context, err error) error {
	if err != nil {
		a.nacks++
	} else {
		a.acks++
	}
	return nil
}

func take(t *testing.T, b *buffer, docs ...[]byte) *acked {
	t.Helper()
	var batch service.MessageBatch
	for _, d := range docs {
		batch = append(batch, service.NewMessage(d))
	}
	a := &acked{}
	require.NoError(t, b.WriteBatch(t.Context(), batch, a.fn))
	return a
}

func deliverAll(t *testing.T, b *buffer) (out []*service.Message) {
	t.Helper()
	for len(b.queue) > 0 {
		batch, ack, err := b.ReadBatch(t.Context())
		require.NoError(t, err)
		require.NoError(t, ack(t.Context(), nil))
		out = append(out, batch...)
	}
	return out
}

func TestABatchOfRepeatsThatChangeNothingIsAcknowledgedAtOnce(t *testing.T) {
	b := idleBuffer(t, orderConfig(""))
	first := take(t, b, orderEvent("a", "aws", 0, 1), orderEvent("a", "gcp", 0, 1))
	require.Len(t, b.queue, 1)
	require.Equal(t, acked{}, *first)
	repeats := take(t, b, orderEvent("a", "aws", 0, 1), orderEvent("a", "gcp", 0, 1))
	require.Equal(t, acked{acks: 1}, *repeats, "the verdict that accounts for them can't be changed by them")
	require.Equal(t, acked{}, *first, "the verdict is not delivered yet")
	require.Len(t, deliverAll(t, b), 1)
	require.Equal(t, acked{acks: 1}, *first)
	require.Equal(t, acked{acks: 1}, *take(t, b), "an empty batch")
	require.NoError(t, b.Close(t.Context()))
	require.Equal(t, acked{acks: 1}, *first)
}

func TestARepeatOfAnOpenFactWaitsForItsVerdict(t *testing.T) {
	b := idleBuffer(t, orderConfig(""))
	first := take(t, b, orderEvent("a", "aws", 0, 1))
	repeat := take(t, b, orderEvent("a", "aws", 0, 1))
	flagged := take(t, b, []byte("no event"), orderEvent("a", "aws", 0, 2))
	require.Len(t, deliverAll(t, b), 1)
	require.Equal(t, []acked{{}, {}, {}}, []acked{*first, *repeat, *flagged})
	take(t, b, orderEvent("a", "gcp", 0, 1))
	require.Len(t, deliverAll(t, b), 1)
	require.Equal(t, []acked{{acks: 1}, {acks: 1}, {acks: 1}}, []acked{*first, *repeat, *flagged})
}

func TestCloseGivesBackWhatIsNotAcknowledged(t *testing.T) {
	b := idleBuffer(t, orderConfig(""))
	open := take(t, b, orderEvent("open", "aws", 0, 1))
	undelivered := take(t, b, orderEvent("closed", "aws", 0, 1), orderEvent("closed", "gcp", 0, 1))
	_, ack, err := b.ReadBatch(t.Context())
	require.NoError(t, err)
	require.NoError(t, b.Close(t.Context()))
	require.Equal(t, []acked{{nacks: 1}, {nacks: 1}}, []acked{*open, *undelivered})
	require.NoError(t, ack(t.Context(), nil))
	require.Equal(t, acked{nacks: 1}, *undelivered, "the output's answer comes too late to change that")
	_, _, err = b.ReadBatch(t.Context())
	require.ErrorIs(t, err, service.ErrEndOfBuffer)
	require.ErrorIs(t, b.WriteBatch(t.Context(), nil, open.fn), service.ErrEndOfBuffer)
}

func TestWithoutHeldAcksABatchIsAcknowledgedWhenItIsTakenIn(t *testing.T) {
	b := idleBuffer(t, orderConfig("hold_acks: false"))
	a := take(t, b, orderEvent("a", "aws", 0, 1), []byte("no event"))
	require.Equal(t, acked{acks: 1}, *a)
	require.NoError(t, b.Close(t.Context()))
	require.Equal(t, acked{acks: 1}, *a)
}
