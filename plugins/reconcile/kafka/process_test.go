package kafka_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/helios-connect/helios/plugins/reconcile/kafka"
)

// process is an input that can be killed: its network is cut, so that nothing
// of it reaches the broker any more, which never hears that it is gone.
type process struct {
	input *kafka.Input
	mu    sync.Mutex
	conns []net.Conn
	cut   bool
	ice   chan struct{} // while frozen: closed by thaw
}

// heldConn passes nothing while its process is frozen.
type heldConn struct {
	net.Conn
	process *process
}

func (c heldConn) Write(b []byte) (int, error) {
	c.process.hold()
	return c.Conn.Write(b)
}

func (c heldConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.process.hold()
	return n, err
}

func (p *process) hold() {
	p.mu.Lock()
	ice := p.ice
	p.mu.Unlock()
	if ice != nil {
		<-ice
	}
}

// cutConnections closes what is open; the process may connect again.
func (p *process) cutConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ice = make(chan struct{})
}

func (p *process) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ice != nil {
		close(p.ice)
		p.ice = nil
	}
}

var errCut = errors.New("the process was killed")

func (p *process) dial(ctx context.Context, network, host string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		conn.Close()
		return nil, errCut
	}
	p.conns = append(p.conns, conn)
	return heldConn{Conn: conn, process: p}, nil
}

func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for _, c := range p.conns {
		c.Close()
	}
	go func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = p.input.Close(ctx)
	}()
}

// crashable starts an input whose network can be cut.
func (b *broker) crashable(conf kafka.Config) *process {
	w := &process{}
	conf.Client = append(conf.Client[:len(conf.Client):len(conf.Client)], kgo.Dialer(w.dial))
	var err error
	w.input, err = kafka.New(conf)
	require.NoError(b.t, err)
	require.NoError(b.t, w.input.Start(b.t.Context()))
	b.t.Cleanup(func() {
		w.thaw()
		w.kill()
		stop(b.t, w.input)
	})
	return w
}

// killAt cuts the wire when the n-th request from now on of a kind that matters
// reaches the broker: before it takes effect, or after, with the answer lost.
func (b *broker) killAt(w *process, n int, applied bool) (killed <-chan struct{}) {
	done := make(chan struct{})
	var seen atomic.Int64
	b.kafka.Cluster().Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		switch kmsg.Key(req.Key()) {
		case kmsg.Produce, kmsg.TxnOffsetCommit, kmsg.EndTxn, kmsg.AddPartitionsToTxn, kmsg.Heartbeat, kmsg.OffsetFetch:
		default:
			return nil, nil, false
		}
		if p, ok := req.(*kmsg.ProduceRequest); ok && p.TransactionID == nil {
			return nil, nil, false
		}
		if seen.Add(1) != int64(n) {
			return nil, nil, false
		}
		b.kafka.Cluster().DropControl()
		w.kill()
		close(done)
		if applied {
			return nil, nil, false
		}
		return nil, errCut, true
	})
	return done
}
