package kafka_test

import (
	"fmt"
	"testing"

	"github.com/helios-connect/helios/internal/embedded"
)

// A partition that gets no events takes the marks of the others over, once it
// is read to its end: its facts don't wait for ever.
func TestAQuietPartitionGoesByTheMarksOfTheOthers(t *testing.T) {
	b := startBroker(t, 3)
	b.start(b.config("g", orders))
	verdicts := b.follow(embedded.TopicVerdicts)
	b.send(fact{partition: 0, key: "alone", cloud: "aws", at: 0})
	for i, cloud := range []string{"aws", "gcp"} {
		b.send(fact{partition: 1 + i, key: fmt.Sprint("mark", i), cloud: cloud, at: 100})
	}
	v := verdicts.untilCount(1)[0]
	if got := v.String(); got != "alone r1 missing (deadline) missing=[gcp] stalled=[]" {
		t.Fatal(got)
	}
}
