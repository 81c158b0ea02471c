package query

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Kinds of pages, which a cursor is bound to.
const (
	listEvents   = "e"
	listVerdicts = "v"
	listHistory  = "h"
)

// cursor is the place of one row in the order of a listing. Nothing in it changes
// with rows that come later, so that pages neither repeat a row nor leave one
// out.
type cursor struct {
	List string `json:"l"`
	// Nanos is the row's time, in Unix nanoseconds.
	Nanos int64 `json:"t"`
	// ID orders rows of the same time: 32 hexadecimal digits.
	ID string `json:"i"`
	// Opened (Unix nanoseconds) and Revision, of the history.
	Opened   int64 `json:"o,omitempty"`
	Revision int   `json:"r,omitempty"`
}

// String returns the cursor in an opaque form that fits into URLs.
func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // numbers and strings can be written
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func (c cursor) time() time.Time { return time.Unix(0, c.Nanos).UTC() }

// maxCursor bytes are more than any cursor has.
const maxCursor = 512

// parseCursor reads a cursor of the given list; nil for the empty one.
func parseCursor(list, text string) (*cursor, error) {
	if text == "" {
		return nil, nil
	}
	var c cursor
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if len(text) > maxCursor || err != nil || json.Unmarshal(decoded, &c) != nil {
		return nil, fmt.Errorf("%w: take it from next_cursor of the page before", ErrCursor)
	}
	if id, err := hex.DecodeString(c.ID); c.List != list || err != nil || len(id) != 16 || c.Revision < 0 || c.Revision > math.MaxInt32 {
		return nil, fmt.Errorf("%w: it belongs to another listing", ErrCursor)
	}
	return &c, nil
}
