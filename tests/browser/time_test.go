package browser

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/memory"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/helios-connect/helios/internal/embedded"
)

// What is promised of the page.
const (
	loadedWithin = 2000 // milliseconds
	shownWithin  = 500  // milliseconds
)

// stopwatch notes, inside the page, when the first rows stood and how old each
// event was when it was painted: a row is made in one frame and seen with the next.
const stopwatch = `window.firstRow = 0; window.ages = [];
document.addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
  const rows = changes.flatMap((c) => [...c.addedNodes]).filter((n) => n.tagName === "TR");
  if (!rows.length) return;
  requestAnimationFrame((painted) => {
    window.firstRow ||= painted;
    for (const r of rows) window.ages.push(performance.timeOrigin + performance.now() - Date.parse(r.querySelector("time").dateTime));
  });
}).observe(document.getElementById("events"), { childList: true }));`

// quick makes the clock of a page faster, and lets more items through: %d times,
// %d a second of the page.
const quick = `(() => {
  const speed = %d, rate = %d, start = Date.now(), now = Date.now.bind(Date), every = window.setInterval, later = window.setTimeout, Socket = window.WebSocket;
  Date.now = () => start + (now() - start) * speed;
  window.setInterval = (f, ms) => every(f, ms / speed);
  window.setTimeout = (f, ms) => later(f, ms / speed);
  window.counted = 0;
  window.WebSocket = class extends Socket {
    constructor(url, protocols) {
      url.searchParams.set("max_rate", rate * speed);
      super(url, protocols);
      if (url.pathname === "/ws/events") this.addEventListener("message", (m) => { for (const n of Object.values(JSON.parse(m.data).counts || {})) window.counted += n; });
    }
  };
})();`

// The real program: events come through the inputs of production, which note when
// they received them, through the pipelines into the log, and from there to the
// screen.
func TestThePageIsLoadedAndShowsEventsInTime(t *testing.T) {
	demo := startDemo(t, "--rate", "1000")
	b := open(t)
	b.before(stopwatch)
	var loaded, firstRow, median, most []float64
	// The best of several: what else the machine does is no property of the page.
	for range 8 {
		b.visit(demo)
		b.until("rows", "window.firstRow > 0 && window.ages.length > 0")
		loaded = append(loaded, value[float64](b, "performance.getEntriesByType('navigation')[0].loadEventEnd"))
		firstRow = append(firstRow, value[float64](b, "window.firstRow"))
		b.until("both streams", live)
		b.do("new Promise((go) => setTimeout(go, 300)).then(() => { window.ages = []; })") // what came out of the store is old
		b.until("events to measure", "window.ages.length >= 100")
		median = append(median, value[float64](b, "[...window.ages].sort((a, b) => a - b)[Math.floor(window.ages.length / 2)]"))
		most = append(most, value[float64](b, "[...window.ages].sort((a, b) => a - b)[Math.floor(window.ages.length * 0.95)]"))
		if len(most) >= 3 && slices.Min(most) < shownWithin && slices.Min(firstRow) < loadedWithin {
			break
		}
	}
	t.Logf("%d times, in milliseconds: loaded %.0f, first rows %.0f (limit %d); from receipt to screen at 1,000 events/s median %.0f, 95 %% %.0f (limit %d)",
		len(most), loaded, firstRow, loadedWithin, median, most, shownWithin)
	require.Less(t, slices.Min(loaded), float64(loadedWithin))
	require.Less(t, slices.Min(firstRow), float64(loadedWithin))
	require.Less(t, slices.Min(most), float64(shownWithin))
	require.Positive(t, slices.Min(median), "nothing is seen before it came")
}

// held is what a page holds after everything that can be thrown away was.
type held struct {
	nodes, listeners int64
	heap             float64
}

// weigh collects garbage some times and returns the least of each: what a frame
// that is just being made still holds is gone the next time, what leaked never is.
func (b *tab) weigh() (least held) {
	b.t.Helper()
	for i := range 5 {
		call(b, heapprofiler.CollectGarbage, cdp.Empty{})
		dom, heap := call(b, memory.GetDOMCounters, cdp.Empty{}), call(b, runtime.GetHeapUsage, cdp.Empty{})
		if i == 0 {
			least = held{dom.Nodes, dom.JsEventListeners, heap.UsedSize}
		}
		least = held{min(least.nodes, dom.Nodes), min(least.listeners, dom.JsEventListeners), min(least.heap, heap.UsedSize)}
		time.Sleep(200 * time.Millisecond) // more than one frame
	}
	return least
}

