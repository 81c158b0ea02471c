package unusedconn_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/unusedconn"
)

// A connection that a browser opened ahead of need doesn't hold up the end.
func TestUnusedConnectionsDoNotHoldUpTheEnd(t *testing.T) {
	var u unusedconn.Conns
	used, idle := make(chan struct{}), httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	idle.Config.ConnState = func(c net.Conn, state http.ConnState) {
		u.Follow(c, state)
		if state == http.StateNew {
			close(used)
		}
	}
	idle.Start()
	conn, err := net.Dial("tcp", idle.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	<-used
	u.Close()
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	begun := time.Now()
	require.NoError(t, idle.Config.Shutdown(context.Background()))
	require.Less(t, time.Since(begun), 4*time.Second, "http.Server waits five seconds for it")
}
