package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gorilla/websocket"

	"github.com/helios-connect/helios/internal/api/live"
)

const (
	// frameEvery bounds frames: whatever comes in between goes into the next.
	frameEvery = 50 * time.Millisecond
	// heartbeatEvery is how long a stream is silent at most.
	heartbeatEvery = 10 * time.Second
	// pongPatience is after how much silence a client counts as gone.
	pongPatience = 35 * time.Second
	// writePatience is how long a frame may wait for a client that does not read.
	writePatience = 10 * time.Second
	// goodbye is how long a client may take to hear that the server stops.
	goodbye = time.Second
	// maxMaxRate bounds max_rate.
	maxMaxRate = 100_000
)

// upgrader refuses pages of other origins, which is gorilla's default.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: headerPatience, ReadBufferSize: 1 << 10, WriteBufferSize: 16 << 10,
	Subprotocols: []string{protocolName},
	Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		problem(w, status, reason.Error())
	},
}

// frame is one message of a stream.
type frame struct {
	// Kind is hello, items or heartbeat.
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
	// Items are the documents, as they stand in the log.
	Items []json.RawMessage `json:"items,omitempty"`
	// Counts of all that the filter let through since the last frame, by cloud
	// (events) or status (verdicts), also of what is not among the items.
	Counts map[string]int64 `json:"counts,omitempty"`
	// Sampled and Dropped count since the stream began.
	Sampled int64 `json:"sampled"`
	Dropped int64 `json:"dropped"`
}

func (s *Server) registerStreams() {
	for _, stream := range []live.Stream{live.Events, live.Verdicts} {
		s.mux.HandleFunc("GET /ws/"+stream.String(), s.guard(Viewer, func(w http.ResponseWriter, r *http.Request) { s.serveStream(w, r, stream) }))
		s.describeStream(stream)
	}
}

// describeStream adds to the specification what huma does not serve.
func (s *Server) describeStream(stream live.Stream) {
	text := func(name, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: doc, Schema: &huma.Schema{Type: "string"}}
	}
	params := []*huma.Param{
		text("tenant", "only this tenant"),
		text("type", "only this type; * stands for any characters"),
		text("cloud", map[live.Stream]string{
			live.Events: "only this cloud; several, separated by commas", live.Verdicts: "only verdicts that name this cloud as missing, stalled or an outlier",
		}[stream]),
	}
	if stream == live.Verdicts {
		params = append(params, text("status", "only this status; several, separated by commas"))
	}
	params = append(params, &huma.Param{
		Name: "max_rate", In: "query", Description: "items per second at most, 0 to 100000; the others are counted and not sent. 0: all. Verdicts that are matched from the first have a budget of their own",
		Schema: &huma.Schema{Type: "integer"},
	})
	s.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "stream-" + stream.String(), Method: http.MethodGet, Path: "/ws/" + stream.String(), Tags: []string{"Live"},
		Summary: "The " + stream.String() + " as they happen (WebSocket)", Parameters: params, Security: []map[string][]string{{"token": {}}, {}},
		Description: "Text frames, each a JSON object: kind (hello, items, heartbeat), at, items (documents as in the log), counts (of all that the filter lets through since the last frame, by " +
			map[live.Stream]string{live.Events: "cloud", live.Verdicts: "status"}[stream] + "), sampled and dropped (since the start). " +
			"A client that reads too slowly loses items, which dropped counts. Browsers send the token as the subprotocol helios.bearer.<base64url>, beside the subprotocol helios.",
		Responses: map[string]*huma.Response{
			"101": {Description: "The stream begins"}, "401": {Description: "No valid token"}, "422": {Description: "A parameter is wrong"}, "503": {Description: "There are as many streams as allowed"},
		},
	})
}

