// Package lifecycle knows whether the process, or a stream of it, is being
// stopped. Redpanda Connect tells a buffer "end of input" both when a file has
// been read to its end and when somebody pressed Ctrl-C; for reconciliation the
// first closes every open fact and the second must close none.
package lifecycle

import (
	"bytes"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

var (
	marked  atomic.Bool
	watched atomic.Bool

	// signals holds the first signal for good: nobody receives from it.
	signals = make(chan os.Signal, 1)
	// barrier is never registered; see Stopping.
	barrier = make(chan os.Signal, 1)

	watchOnce sync.Once
)

// Watch makes the first SIGINT or SIGTERM mark the process as stopping. It is
// to be called before Redpanda Connect registers for the same signals, and only
// when a service is about to run: a registered signal no longer ends the
// process by itself.
func Watch() {
	watchOnce.Do(func() {
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		watched.Store(true)
	})
}

// MarkStopping marks the process as stopping, for whoever stops it without a
// signal. There is no way back.
func MarkStopping() { marked.Store(true) }

// Stopping reports whether the process is being stopped. Once it has reported
// true it always does. It costs a mutex at most and may be called on every tick.
//
// No component can learn of a signal before Stopping reports it: package
// signal hands one signal to all its channels under one lock, in no particular
// order. signal.Stop takes that lock, so that after it a signal which Redpanda
// Connect has already seen lies in our channel too, and no goroutine of ours
// needs to have been scheduled in time.
func Stopping() bool {
	if marked.Load() {
		return true
	}
	if !watched.Load() {
		return false
	}
	signal.Stop(barrier)
	if len(signals) == 0 {
		return false
	}
	marked.Store(true)
	return true
}

// stopFrames are the functions of Redpanda Connect that are on some goroutine's
// stack from before a stream's input is told to stop until all of the stream
// has stopped.
var stopFrames = [][]byte{
	[]byte("/internal/stream.(*Type).StopGracefully("),
	[]byte("/internal/stream.(*Type).StopUnordered("),
}

// StreamStopping reports whether the process is being stopped or, at this very
// moment, some stream of it: deleted or replaced through the HTTP API, or
// reloaded because its file changed (--watcher). It is meant for EndOfInput: it
// stops the world for the time of a stack dump, tens of microseconds to a few
// milliseconds.
//
// Redpanda Connect has no hook for the end of one stream, no context that a
// component sees ends with a reason, and the handler behind DELETE /streams/x
// can't be wrapped from outside. What can be seen from anywhere is the goroutine
// that stops the stream: it waits inside StopGracefully for the component that
// asks. Whose stream it is can't be told. A finite input that ends in the very
// moment in which another stream is being deleted therefore counts as stopped:
// its facts stay open and its input is unacknowledged, or to be read again.
func StreamStopping() bool {
	if Stopping() {
		return true
	}
	stacks := allStacks()
	for _, frame := range stopFrames {
		if bytes.Contains(stacks, frame) {
			return true
		}
	}
	return false
}

func allStacks() []byte {
	buf := make([]byte, 256<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			return buf[:n]
		}
		buf = make([]byte, 2*len(buf))
	}
}
