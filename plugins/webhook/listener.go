package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/helios-connect/helios/internal/terminal"
	"github.com/helios-connect/helios/internal/unusedconn"
)

const (
	// abandonAfter is how long a stop waits for acknowledgements. Redpanda Connect
	// closes an input when all that it still awaits have come; what is left then
	// belongs to batches that it dropped.
	abandonAfter = 500 * time.Millisecond
	// answerTime is what is left to answer with 503 after that.
	answerTime = 2 * time.Second
)

// limits bound what a caller can cost.
type limits struct {
	maxBody        int64 // bytes, on the wire and decoded
	maxHeader      int   // bytes
	maxBuffered    int64 // bytes of all bodies
	maxInFlight    int   // requests
	maxConnections int
	headerTimeout  time.Duration
	bodyTimeout    time.Duration
	idleTimeout    time.Duration
	retryAfter     time.Duration
}

// input implements service.BatchInput over an HTTP listener.
type input struct {
	address     string
	certificate *serverCertificate // nil: plain HTTP
	handler     *handler
	report      *reporter

	mu       sync.Mutex
	server   *http.Server
	listener net.Listener
	lost     chan struct{} // closed when the listener has ended by itself
	counting sync.Once
	closed   bool
	unused   unusedconn.Conns
}

// Connect implements service.BatchInput: it starts to listen.
func (i *input) Connect(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return service.ErrEndOfInput
	}
	if i.server != nil {
		return nil
	}
	listener, err := net.Listen("tcp", i.address)
	if err != nil {
		return fmt.Errorf("listening on address %q: %w", i.address, err)
	}
	i.listener, i.lost = listener, make(chan struct{})
	i.server = i.newServer()
	bounded := &boundedListener{Listener: listener, most: int64(i.handler.maxConnections), refused: func() { i.report.connections.Incr(1) }}
	go i.serve(i.server, bounded, i.lost)
	i.counting.Do(func() { go i.report.gauges(i.handler, i.certificate, i.handler.exchange.abandon) })
	i.report.log.Infof("Listening for pushed events on %s at %s.", listener.Addr(), terminal.Count(len(i.handler.routes), "path", "paths"))
	return nil
}

func (i *input) newServer() *http.Server {
	h := i.handler
	longest := time.Duration(0)
	for _, r := range h.routes {
		longest = max(longest, r.patience)
	}
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: h.headerTimeout,
		// No ReadTimeout: it would go on while an acknowledgement is awaited, and
		// end the request. The handler sets the body's deadline.
		WriteTimeout:   h.bodyTimeout + longest + 10*time.Second,
		IdleTimeout:    h.idleTimeout,
		MaxHeaderBytes: h.maxHeader,
		ErrorLog:       log.New(i.report, "", 0),
		ConnState:      i.unused.Follow,
		// HTTP/1.1 only: one connection is one request, which is what is bounded.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	if i.certificate != nil {
		server.TLSConfig = i.certificate.config()
	}
	return server
}

// serve answers until the server is shut down. A listener that ends before is
// given up, so that Redpanda Connect connects anew; its open requests go on.
func (i *input) serve(server *http.Server, listener net.Listener, lost chan<- struct{}) {
	var err error
	if i.certificate != nil {
		err = server.ServeTLS(listener, "", "")
	} else {
		err = server.Serve(listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return
	}
	i.report.log.Errorf("The listener on %s has ended, and is opened anew: %v.", i.address, err)
	i.mu.Lock()
	if i.server == server && !i.closed {
		i.server = nil
		close(lost)
	}
	i.mu.Unlock()
	last, cancel := context.WithTimeout(context.Background(), server.WriteTimeout)
	defer cancel()
	if server.Shutdown(last) != nil {
		_ = server.Close()
	}
}

// ReadBatch implements service.BatchInput: one request is one batch, so that its
// answer is that of its own event.
func (i *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	i.mu.Lock()
	lost := i.lost
	i.mu.Unlock()
	d, err := i.handler.exchange.read(ctx, lost)
	if err != nil {
		return nil, nil, err
	}
	return service.MessageBatch{d.msg}, d.settle, nil
}

// Close implements service.BatchInput. New requests are refused with 503; those
// that wait for an acknowledgement get a moment more, and 503 then.
func (i *input) Close(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		return nil
	}
	i.closed = true
	close(i.handler.exchange.stopping)
	if i.server == nil {
		close(i.handler.exchange.abandon)
		return nil
	}
	i.unused.Close()
	patient, cancel := context.WithTimeout(ctx, abandonAfter)
	defer cancel()
	err := i.server.Shutdown(patient)
	close(i.handler.exchange.abandon)
	if err == nil {
		return nil
	}
	last, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if i.server.Shutdown(last) == nil {
		return nil
	}
	return i.server.Close()
}

// addr is where the input listens, once it is connected.
func (i *input) addr() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.listener.Addr().String()
}

// boundedListener closes connections beyond most at once: to let them wait would
// let those that say nothing keep out those that do.
type boundedListener struct {
	net.Listener
	most    int64
	open    atomic.Int64
	refused func()
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.most {
			return &countedConn{Conn: conn, of: l}, nil
		}
		l.open.Add(-1)
		l.refused()
		_ = conn.Close()
	}
}

// countedConn is counted until it is closed.
type countedConn struct {
	net.Conn
	of   *boundedListener
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.of.open.Add(-1) })
	return c.Conn.Close()
}
