package browser

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/embedded"
	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/internal/storetest"
)

func TestThePageComesBackWithTheServer(t *testing.T) {
	s, b := opened(t)
	s.stop()
	b.until("the loss", "document.getElementById('trouble').innerText.includes('connection is lost since')")
	require.Equal(t, "connection lost, trying again", value[string](b, "document.getElementById('connection').textContent"))
	// What is stored meanwhile is there afterwards.
	storetest.Write(t, s.dsn, "verdicts", verdict(9, nil))
	s.start()
	b.until("the streams", live)
	b.until("no trouble", "document.getElementById('trouble').innerText === ''")
	b.until("the disagreement of meanwhile", "[...document.querySelectorAll('#disagreements button')].some((e) => e.textContent === 'ord-9')")
	s.produceUntil(b, "an event", "[...document.querySelectorAll('#events bdi')].some((e) => e.textContent === 'afterwards')", map[string]any{"correlationid": "afterwards"})
}

// lostByServer is in the server's metrics when it had to throw events away.
var lostByServer = regexp.MustCompile(`(?m)^helios_api_stream_messages_dropped_total\{stream="events"\} [1-9]`)

// busy keeps a page from reading until the server has thrown events away, or for as
// long as the server waits for somebody who does not read.
const busy = `setTimeout(() => {
  for (const end = performance.now() + 9000; performance.now() < end;) {
    const request = new XMLHttpRequest();
    request.open("GET", "/metrics", false);
    request.send();
    if (/^helios_api_stream_messages_dropped_total\{stream="events"\} [1-9]/m.test(request.responseText)) break;
  }
}, 0)`

func TestAPageThatReadsTooSlowlySaysWhatItLost(t *testing.T) {
	s, b := opened(t, fmt.Sprintf(quick, 1, 100_000))
	s.produceUntil(b, "an event", "window.counted > 0", nil)
	large := make([]string, 100)
	for i := range large {
		large[i] = s.event(map[string]any{"data": strings.Repeat("x", 30_000)})
	}
	dropped := func() bool { return lostByServer.MatchString(s.get("/metrics")) }
	b.do(busy)
	for deadline := time.Now().Add(patience); !dropped(); {
		require.True(t, time.Now().Before(deadline), "nothing was lost")
		s.log(embedded.TopicEvents, large...)
	}
	s.produceUntil(b, "the loss", "/^[1-9][0-9,]* items were lost/.test(document.getElementById('lost').textContent)", nil)
	require.LessOrEqual(t, value[int](b, "document.querySelectorAll('#events tr').length"), 60)
	lost := value[int](b, "streams.get('events').lost")
	s.stop()
	s.start()
	b.until("the streams", live)
	require.GreaterOrEqual(t, value[int](b, "streams.get('events').lost"), lost, "a new connection does not make it forgotten")
}

func TestThePageSaysWhichDependencyIsDown(t *testing.T) {
	database := pgtest.StartServer(t)
	dsn := database.Database(t)
	storetest.Write(t, dsn, "verdicts", verdict(1, nil))
	s := serve(t, dsn, "")
	b := open(t)
	b.visit(s.url("/"))
	b.until("both streams", live)
	b.until("a healthy store", "document.getElementById('health').innerText.includes('store\\nup')")
	require.Empty(t, value[string](b, "document.getElementById('trouble').innerText"))

	database.Kill(t)
	b.until("the database to be missed", "document.getElementById('trouble').innerText.includes('The store is down since')")
	require.Contains(t, value[string](b, "document.getElementById('health').innerText"), "last error")
	require.NotContains(t, value[string](b, "document.body.innerText"), "password")
	s.produceUntil(b, "events all the same", "document.querySelectorAll('#events tr').length > 2", nil)

	s.kafka.Close()
	b.until("the log to be missed", "document.getElementById('trouble').innerText.includes('The log is down since')")
	require.Empty(t, value[[]string](b, misfits))

	database.Restart(t)
	b.until("the store again", "!document.getElementById('trouble').innerText.includes('The store')")
	b.until("what was wrong", "document.getElementById('health').innerText.includes('last error')")
}

func TestACloudThatFallsSilentIsNamed(t *testing.T) {
	s, b := opened(t, fmt.Sprintf(quick, 10, 25))
	s.produceUntil(b, "all clouds", "['aws', 'gcp', 'azure'].every((c) => clouds.get(c) && clouds.get(c).last)", nil)
	s.produceUntil(b, "the silence of one", "/gcp is silent since \\d\\d:\\d\\d:\\d\\d/.test(document.getElementById('trouble').innerText) && !/aws/.test(document.getElementById('trouble').innerText)", map[string]any{"cloud": "aws"})
	s.produceUntil(b, "its return", "!/gcp/.test(document.getElementById('trouble').innerText)", map[string]any{"cloud": "gcp"})
}
