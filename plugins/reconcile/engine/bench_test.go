package engine

import (
	"fmt"
	"testing"
	"time"
)

type discard struct{ n int }

func (d *discard) Verdict(*Verdict) { d.n++ }

func benchExpectation() Expectation {
	return Expectation{
		Name: "orders", Types: []string{"com.example.order.*"}, Expect: []string{"aws", "azure", "gcp"},
		Window: time.Minute, AllowedLateness: 10 * time.Second,
		Compare: []Compare{{Field: "data.amount", Tolerance: "0.01"}, {Field: "data.currency", IgnoreCase: true}},
	}
}

var benchClouds = [...]string{"aws", "azure", "gcp"}

// benchDocs makes n facts' events of three clouds, so that open facts stay open
// at a time: each cloud is that many facts behind the one before it.
func benchDocs(n, open int, start time.Time, step time.Duration) [][]byte {
	var docs [][]byte
	emit := func(cloud string, i int) {
		if i < 0 || i >= n {
			return
		}
		docs = append(docs, fmt.Appendf(nil, `{"specversion":"1.0","id":"%s-%012d","source":"/shops/%s/checkout","type":"com.example.order.paid","time":"%s","datacontenttype":"application/json","cloud":"%s","tenant":"acme","correlationid":"ord-%012d","ingesttime":"%s","data":{"order_id":"ord-%012d","amount":%d.%02d,"currency":"EUR","customer":{"id":"c-%06d","country":"DE"},"items":[{"sku":"A-1","quantity":2},{"sku":"B-7","quantity":1}]}}`,
			cloud, i, cloud, start.Add(time.Duration(i)*step).UTC().Format(time.RFC3339Nano), cloud, i,
			start.Add(time.Duration(i)*step).UTC().Format(time.RFC3339Nano), i, i%1000, i%100, i%99999))
	}
	for i := 0; i < n+open; i++ {
		emit("aws", i)
		emit("azure", i-open/2)
		emit("gcp", i-open)
	}
	return docs
}

func benchmarkApply(b *testing.B, open int, one bool) {
	facts := 2 * open
	docs := benchDocs(facts, open, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Minute/time.Duration(2*open))
	b.ReportAllocs()
	b.ResetTimer()
	events := 0
	var busy time.Duration
	for range b.N {
		sink := &discard{}
		e, err := New(Config{Expectations: []Expectation{benchExpectation()}, MaxOpen: 4 * open}, sink)
		if err != nil {
			b.Fatal(err)
		}
		t := time.Now()
		for i := 0; i < len(docs); i += 100 {
			batch := docs[i:min(i+100, len(docs))]
			visit := func(_ int, o *Outcome) {
				if o.Reason != ReasonNone {
					b.Fatal(o.Reason, o.Err)
				}
			}
			if one {
				for j := range batch {
					o := e.Apply(batch[j], 0, 1)
					visit(j, &o)
				}
			} else {
				e.ApplyBatch(batch, func(j int) uint64 { return uint64(i + j) }, 1, visit)
			}
			e.Expire(256, 1)
		}
		busy += time.Since(t)
		events += len(docs)
		if sink.n != facts {
			b.Fatalf("%d verdicts for %d facts", sink.n, facts)
		}
	}
	b.ReportMetric(float64(busy.Nanoseconds())/float64(events), "ns/event")
	b.ReportMetric(float64(events)/busy.Seconds()/1e6, "Mevents/s")
}

func BenchmarkApply10k(b *testing.B)     { benchmarkApply(b, 10_000, false) }
func BenchmarkApply100k(b *testing.B)    { benchmarkApply(b, 100_000, false) }
func BenchmarkApply1M(b *testing.B)      { benchmarkApply(b, 1_000_000, false) }
func BenchmarkApplyOne100k(b *testing.B) { benchmarkApply(b, 100_000, true) }
