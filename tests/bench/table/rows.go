package main

import (
	"fmt"
	"math"
	"strconv"
)

// row is one line of the table.
type row struct {
	what  string
	name  string // of the measurement: benchmark and unit
	unit  string
	scale float64 // of what was measured; 0: as it is
	least bool    // the bounds are lower bounds
	must  float64 // 0: none
	aim   float64
}

var rows = []row{
	{what: "reconcile buffer / pass-through buffer, CPU per event", name: "Buffer cpu-ratio", must: 1.9, aim: 1.6},
	{what: "  the same with hold_acks: false", name: "Buffer cpu-ratio-released"},
	{what: "  the same, throughput", name: "Buffer throughput-ratio", least: true, must: 0.50, aim: 0.65},
	{what: "  the least such a buffer takes, nothing judged, CPU", name: "Buffer floor-cpu-ratio"},
	{what: "  the same, throughput", name: "Buffer floor-throughput-ratio"},
	{what: "naive plugin / reconcile buffer, CPU", name: "Buffer naive-ratio", unit: "x", least: true, must: 8, aim: 12},
	{what: "configuration only / reconcile buffer, CPU", name: "Configuration config-ratio", unit: "x", least: true, must: 12, aim: 20},
	{what: "engine with extraction, one core, 100,000 open facts", name: "Apply100k Mevents/s", unit: " M/s", least: true, must: 2, aim: 3},
	{what: "  encoding/json, reading the same fields / that", name: "Apply100k json-ratio", unit: "x"},
	{what: "engine with extraction, one core, 1,000,000 open facts", name: "Apply1M Mevents/s", unit: " M/s", least: true, must: 1.5, aim: 2},
	{what: "fixed bytes per open fact, reported by one of three", name: "HeapPerFact open-1-B/fact", unit: " B", must: 160, aim: 130},
	{what: "fixed bytes per open fact, reported by two of three", name: "HeapPerFact open-2-B/fact", unit: " B", must: 160, aim: 130},
	{what: "fixed bytes per closed fact, reported by all three", name: "HeapPerFact closed-B/fact", unit: " B", must: 160, aim: 130},
	{what: "process: file, buffer, drop / the same without the buffer, CPU", name: "Process process-ratio", must: 2.0, aim: 1.5},
	{what: "memory per held event, own Kafka input / redpanda input", name: "HeldMemory held-ratio", must: 1.0 / 3, aim: 0.1},
	{what: "  own Kafka input", name: "HeldMemory own-B/event", unit: " B"},
	{what: "  own Kafka input with samples", name: "HeldMemory own-sampled-B/event", unit: " B"},
	{what: "  redpanda input, helios_reconcile buffer", name: "HeldMemory redpanda-B/event", unit: " B"},
	{what: "added p99 from last event to verdict, at half the highest rate", name: "Latency added-p99-ms", unit: " ms", must: 5, aim: 2},
	{what: "  that half", name: "Latency events/s", unit: " k/s", scale: 1e-3},
	{what: "intake blocked while 100,000 facts expire, longest", name: "IntakeWhileFactsExpire longest-ms", unit: " ms", must: 10, aim: 2},
	{what: "  the same writes with nothing to expire", name: "IntakeWhileFactsExpire quiet-longest-ms", unit: " ms"},
	{what: "canonicalise one EventBridge event", name: "AgainstBloblang/eventbridge processor-ns/event", unit: " µs", scale: 1e-3, must: 1.5, aim: 0.8},
	{what: "canonicalise one Event Grid event", name: "AgainstBloblang/eventgrid processor-ns/event", unit: " µs", scale: 1e-3, must: 1.5, aim: 0.8},
	{what: "canonicalise one Pub/Sub event", name: "AgainstBloblang/pubsub processor-ns/event", unit: " µs", scale: 1e-3, must: 1.5, aim: 0.8},
	{what: "Bloblang mapping / helios_canonical, EventBridge", name: "AgainstBloblang/eventbridge x-faster", unit: "x", least: true, must: 5, aim: 5},
	{what: "Bloblang mapping / helios_canonical, Event Grid", name: "AgainstBloblang/eventgrid x-faster", unit: "x", least: true, must: 5, aim: 5},
	{what: "Bloblang mapping / helios_canonical, Pub/Sub", name: "AgainstBloblang/pubsub x-faster", unit: "x", least: true, must: 5, aim: 5},
	{what: "  the mapping itself, EventBridge (9 to 14 µs where the targets were set)", name: "AgainstBloblang/eventbridge bloblang-ns/event", unit: " µs", scale: 1e-3},
	{what: "PostgreSQL: row inserts, a transaction each / COPY and merge", name: "Postgres ratio-tx-each", unit: "x", least: true, must: 10, aim: 10},
	{what: "PostgreSQL: row inserts in one transaction / COPY and merge", name: "Postgres ratio-one-tx", unit: "x"},
	{what: "webhook: signed requests of one event, load generator included", name: "SignedRequests requests/s", unit: " k/s", scale: 1e-3, least: true, must: 10, aim: 10},
	{what: "  their p99", name: "SignedRequests p99-µs", unit: " ms", scale: 1e-3},
	{what: "deduplication through Redis, batches of 100", name: "AgainstConnectsDedupe events/s", unit: " k/s", scale: 1e-3, least: true, must: 50, aim: 50},
	{what: "  times Redpanda Connect's dedupe", name: "AgainstConnectsDedupe ratio", unit: "x", least: true, must: 5, aim: 5},
	{what: "judge a payload of the demo by its contract, from the bytes on", name: "AgainstJSONSchema contract-ns/event", unit: " µs", scale: 1e-3, must: 3, aim: 3},
	{what: "  Redpanda Connect's json_schema / the same", name: "AgainstJSONSchema x-faster", unit: "x", least: true, must: 10, aim: 10},
	{what: "  memory of 10,000 contracts", name: "TenThousandContracts MB", unit: " MB", must: 200, aim: 200},
	{what: "  judging by one of them", name: "TenThousandContracts one-of-them-ns/event", unit: " µs", scale: 1e-3},
	{what: "  by a contract that stands alone", name: "TenThousandContracts alone-ns/event", unit: " µs", scale: 1e-3},
	{what: "  by each of them in turn", name: "TenThousandContracts each-in-turn-ns/event", unit: " µs", scale: 1e-3},
	{what: "helios_schema on canonical events, batches of 100", name: "Processor processor-ns/event", unit: " µs", scale: 1e-3},
	{what: "demo: process start to first verdict", name: "Demo first-verdict-s", unit: " s", must: 5, aim: 2},
}

