package webhook

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
)

// firstRead is how much is held for a body before any of it has come, however
// long it claims to be.
const firstRead = 8 << 10

// allowance bounds the memory of all bodies together.
type allowance struct {
	max  int64
	used atomic.Int64
}

func (a *allowance) take(n int64) bool {
	if a.used.Add(n) > a.max {
		a.used.Add(-n)
		return false
	}
	return true
}

// held is what one request has taken from the allowance.
type held struct {
	from  *allowance
	bytes int64
}

func (h *held) grow(n int64) bool {
	if !h.from.take(n) {
		return false
	}
	h.bytes += n
	return true
}

func (h *held) release() {
	h.from.used.Add(-h.bytes)
	h.bytes = 0
}

var (
	errTooLarge = errors.New("more than the limit")
	errNoRoom   = errors.New("no memory is left for bodies")
)

// readAll reads src up to most bytes. Memory is taken as data comes, twice as
// much at each step, so that a claimed length costs nothing.
func readAll(src io.Reader, most int64, claimed int64, memory *held) ([]byte, error) {
	size := int64(firstRead)
	if claimed >= 0 && claimed < size {
		size = claimed + 1 // the byte shows the end without another read
	}
	if !memory.grow(size) {
		return nil, errNoRoom
	}
	buf := make([]byte, 0, size)
	for {
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > most {
			return nil, errTooLarge
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) < cap(buf) {
			continue
		}
		more := min(int64(cap(buf)), most+1-int64(cap(buf)))
		if claimed > int64(cap(buf)) {
			more = min(more, claimed+1-int64(cap(buf)))
		}
		more = max(more, 1)
		if !memory.grow(more) {
			return nil, errNoRoom
		}
		buf = append(make([]byte, 0, int64(cap(buf))+more), buf...)
	}
}

// readBody reads a request's body as it comes over the wire. Errors are
// *refusal.
func readBody(r *http.Request, most int64, memory *held) ([]byte, error) {
	if r.ContentLength > most {
		return nil, refuse(http.StatusRequestEntityTooLarge, tooLarge, "Content-Length is %d; at most %d bytes are read", r.ContentLength, most)
	}
	body, err := readAll(r.Body, most, r.ContentLength, memory)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, refuse(http.StatusRequestTimeout, slowBody, "the body did not come in time")
	}
	return body, bodyRefusal(err, most)
}

func bodyRefusal(err error, most int64) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, tooLarge, "the body has more than %d bytes", most)
	case errors.Is(err, errNoRoom):
		return refuse(http.StatusServiceUnavailable, busy, "%v", err)
	}
	return refuse(http.StatusBadRequest, malformed, "reading the body: %v", err)
}

// decode undoes the content encoding of an authenticated body. Errors are
// *refusal.
func decode(r *http.Request, body []byte, most int64, memory *held) ([]byte, error) {
	switch encoding := strings.Join(r.Header.Values("Content-Encoding"), ","); {
	case encoding == "", strings.EqualFold(encoding, "identity"):
		return body, nil
	case !strings.EqualFold(encoding, "gzip"):
		return nil, refuse(http.StatusUnsupportedMediaType, unknownFormat, "Content-Encoding is %s; gzip and identity are read", shorten(encoding))
	}
	unzip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, malformed, "the body is not gzip: %v", err)
	}
	plain, err := readAll(unzip, most, -1, memory)
	return plain, bodyRefusal(err, most)
}
