//go:build unix

package chaos

import (
	"bytes"
	"net"
	"sync"
)

// side is who sends the bytes that a trap waits for.
type side uint8

const (
	requests side = iota
	answers
)

// trap fires once, at the count-th piece from a side that holds a text.
type trap struct {
	from   side
	holds  string // empty: any piece
	count  int
	passes bool // the piece still reaches the other side
	fire   func()
}

// gate is a TCP proxy in which a trap can be set. What one side wrote at once
// arrives as one piece, or few.
type gate struct {
	listener net.Listener
	target   string
	dial     func(network, address string) (net.Conn, error)

	mu   sync.Mutex
	trap *trap
}

// openGate listens on a free port of the loopback and forwards to target.
func openGate(target string) (*gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &gate{listener: l, target: target, dial: net.Dial}
	go g.accept()
	return g, nil
}

func (g *gate) address() string { return g.listener.Addr().String() }

// set arms the gate, or disarms it with nil.
func (g *gate) set(t *trap) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trap = t
}

func (g *gate) close() { _ = g.listener.Close() }

func (g *gate) accept() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		go g.serve(client)
	}
}

func (g *gate) serve(client net.Conn) {
	defer client.Close()
	server, err := g.dial("tcp", g.target)
	if err != nil {
		return // as if nobody listened
	}
	defer server.Close()
	done := make(chan struct{}, 2)
	go g.copy(server, client, requests, done)
	go g.copy(client, server, answers, done)
	<-done
}

func (g *gate) copy(to, from net.Conn, who side, done chan<- struct{}) {
	defer func() { done <- struct{}{} }()
	piece := make([]byte, 64<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			t := g.sprung(who, piece[:n])
			if t != nil && !t.passes {
				t.fire()
				return
			}
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
			if t != nil {
				t.fire()
			}
		}
		if err != nil {
			return
		}
	}
}

// sprung returns the trap when this piece is the one it waits for.
func (g *gate) sprung(who side, piece []byte) *trap {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.trap
	if t == nil || t.from != who || !bytes.Contains(piece, []byte(t.holds)) {
		return nil
	}
	if t.count--; t.count > 0 {
		return nil
	}
	g.trap = nil
	return t
}
