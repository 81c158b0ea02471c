package reconcile

import (
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// warnOfUnseen returns an engine.Config.Unseen that logs, once however many
// engines there are, that a compared field may be misspelt.
func warnOfUnseen(log *service.Logger) func(expectation, field string, facts int) {
	var told sync.Map
	return func(expectation, field string, facts int) {
		if _, again := told.LoadOrStore([2]string{expectation, field}, true); !again {
			log.Warnf("Expectation %q compares %s, which no event had (facts so far: %d): is the path right? It begins at the event's root, such as data.amount. What nobody has never differs.", expectation, field, facts)
		}
	}
}
