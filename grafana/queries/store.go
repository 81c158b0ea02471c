package queries

import "github.com/helios-connect/helios/plugins/telemetry"

// What several dashboards and alerts ask.

// DeadLetters are events that were refused anywhere, per second, by reason.
func DeadLetters(window string) string {
	return Sum(Rate(Of(telemetry.CanonicalRefused), window), telemetry.LabelReason) +
		" or " + Sum(Rate(Of(telemetry.ReconcileFlagged), window), telemetry.LabelReason)
}

// DeadLettersIn counts what was refused in a window.
func DeadLettersIn(window string) string {
	received := Sum(Increase(Of(telemetry.CanonicalReceived), window))
	return OrZero(Sum(Increase(Of(telemetry.CanonicalRefused), window)), received) +
		" + " + OrZero(Sum(Increase(Of(telemetry.ReconcileFlagged), window)), received)
}

// DeadLettersStored counts the dead letters of a window that the store has,
// whoever refused them: also what a contract refuses, which no other counter tells
// from what only breaks it.
func DeadLettersStored(window string) string {
	dead := Is(telemetry.LabelTable, "helios_dead_letters")
	return OrZero(Sum(Grown(Of(telemetry.StoreRowsStored, dead), window)), Sum(Of(telemetry.StoreRowsRefused, dead)))
}

// Unaccounted is what ingest received and neither converted nor refused: the
// conservation law, which says 0. The three counters belong to one process and
// start together.
func Unaccounted(by ...string) string {
	received := Sum(Of(telemetry.CanonicalReceived), by...)
	return "abs(" + received + " - " + OrZero(Sum(Of(telemetry.CanonicalConverted), by...), received) +
		" - " + OrZero(Sum(Of(telemetry.CanonicalRefused), by...), received) + ")"
}

// Vanished is the least that was unaccounted for in a time: a look between two of
// the counters finds events under way, which are not gone.
func Vanished(window string, by ...string) string {
	return "min_over_time((" + Unaccounted(by...) + ")[" + window + ":30s])"
}

// Agreement is the share of verdicts that are matched.
func Agreement(window string) string {
	return Share(Sum(Increase(Of(telemetry.ReconcileVerdicts, Is(telemetry.LabelStatus, "matched")), window)),
		Sum(Increase(Of(telemetry.ReconcileVerdicts), window)))
}

// Compliance is the share of events that keep their contract, of those that Judged
// counts.
func Compliance(window string, by []string, matchers ...string) string {
	kept := append([]string{Like(telemetry.LabelOutcome, "valid|upgraded")}, matchers...)
	return Share(Sum(Increase(Of(telemetry.SchemaEvents, kept...), window), by...), Judged(window, by, matchers...))
}

// Judged is how many events a contract judged. Types without one break none: where
// they are refused, they are dead letters.
func Judged(window string, by []string, matchers ...string) string {
	judged := append([]string{Not(telemetry.LabelOutcome, "unregistered")}, matchers...)
	return Sum(Increase(Of(telemetry.SchemaEvents, judged...), window), by...)
}

// Behind is how many records consumer groups have not read yet. Each process of a group
// reports the lag of all of its partitions, whoever reads them.
func Behind(by []string, matchers ...string) string {
	return Sum(Max(Of(telemetry.ConnectKafkaLag, matchers...), telemetry.LabelStream, telemetry.LabelTopic, telemetry.LabelPartition), by...)
}