// streamFilter reads the parameters of a stream.
func streamFilter(stream live.Stream, query string) (f live.Filter, perSecond float64, err error) {
	q, err := url.ParseQuery(query)
	if err != nil { // without what can't be read, the filter would let everything through
		return f, 0, errors.New("the parameters can't be read; write ; as %3B and % as %25")
	}
	allowed := []string{"tenant", "type", "cloud", "max_rate"}
	if stream == live.Verdicts {
		allowed = append(allowed, "status")
	}
	for name, values := range q {
		switch {
		case !slices.Contains(allowed, name):
			return f, 0, errors.New(strconv.Quote(name) + " is no parameter; allowed are " + strings.Join(allowed, ", "))
		case len(values) > 1:
			return f, 0, errors.New(name + " is given more than once; separate several values by commas")
		case len(values[0]) > 4096:
			return f, 0, errors.New(name + " is longer than 4096 bytes")
		}
	}
	f = live.Filter{Tenant: q.Get("tenant"), Type: q.Get("type")}
	switch stream {
	case live.Events:
		f.Groups = list(q.Get("cloud"))
	case live.Verdicts:
		f.Groups, f.Cloud = list(q.Get("status")), q.Get("cloud")
	}
	if text := q.Get("max_rate"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxMaxRate {
			return f, 0, errors.New("max_rate is " + strconv.Quote(text) + "; allowed are 0 (all) to 100000 items per second")
		}
		perSecond = float64(n)
	}
	return f, perSecond, nil
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func (s *Server) serveStream(w http.ResponseWriter, r *http.Request, stream live.Stream) {
	filter, perSecond, err := streamFilter(stream, r.URL.RawQuery)
	if err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	subscription, leave, err := s.feed.Subscribe(stream, filter, perSecond)
	if err != nil {
		problem(w, http.StatusServiceUnavailable, "there are "+strconv.Itoa(live.MaxSubscribers)+" streams already; close one, or read the log itself")
		return
	}
	defer leave()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	// Who reads nothing would hold up the end for as long as a frame may wait.
	stays := context.AfterFunc(s.ending, func() { time.AfterFunc(goodbye, func() { _ = conn.Close() }) })
	defer stays()
	gone := make(chan struct{})
	s.running.Go(func() { defer close(gone); drain(conn) })
	s.writeStream(conn, stream, subscription, gone)
	_ = conn.Close() // ends drain
	<-gone
}

// drain reads what clients send, which is nothing but answers to pings, until
// they are gone.
func drain(conn *websocket.Conn) {
	conn.SetReadLimit(1 << 10)
	_ = conn.SetReadDeadline(time.Now().Add(pongPatience)) // reading says it
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Now().Add(pongPatience)) })
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
	}
}

// writeStream writes frames until the client is gone, does not read, or the
// server stops.
func (s *Server) writeStream(conn *websocket.Conn, stream live.Stream, from *live.Subscription, gone <-chan struct{}) {
	var sampled, dropped int64
	send := func(kind string, b live.Batch) bool {
		sampled, dropped = sampled+b.Sampled, dropped+b.Dropped
		f := frame{Kind: kind, At: time.Now().UTC(), Counts: b.Counts, Sampled: sampled, Dropped: dropped}
		for _, item := range b.Items {
			f.Items = append(f.Items, document(item.JSON))
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writePatience)) // writing says it
		if conn.WriteJSON(f) != nil {
			return false
		}
		s.metrics.sent.WithLabelValues(stream.String()).Add(float64(len(b.Items)))
		return true
	}
	if !send("hello", live.Batch{}) {
		return
	}
	heartbeat, pace := time.NewTicker(heartbeatEvery), time.NewTicker(frameEvery)
	defer heartbeat.Stop()
	defer pace.Stop()
	for {
		select {
		case <-gone:
			return
		case <-s.ending.Done():
			_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, "the server stops"), time.Now().Add(goodbye))
			return
		case <-heartbeat.C:
			if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writePatience)) != nil || !send("heartbeat", live.Batch{}) {
				return
			}
		case <-from.Wake():
			if b := from.Take(); !b.Empty() && !send("items", b) {
				return
			}
			select {
			case <-pace.C:
			case <-gone:
				return
			}
		}
	}
}
