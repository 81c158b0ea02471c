//go:build unix

package chaos

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	secret       = "chaos"
	senders      = 8
	senderPause  = 20 * time.Millisecond
	senderAnswer = 15 * time.Second
)

// ledger is what the senders know: how often each event was sent, and whether
// it was ever answered with success.
type ledger struct {
	mu       sync.Mutex
	attempts map[string]int
	taken    map[string]bool
}

func newLedger() *ledger { return &ledger{attempts: map[string]int{}, taken: map[string]bool{}} }

func (l *ledger) sent(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts[id]++
}

func (l *ledger) success(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken[id] = true
}

// await waits until so many more events have been taken.
func (l *ledger) await(t *testing.T, more int) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.taken)
	}
	goal := count() + more
	require.Eventually(t, func() bool { return count() >= goal }, time.Minute, 10*time.Millisecond)
}

// cloudEvent is what a sender sends under an id.
func cloudEvent(id string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/shop","type":"com.example.order.paid","subject":"ord-%s","time":"2026-11-27T10:00:00Z","data":{"amount":10.5}}`, id, id)
}

// crowd sends events until told to stop, each one as a cloud does: again and
// again until it is answered with success.
type crowd struct {
	url    string
	client *http.Client
	ledger *ledger
	stop   chan struct{}
	done   sync.WaitGroup
}

func startCrowd(url string, l *ledger) *crowd {
	c := &crowd{url: url, client: &http.Client{Timeout: senderAnswer}, ledger: l, stop: make(chan struct{})}
	for s := range senders {
		c.done.Add(1)
		go func() {
			defer c.done.Done()
			for n := 0; ; n++ {
				select {
				case <-c.stop:
					return
				default:
					c.deliver(fmt.Sprintf("%d-%d", s, n))
				}
			}
		}()
	}
	return c
}

// finish lets every sender deliver what it has begun.
func (c *crowd) finish() {
	close(c.stop)
	c.done.Wait()
}

// deliver sends one event until it is taken.
func (c *crowd) deliver(id string) {
	for !c.post(id) {
		time.Sleep(senderPause) // a sender's own pause before it tries again
	}
	c.ledger.success(id)
}

func (c *crowd) post(id string) bool {
	body := cloudEvent(id)
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(mac, body)
	req, err := http.NewRequest(http.MethodPost, c.url, strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	req.Header.Set("X-Sig", hex.EncodeToString(mac.Sum(nil)))
	c.ledger.sent(id)
	resp, err := c.client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode/100 == 2
}
