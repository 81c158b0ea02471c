package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/helios-connect/helios/plugins/event"
)

const (
	maxParticipants = 32   // of one expectation, expected and optional
	maxUnexpected   = 1000 // names of one expectation in no list
	maxDuration     = 100 * 365 * 24 * time.Hour
)

// rule is a compiled expectation.
type rule struct {
	Expectation
	label      string   // name@hash
	labelJSON  []byte   // quoted
	names      []string // expected and optional, sorted; the bit of a participant is its place here
	quoted     [][]byte // names and strangers as JSON strings, by place
	hands      []int    // of each name, in the clock
	placeOf    []int    // of each hand of the clock, in names, or -1
	expect     set
	optional   set
	primary    int // place in names, or -1
	comparers  []comparer
	unseen     int    // how many of comparers still count facts without their field
	expected   []byte // JSON list of the expected names
	clock      *clock
	unexpected map[string]int // names in no list → place behind names
	strangers  []string

	open    wheel     // open facts by deadline
	watched wheel     // closed facts with stalled participants, by deadline
	closed  wheel     // other closed facts by end
	parked  factRef   // closed facts in state parked, a list
	blocked []factRef // closed, past their horizon, not yet below forgetBelow

	who struct { // the lists present, missing and stalled as last written
		present, stalled set
		text             []byte
	}

	cursors   []int64 // per name: the lowest key of open not swept yet
	edges     []int64 // per name: the threshold at the last scan of the bucket it falls into
	seen      []int64 // per name: the lowest key of watched not swept yet
	seenEdges []int64
	parkedAt  []int64 // per name: the pass threshold at the last look through parked
	watchMask set     // union of the stalled participants of watched facts
}

func compileRule(x Expectation) (*rule, error) {
	r := &rule{Expectation: x, primary: -1, unexpected: map[string]int{}}
	if err := r.checkNames(); err != nil {
		return nil, err
	}
	for _, d := range []struct {
		field string
		value time.Duration
		min   time.Duration
	}{{"window", x.Window, 1}, {"allowed_lateness", x.AllowedLateness, 0}} {
		if d.value < d.min {
			return nil, fmt.Errorf("%w: %s is %s: it takes a duration above 0 (allowed_lateness: of at least 0), such as 60s", ErrConfig, d.field, d.value)
		}
		if err := checkLength(d.field, d.value); err != nil {
			return nil, err
		}
	}
	if r.Clock == "" {
		r.Clock = "default"
	}
	r.names = append(append([]string{}, x.Expect...), x.Optional...)
	sort.Strings(r.names)
	for i, n := range r.names {
		r.quoted = append(r.quoted, event.AppendQuoted(nil, n))
		if slices.Contains(x.Expect, n) {
			r.expect |= 1 << i
		} else {
			r.optional |= 1 << i
		}
		if n == x.Primary {
			r.primary = i
		}
	}
	for i, c := range x.Compare {
		cmp, err := newComparer(c)
		if err != nil {
			return nil, fmt.Errorf("compare[%d]: %w", i, err)
		}
		if slices.ContainsFunc(r.comparers, func(before comparer) bool { return before.field == cmp.field }) {
			return nil, fmt.Errorf("compare[%d]: %w: field %s stands twice", i, ErrConfig, cmp.field)
		}
		r.comparers = append(r.comparers, cmp)
	}
	r.unseen = len(r.comparers)
	r.expected = r.appendNames(nil, r.expect)
	// The hash tells verdicts of different rules with one name apart.
	text, err := json.Marshal(r.Expectation)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	r.label = x.Name + "@" + hex.EncodeToString(sum[:4])
	r.labelJSON = event.AppendQuoted(nil, r.label)
	return r, nil
}

// checkLength refuses a duration that reaches beyond the times that events have.
func checkLength(field string, d time.Duration) error {
	if d > maxDuration {
		return fmt.Errorf("%w: %s is %s: it takes at most %.0fh, a hundred years", ErrConfig, field, d, maxDuration.Hours())
	}
	return nil
}

