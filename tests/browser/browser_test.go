package browser

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/tests/program"
)

// patience is how long anything may take that is not being measured.
const patience = 30 * time.Second

// tab is one tab of a browser of its own.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	requests []string // URLs of everything that was asked for
	dialogs  []string // what alert and its kin said
	errors   []string // exceptions that nobody caught
}

// open starts a browser that reaches this machine only and nothing by any name.
func open(t testing.TB) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program.Chromium(t)), chromedp.Flag("headless", "new"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.WSURLReadTimeout(patience),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the browser to be gone
		cancel()
		stop()
	})
	b := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Do(ctx)) // opens the tab
	require.NoError(t, chromedp.Listen(ctx, b.note))
	call(b, network.Enable, network.EnableParams{})
	b.before(watcher)
	b.size(1280)
	return b
}

// watcher collects what a page's security policy had to forbid.
const watcher = `window.forbidden = [];
document.addEventListener("securitypolicyviolation", (e) => forbidden.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));`

// before makes a script run in every page before those of the page.
func (b *tab) before(script string) {
	b.t.Helper()
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
}

func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		b.requests = append(b.requests, e.URL)
	case *page.EventJavascriptDialogOpening:
		b.dialogs = append(b.dialogs, e.Message)
		go func() { // an open one stops the page
			_, _ = chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	case *runtime.EventExceptionThrown:
		why := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			why += " " + e.ExceptionDetails.Exception.Description
		}
		b.errors = append(b.errors, why)
	}
}

// seen returns what the tab noted up to now.
func (b *tab) seen() (requests, dialogs, errors []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.requests...), append([]string{}, b.dialogs...), append([]string{}, b.errors...)
}

// run runs an action in the tab and returns what it yields.
func run[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	require.NoError(b.t, err)
	return v
}

// call sends a command of the browser's protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Call(ctx, command, params)
	require.NoError(b.t, err)
	return v
}

// do evaluates an expression in the page, awaiting it when it is a promise.
func (b *tab) do(expression string) {
	b.t.Helper()
	run(b, chromedp.Evaluate[chromedp.Void](expression, chromedp.EvalAwaitPromise))
}

// value evaluates an expression in the page.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// until waits for an expression to be true.
func (b *tab) until(what, expression string) { b.t.Helper(); b.untilWithin(patience, what, expression) }

func (b *tab) untilWithin(limit time.Duration, what, expression string) {
	b.t.Helper()
	deadline := time.Now().Add(limit)
	for !value[bool](b, "Boolean("+expression+")") {
		if time.Now().After(deadline) {
			_, _, errors := b.seen()
			b.t.Fatalf("waited %v in vain for %s (%s); the page says:\n%s\n%v", limit, what, expression, value[string](b, "document.body.innerText"), errors)
		}
		time.Sleep(50 * time.Millisecond) // between two looks
	}
}

// size makes the page that wide; below 600 pixels it is a phone.
func (b *tab) size(width int64) {
	b.t.Helper()
	phone := width < 600
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 860, DeviceScaleFactor: 1, Mobile: phone})
	call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: phone})
}

// scheme is what the system prefers: dark or light.
func (b *tab) scheme(name string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

func (b *tab) visit(url string) { b.t.Helper(); run(b, chromedp.Navigate(url)) }

// keys types text, and keys by their names in package kb.
func (b *tab) keys(texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		run(b, chromedp.KeyEvent(text))
	}
}