// load produces events at a rate, and a verdict for every third, until stop says so.
func (s *site) load(perSecond int, stop func() bool) (produced *atomic.Int64, ended <-chan struct{}) {
	produced = &atomic.Int64{}
	done := make(chan struct{})
	events, verdicts := make([]string, 3000), make([]string, 1000)
	for i := range events {
		events[i] = s.event(nil)
	}
	for i := range verdicts {
		members := map[string]any{"status": "matched", "diffs": []any{}}
		if i%50 == 0 {
			members = nil
		}
		verdicts[i] = verdict(i+1, members)
	}
	go func() {
		defer close(done)
		began, n := time.Now(), 0
		for !stop() {
			due := int(time.Since(began).Seconds() * float64(perSecond))
			var records []*kgo.Record
			for ; n < due; n++ {
				records = append(records, &kgo.Record{Topic: embedded.TopicEvents, Value: []byte(events[n%len(events)])})
				if n%3 == 0 {
					records = append(records, &kgo.Record{Topic: embedded.TopicVerdicts, Value: []byte(verdicts[n/3%len(verdicts)])})
				}
			}
			if s.client.ProduceSync(context.Background(), records...).FirstErr() != nil {
				return // the test is at its end
			}
			produced.Store(int64(n))
			time.Sleep(10 * time.Millisecond) // the pace
		}
	}()
	return produced, done
}

// An hour at 1,000 events a second, its clock made faster. HELIOS_MEASURE=1 takes
// the whole hour (10 minutes at six times the speed); otherwise it is one minute.
func TestAnHourOfEventsLeavesNothingBehind(t *testing.T) {
	const speed, perSecond = 6, 1000
	hour, warm := time.Minute, 15*time.Second // by the page's clock
	if os.Getenv("HELIOS_MEASURE") == "1" {
		hour, warm = time.Hour, 3*time.Minute
	}
	s, b := opened(t, fmt.Sprintf(quick, speed, 25))
	call(b, network.Disable, cdp.Empty{}) // it would keep every frame for this test
	var stopped atomic.Bool
	produced, ended := s.load(speed*perSecond, stopped.Load)
	defer func() { stopped.Store(true); <-ended }()

	counted := func() float64 { return value[float64](b, "window.counted") }
	await := func(n float64) {
		for deadline := time.Now().Add(2*hour/speed + patience); counted() < n; time.Sleep(200 * time.Millisecond) {
			require.True(t, time.Now().Before(deadline), "the page has counted %.0f of %.0f events", counted(), n)
		}
	}
	await(perSecond * warm.Seconds())
	b.until("full tables", "document.querySelectorAll('#events tr').length === 60 && document.querySelectorAll('#disagreements li').length === 8")
	first := b.weigh()
	t.Logf("after %8.0f events: %+v", counted(), first)
	const parts = 6
	for part := 1; part <= parts; part++ {
		await(perSecond * (warm.Seconds() + hour.Seconds()*float64(part)/parts))
		now := b.weigh()
		t.Logf("after %8.0f events: %+v", counted(), now)
		// What one frame makes and another throws away is less than this; what
		// leaks with every row or disagreement is soon far more.
		require.Less(t, now.nodes, first.nodes+1500, "DOM nodes")
		require.Less(t, now.listeners, first.listeners+60, "listeners")
		require.Less(t, now.heap, first.heap+1.5e6, "bytes of the heap")
	}
	rate, err := strconv.ParseFloat(value[string](b, "document.getElementById('rate-events').textContent.replace(',', '')"), 64)
	require.NoError(t, err)
	require.InDelta(t, perSecond, rate, perSecond/2, "events per second of the page's clock")
	require.GreaterOrEqual(t, float64(produced.Load()), counted())
	_, _, errors := b.seen()
	require.Empty(t, errors)
}
