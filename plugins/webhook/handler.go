package webhook

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Metadata that every event has.
const (
	metaSender     = "helios_sender"
	metaSenderKind = "helios_sender_kind"
)

// route is one path and whoever may push to it.
type route struct {
	path     string
	name     string
	kind     string
	sender   sender
	header   headerAuth // nil: none
	body     bodyAuth   // nil: none
	limit    *limiter
	patience time.Duration // from a request's headers to its answer
	headers  []string      // that become metadata, in small letters
	maxBody  int64         // bytes, on the wire and decoded
}

// handler answers requests.
type handler struct {
	limits
	routes   map[string]*route
	exchange *exchange
	memory   *allowance
	slots    chan struct{} // one for each request in flight
	now      func() time.Time
	report   *reporter
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := h.now()
	deadlines := http.NewResponseController(w)
	// Also bounds what net/http reads of a body that was refused unread.
	_ = deadlines.SetReadDeadline(time.Now().Add(h.bodyTimeout))
	to, ok := h.routes[r.URL.Path]
	if !ok {
		h.answerError(w, unknownSender, refuse(http.StatusNotFound, unknownPath, "no sender is configured for the path %s", shorten(r.URL.Path)))
		return
	}
	out, err := h.serve(to, deadlines, r)
	if err != nil {
		h.answerError(w, to.name, err)
		return
	}
	for name, values := range out.header {
		w.Header()[name] = values
	}
	if len(out.body) > 0 {
		_, _ = w.Write(out.body)
	} else {
		w.WriteHeader(http.StatusOK)
	}
	h.report.success(to.name, out.handshake, h.now().Sub(start))
}

func (h *handler) serve(to *route, deadlines *http.ResponseController, r *http.Request) (received, error) {
	select {
	case <-h.exchange.stopping:
		return received{}, refuse(http.StatusServiceUnavailable, stoppingDown, "the input is stopping")
	default:
	}
	if asked, ok := to.sender.(preflighted); ok && r.Method == http.MethodOptions {
		return asked.options(r)
	}
	if r.Method != http.MethodPost {
		return received{}, refuse(http.StatusMethodNotAllowed, wrongMethod, "the method is %s; events come by POST", shorten(r.Method))
	}
	ctx, cancel := context.WithTimeout(r.Context(), to.patience)
	defer cancel()
	if to.patience < h.bodyTimeout {
		_ = deadlines.SetReadDeadline(time.Now().Add(to.patience))
	}
	memory := &held{from: h.memory}
	wire, err := h.read(ctx, to, deadlines, r, memory)
	if err != nil {
		memory.release()
		return received{}, err
	}
	// After the body: strangers whose bodies never end take no slot.
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		memory.release()
		return received{}, refuse(http.StatusServiceUnavailable, busy, "%d requests are in flight already", cap(h.slots))
	}
	out, body, err := h.take(ctx, to, r, wire, memory)
	if err != nil || out.handshake != noHandshake {
		memory.release()
		return out, err
	}
	return out, h.exchange.deliver(ctx, &delivery{msg: to.message(r, body, out.metadata), settled: make(chan error, 1), memory: memory})
}

// read authenticates a request as far as its headers allow, and reads its body.
func (h *handler) read(ctx context.Context, to *route, deadlines *http.ResponseController, r *http.Request, memory *held) ([]byte, error) {
	if to.header != nil {
		if err := to.header.checkHeader(ctx, r); err != nil {
			return nil, err
		}
	}
	wire, err := readBody(r, to.maxBody, memory)
	if err != nil {
		return nil, to.retried(err)
	}
	// The connection is watched from here on for the sender's leaving, without a
	// deadline.
	_ = deadlines.SetReadDeadline(time.Time{})
	return wire, nil
}

// take authenticates a body and finds out what it is.
func (h *handler) take(ctx context.Context, to *route, r *http.Request, wire []byte, memory *held) (received, []byte, error) {
	if to.body != nil {
		if err := to.body.checkBody(ctx, r, wire); err != nil {
			return received{}, nil, err
		}
	}
	body, err := decode(r, wire, to.maxBody, memory)
	if err != nil {
		return received{}, nil, err
	}
	out, err := to.sender.receive(ctx, r, body)
	if err != nil || out.handshake != noHandshake {
		return out, nil, err
	}
	// After the authentication, which for SNS is in the body: nobody else can use
	// up a sender's rate.
	if wait := to.limit.take(h.now()); wait > 0 {
		over := refuse(http.StatusTooManyRequests, rateLimited, "the sender is faster than its rate_limit")
		over.retryAfter = wait
		return received{}, nil, over
	}
	return out, body, nil
}

// retried turns 408 into 503 for those who take 408 for final: SNS repeats after
// 429 and 5xx only, API destinations after a few more codes, not this one.
func (to *route) retried(err error) error {
	var r *refusal
	if errors.As(err, &r) && r.reason == slowBody && (to.kind == kindSNS || to.kind == kindAPIDestination) {
		r.status = http.StatusServiceUnavailable
	}
	return err
}

// message makes the event that goes downstream.
func (to *route) message(r *http.Request, body []byte, more []metadata) *service.Message {
	msg := service.NewMessage(body)
	msg.MetaSetMut(metaSender, to.name)
	msg.MetaSetMut(metaSenderKind, to.kind)
	if kind := r.Header.Get("Content-Type"); kind != "" {
		if len(kind) > len(cloudEventsType) && strings.EqualFold(kind[:len(cloudEventsType)], cloudEventsType) {
			kind = strings.ToLower(kind) // media types are compared without regard to case
		}
		msg.MetaSetMut("content-type", kind)
	}
	if parent := r.Header.Get("Traceparent"); parent != "" {
		msg.MetaSetMut("traceparent", parent)
	}
	for _, name := range to.headers {
		if value := r.Header.Get(name); value != "" {
			msg.MetaSetMut(name, value)
		}
	}
	for _, m := range more {
		msg.MetaSetMut(m.name, m.value)
	}
	return msg
}

// answerError answers with status and reason. The detail is for our log only.
func (h *handler) answerError(w http.ResponseWriter, sender string, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = refuse(http.StatusServiceUnavailable, busy, "%v", err)
	}
	switch r.status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		after := r.retryAfter
		if after == 0 {
			after = h.retryAfter
		}
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(after.Seconds())))))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", cmp.Or(r.challenge, "Bearer"))
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	if r.reason == stoppingDown || r.reason == slowBody {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(r.status)
	_, _ = w.Write([]byte(string(r.reason) + "\n"))
	h.report.refused(sender, r)
}
