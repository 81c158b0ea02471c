//go:build unix

package bench

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

var clouds = [...]string{"aws", "azure", "gcp"}

const (
	batchSize = 100
	window    = time.Minute
	lateness  = 10 * time.Second
)

// workload is a stream of events and the verdicts that it must lead to.
type workload struct {
	events [][]byte
	facts  []int // the number of each event's fact
	// closers move every cloud's clock past the last fact. They report one more
	// fact, whose key closerKey names.
	closers [][]byte
	status  map[string]string // by key, without the closers' fact
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
func makeWorkload(n, open int, start time.Time, step time.Duration) *workload {
	w := &workload{status: make(map[string]string, n)}
	emit := func(place, i int) {
		if i < 0 || i >= n {
			return
		}
		cloud, amount, currency := clouds[place], fmt.Sprintf("%d.%02d", 1+i%1000, i%100), "EUR"
		status := "matched"
		switch i % 100 {
		case 7, 57:
			status = "missing"
			if place == i/100%3 {
				return
			}
		case 13, 73:
			status = "mismatched"
			if place == i/100%3 {
				amount = fmt.Sprintf("%d.%02d", 2+i%1000, i%100)
			}
		case 33:
			status = "mismatched"
			if place == i/100%3 {
				currency = "USD"
			}
		case 41:
			currency = [...]string{"EUR", "eur", "Eur"}[place] // the same
		}
		key := fmt.Sprintf(keyPrefix+"%012d", i)
		w.status[key] = status
		doc := document(cloud, key, i, start.Add(time.Duration(i)*step), amount, currency)
		w.events, w.facts = append(w.events, doc), append(w.facts, i)
		if i%100 == 88 && place == 1 {
			w.events, w.facts = append(w.events, doc), append(w.facts, i)
		}
	}
	for i := range n + open {
		for place := range clouds {
			emit(place, i-place*open/(len(clouds)-1))
		}
	}
	end := start.Add(time.Duration(n)*step + window + lateness + time.Second)
	for _, cloud := range clouds {
		w.closers = append(w.closers, document(cloud, closerKey, n, end, "1.00", "EUR"))
	}
	return w
}

func document(cloud, key string, i int, at time.Time, amount, currency string) []byte {
	stamp := at.UTC().Format(time.RFC3339Nano)
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%s-%012d","source":"/shops/%s/checkout","type":%q,"time":%q,"datacontenttype":"application/json","cloud":%q,"tenant":"acme","correlationid":%q,"ingesttime":%q,"data":{"order_id":%q,"amount":%s,"currency":%q,"customer":{"id":"c-%06d","country":"DE"},"items":[{"sku":"A-1","quantity":2},{"sku":"B-7","quantity":1}]}}`,
		cloud, i, cloud, eventType, stamp, cloud, key, stamp, key, amount, currency, i%99999)
}

// all returns the events and the closers.
func (w *workload) all() [][]byte {
	return append(append([][]byte(nil), w.events...), w.closers...)
}

// differences names up to five facts whose verdict is not the one expected, or
// which have none or one too many.
func (w *workload) differences(got map[string]string) error {
	var wrong []string
	for key, want := range w.status {
		if got[key] != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q instead of %q", key, got[key], want))
		}
	}
	for key := range got {
		if _, ok := w.status[key]; !ok && key != closerKey {
			wrong = append(wrong, fmt.Sprintf("%s is no fact", key))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	sort.Strings(wrong)
	return fmt.Errorf("%d verdicts are wrong: %s", len(wrong), strings.Join(wrong[:min(len(wrong), 5)], "; "))
}
