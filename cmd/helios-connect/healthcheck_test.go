package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ready(address string) probe {
	return probe{variable: "HELIOS_HTTP_ADDRESS", address: address, path: "/ready", example: defaultHTTPAddress}
}

func TestAHealthCheckSaysWhatReadySays(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/ready", r.URL.Path)
		w.WriteHeader(status)
		_, _ = w.Write([]byte("input of reconcile is not connected\n"))
	}))
	address := server.Listener.Addr().String()
	require.NoError(t, ready(address).ask(t.Context()))

	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	for _, everywhere := range []string{"0.0.0.0:" + port, ":" + port, "[::]:" + port} {
		require.NoError(t, ready(everywhere).ask(t.Context()), everywhere)
	}

	status = http.StatusServiceUnavailable
	require.EqualError(t, ready(address).ask(t.Context()), "not ready: 503 Service Unavailable: input of reconcile is not connected")

	server.Close()
	require.ErrorContains(t, ready(address).ask(t.Context()), "asking for readiness")
	require.ErrorContains(t, ready("nowhere").ask(t.Context()), `HELIOS_HTTP_ADDRESS is "nowhere"; it is a host and a port`)
}

func TestAHealthCheckEndsInTime(t *testing.T) {
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold }))
	defer server.Close()
	defer close(hold)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, ready(server.Listener.Addr().String()).ask(ctx), context.DeadlineExceeded)
}