func number(v float64, unit string) string {
	digits := 2 - int(math.Floor(math.Log10(max(math.Abs(v), 1e-3))))
	return strconv.FormatFloat(v, 'f', min(max(digits, 0), 3), 64) + unit
}

func (r row) bound(v float64) string {
	switch {
	case v == 0:
		return ""
	case r.least:
		return ">= " + number(v, r.unit)
	}
	return "<= " + number(v, r.unit)
}

// result is what was measured, and how it compares with the bounds.
func (r row) result(measured map[string]float64) string {
	scale := r.scale
	if scale == 0 {
		scale = 1
	}
	v, ok := measured[r.name]
	if !ok {
		return "not measured\t\t"
	}
	v *= scale
	spread := ""
	if q1, ok := measured[r.name+"-q1"]; ok {
		spread = fmt.Sprintf("[%s .. %s]", number(q1*scale, ""), number(measured[r.name+"-q3"]*scale, ""))
	}
	return number(v, r.unit) + "\t" + spread + "\t" + r.judge(v)
}

func (r row) judge(v float64) string {
	within := func(bound float64) bool { return v <= bound && !r.least || v >= bound && r.least }
	switch {
	case r.must == 0:
		return ""
	case within(r.aim):
		return "as aimed at"
	case within(r.must):
		return "met"
	}
	return "MISSED"
}