func (r *rule) checkNames() error {
	if strings.TrimSpace(r.Name) == "" {
		return fmt.Errorf("%w: name is empty: every expectation needs one, such as orders", ErrConfig)
	}
	if len(r.Expect) == 0 {
		return fmt.Errorf("%w: expect is empty: it takes the participants that must report the fact, such as [aws, gcp, azure]", ErrConfig)
	}
	if n := len(r.Expect) + len(r.Optional); n > maxParticipants {
		return fmt.Errorf("%w: expect and optional name %d participants: at most %d", ErrConfig, n, maxParticipants)
	}
	seen := map[string]bool{}
	for _, n := range append(append([]string{}, r.Expect...), r.Optional...) {
		if n == "" {
			return fmt.Errorf("%w: expect and optional take names, one is empty", ErrConfig)
		}
		if seen[n] {
			return fmt.Errorf("%w: participant %q stands twice in expect and optional", ErrConfig, n)
		}
		seen[n] = true
	}
	if r.Quorum < 0 || r.Quorum > len(r.Expect) {
		return fmt.Errorf("%w: quorum is %d: it takes 0 (all) to %d, the number of participants in expect", ErrConfig, r.Quorum, len(r.Expect))
	}
	if r.Primary != "" && !seen[r.Primary] {
		return fmt.Errorf("%w: primary is %q: it takes one of the participants in expect or optional", ErrConfig, r.Primary)
	}
	for _, globs := range [][]string{r.Types, r.Tenants} {
		if slices.Contains(globs, "") {
			return fmt.Errorf("%w: types and tenants take globs, one is empty: leave the list out to match all", ErrConfig)
		}
	}
	return nil
}

// compileRules compiles a list of expectations and the union of the paths that
// they compare, behind the event's own attributes.
func compileRules(list []Expectation) ([]*rule, *event.Paths, error) {
	var rules []*rule
	var errs []error
	paths := slices.Clone(attributePaths)
	slots := map[string]int{}
	names := map[string]bool{}
	for i, x := range list {
		r, err := compileRule(x)
		if err == nil && names[x.Name] {
			err = fmt.Errorf("%w: name %q stands twice", ErrConfig, x.Name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("expectations[%d] %q: %w", i, x.Name, err))
			continue
		}
		names[x.Name] = true
		for j := range r.comparers {
			c := &r.comparers[j]
			slot, ok := slots[c.field]
			if !ok {
				slot = len(paths)
				slots[c.field] = slot
				paths = append(paths, c.field)
			}
			c.slot = slot
		}
		rules = append(rules, r)
	}
	if len(list) == 0 {
		errs = append(errs, fmt.Errorf("%w: expectations is empty: at least one is needed", ErrConfig))
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	compiled, err := event.CompilePaths(paths...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: compare: %w", ErrConfig, err)
	}
	return rules, compiled, nil
}

// indexOf returns the place of a participant among names, or -1.
func (r *rule) indexOf(name []byte) int {
	for i, n := range r.names {
		if string(name) == n {
			return i
		}
	}
	return -1
}

// nameAt returns the participant of a place.
func (r *rule) nameAt(place int) string {
	if place < len(r.names) {
		return r.names[place]
	}
	return r.strangers[place-len(r.names)]
}

// stranger returns the place behind names of a participant in no list, or -1
// when there are too many of them.
func (r *rule) stranger(name []byte) int {
	if i, ok := r.unexpected[string(name)]; ok {
		return i
	}
	if len(r.strangers) >= maxUnexpected {
		return -1
	}
	i := len(r.names) + len(r.strangers)
	r.strangers = append(r.strangers, string(name))
	r.quoted = append(r.quoted, event.AppendQuoted(nil, name))
	r.unexpected[string(name)] = i
	return i
}

// appendNames appends the names of a set as a sorted JSON list.
func (r *rule) appendNames(dst []byte, who set) []byte {
	dst = append(dst, '[')
	for first := true; who != 0; who &= who - 1 {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, r.quoted[bits.TrailingZeros32(uint32(who))]...)
	}
	return append(dst, ']')
}

// limit is the instant that a participant must reach to pass a fact.
func (r *rule) limit(deadline int64) int64 { return addInstant(deadline, r.AllowedLateness) }

// width of the buckets: fine enough that a bucket is a small part of the
// facts, coarse enough that sparse history does not make one a fact.
func (r *rule) width() int64 {
	return int64(min(max(r.Window/1024, time.Millisecond), time.Second))
}
