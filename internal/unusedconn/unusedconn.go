// Package unusedconn ends a server's connections on which nothing was asked yet:
// browsers and load balancers open some ahead of need, and http.Server.Shutdown
// waits five seconds for each of them.
package unusedconn

import (
	"net"
	"net/http"
	"sync"
)

// Conns are the connections of one server. The zero value is ready.
type Conns struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// Follow is an http.Server's ConnState.
func (u *Conns) Follow(conn net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(u.conns, conn)
	case u.closed:
		_ = conn.Close()
	default:
		if u.conns == nil {
			u.conns = map[net.Conn]struct{}{}
		}
		u.conns[conn] = struct{}{}
	}
}

// Close closes those that are there and those that come. Shutdown follows it.
func (u *Conns) Close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for conn := range u.conns {
		_ = conn.Close()
	}
}
