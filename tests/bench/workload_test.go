//go:build unix

package bench

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/helios-connect/helios/tests/bench/measure"
)

var clouds = [...]string{"aws", "azure", "gcp"}

const (
	batchSize = 100
	window    = time.Minute
	lateness  = 10 * time.Second
)

// part is documents from..to-1 of a list.
type part struct {
	of       measure.Documents
	from, to int
}

func whole(d measure.Documents) part { return part{d, 0, d.Len()} }

func (p part) len() int { return p.to - p.from }

// workload is a stream of events and the verdicts that it must lead to.
type workload struct {
	// docs are the events, and behind them the closers: events that move every
	// cloud's clock past the last fact. They report one more fact, whose key
	// closerKey names.
	docs   measure.Documents
	events int   // how many of docs are no closers
	facts  []int // the number of each event's fact
	count  int   // of facts, without the closers'
}

const (
	closerKey = "closer"
	keyPrefix = "ord-"
	eventType = "com.example.order.paid"
)

// makeWorkload makes the events of n facts. Of 100 facts two lack a cloud, three
// differ in their amount or their currency, one has an event twice. Between a
// fact's first and its last event those of about `open` other facts arrive; all
// of a fact's events carry the same time, and each cloud's are in order.
func makeWorkload(t testing.TB, n, open int, start time.Time, step time.Duration) *workload {
	t.Helper()
	w := &workload{count: n, docs: measure.OffHeap(t, (n+2)*(len(clouds)+1)*documentMost)}
	emit := func(place, i int) {
		if i < 0 || i >= n {
			return
		}
		cloud, amount, currency := clouds[place], fmt.Sprintf("%d.%02d", 1+i%1000, i%100), "EUR"
		odd := place == i/100%3
		switch i % 100 {
		case 7, 57:
			if odd {
				return
			}
		case 13, 73:
			if odd {
				amount = fmt.Sprintf("%d.%02d", 2+i%1000, i%100)
			}
		case 33:
			if odd {
				currency = "USD"
			}
		case 41:
			currency = [...]string{"EUR", "eur", "Eur"}[place] // the same
		}
		doc := document(cloud, factKey(i), i, start.Add(time.Duration(i)*step), amount, currency)
		w.add(doc, i)
		if i%100 == 88 && place == 1 {
			w.add(doc, i)
		}
	}
	for i := range n + open {
		for place := range clouds {
			emit(place, i-place*open/(len(clouds)-1))
		}
	}
	end := start.Add(time.Duration(n)*step + window + lateness + time.Second)
	w.events = w.docs.Len()
	for _, cloud := range clouds {
		w.docs.Add(document(cloud, closerKey, n, end, "1.00", "EUR"))
	}
	return w
}

func (w *workload) add(doc []byte, fact int) {
	w.docs.Add(doc)
	w.facts = append(w.facts, fact)
}

func factKey(i int) string { return fmt.Sprintf(keyPrefix+"%012d", i) }

// status is what makeWorkload makes of a fact.
func status(i int) string {
	switch i % 100 {
	case 7, 57:
		return "missing"
	case 13, 73, 33:
		return "mismatched"
	}
	return "matched"
}

// documentMost is more than the bytes of a document.
const documentMost = 640

func document(cloud, key string, i int, at time.Time, amount, currency string) []byte {
	stamp := at.UTC().Format(time.RFC3339Nano)
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%s-%012d","source":"/shops/%s/checkout","type":%q,"time":%q,"datacontenttype":"application/json","cloud":%q,"tenant":"acme","correlationid":%q,"ingesttime":%q,"data":{"order_id":%q,"amount":%s,"currency":%q,"customer":{"id":"c-%06d","country":"DE"},"items":[{"sku":"A-1","quantity":2},{"sku":"B-7","quantity":1}]}}`,
		cloud, i, cloud, eventType, stamp, cloud, key, stamp, key, amount, currency, i%99999)
}

// eventsOnly are the events without the closers.
func (w *workload) eventsOnly() part { return part{w.docs, 0, w.events} }

// verdicts is how many verdicts all documents lead to.
func (w *workload) verdicts() int { return w.count + 1 }

// differences names up to five facts whose verdict is not the one expected, or
// which have none or one too many.
func (w *workload) differences(got map[string]string) error {
	var wrong []string
	expected := make(map[string]bool, w.count)
	for i := range w.count {
		key, want := factKey(i), status(i)
		expected[key] = true
		if got[key] != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q instead of %q", key, got[key], want))
		}
	}
	for key := range got {
		if !expected[key] && key != closerKey {
			wrong = append(wrong, fmt.Sprintf("%s is no fact", key))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	sort.Strings(wrong)
	return fmt.Errorf("%d verdicts are wrong: %s", len(wrong), strings.Join(wrong[:min(len(wrong), 5)], "; "))
}
