package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/helios-connect/helios/plugins/schema/contract"
)

// Entry is a registered version that is ready to judge.
type Entry struct {
	Registered
	// Referenced are the texts of what the schema refers to, by the names it uses.
	Referenced map[string]string
	// Contract of a JSON Schema; nil when Err says why it can't be used, or when
	// the language is another one.
	Contract *contract.Contract
	// Upgrade is the mapping that turns a payload of the version before into one of
	// this version (Bloblang); empty when there is none.
	Upgrade string
	// Err says why the schema can't be used.
	Err error

	lenient func() (*contract.Contract, error)
}

// ProtoJSON is the contract by the JSON mapping of Protocol Buffers
// (contract.Options), compiled when it is first asked for.
func (e *Entry) ProtoJSON() (*contract.Contract, error) { return e.lenient() }

// Subject is what is known about one subject. It does not change: a newer state
// is another Subject.
type Subject struct {
	// Name of the subject.
	Name string
	// Entries in ascending order of their versions, at least one.
	Entries []*Entry
}

// Latest is the entry with the highest version.
func (s *Subject) Latest() *Entry { return s.Entries[len(s.Entries)-1] }

// Version returns an entry by its version, or nil.
func (s *Subject) Version(n int) *Entry {
	i, ok := slices.BinarySearchFunc(s.Entries, n, func(e *Entry, n int) int { return e.Version - n })
	if !ok {
		return nil
	}
	return s.Entries[i]
}

// Observer is told about the catalog's dealings with its source.
type Observer struct {
	// Failed is called when the source gave no answer, or a wrong one; age is how
	// long ago it last answered in full, 0 when it never did.
	Failed func(err error, age time.Duration)
	// Refreshed is called when everything known was read again, with how many
	// subjects there are.
	Refreshed func(subjects int)
}

// Catalog keeps the contracts of a source. It is safe for concurrent use; looking
// a subject up that is known costs two loads of memory.
type Catalog struct {
	source   Source
	interval time.Duration
	observe  Observer
	patterns contract.Patterns
	now      func() time.Time

	names   atomic.Pointer[map[string]struct{}] // nil: the source never answered
	known   sync.Map                            // string → *Subject
	fresh   atomic.Int64                        // when the source last answered in full, Unix nanoseconds
	reading sync.Mutex                          // held while the source is asked

	stop context.CancelFunc
	done chan struct{}
}

// Open starts to keep the contracts of a source. It returns at once: Ready waits
// for the first answer. now is the clock.
func Open(source Source, interval time.Duration, now func() time.Time, observe Observer) *Catalog {
	if observe.Failed == nil {
		observe.Failed = func(error, time.Duration) {}
	}
	if observe.Refreshed == nil {
		observe.Refreshed = func(int) {}
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Catalog{source: source, interval: interval, now: now, observe: observe, stop: stop, done: make(chan struct{})}
	go c.refreshUntil(ctx)
	return c
}

// Close ends the catalog.
func (c *Catalog) Close() {
	c.stop()
	<-c.done
}

// Source of the contracts.
func (c *Catalog) Source() Source { return c.source }

// Age is how long ago the source last answered in full; ok is false when it never
// did.
func (c *Catalog) Age() (age time.Duration, ok bool) {
	at := c.fresh.Load()
	if at == 0 {
		return 0, false
	}
	return c.now().Sub(time.Unix(0, at)), true
}

func (c *Catalog) failed(err error) {
	age, _ := c.Age()
	c.observe.Failed(err, age)
}

// retryAfter is how long a catalog that knows nothing waits between two tries.
const retryAfter = 500 * time.Millisecond

func (c *Catalog) refreshUntil(ctx context.Context) {
	defer close(c.done)
	for {
		wait := c.interval
		if err := c.Refresh(ctx); err != nil && ctx.Err() == nil {
			c.failed(err)
			if c.names.Load() == nil {
				wait = min(retryAfter, wait)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// Refresh asks the source for the names of all subjects, and for new versions of
// those that are in use.
func (c *Catalog) Refresh(ctx context.Context) error {
	c.reading.Lock()
	defer c.reading.Unlock()
	subjects, err := c.source.Subjects(ctx)
	if err != nil {
		return err
	}
	names := make(map[string]struct{}, len(subjects))
	for _, s := range subjects {
		names[s] = struct{}{}
	}
	var errs []error
	c.known.Range(func(name, old any) bool {
		if _, ok := names[name.(string)]; !ok {
			c.known.Delete(name)
			return true
		}
		news, err := c.read(ctx, name.(string), old.(*Subject))
		if err != nil {
			errs = append(errs, err)
		} else if news != nil {
			c.known.Store(name, news)
		} else {
			c.known.Delete(name)
		}
		return ctx.Err() == nil
	})
	c.names.Store(&names)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	c.fresh.Store(c.now().UnixNano())
	c.observe.Refreshed(len(names))
	return nil
}

// Names lists the subjects that are registered.
func (c *Catalog) Names() (names []string) {
	if known := c.names.Load(); known != nil {
		for name := range *known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Ready waits until the source has answered once.
func (c *Catalog) Ready(ctx context.Context) error {
	for c.names.Load() == nil {
		timer := time.NewTimer(10 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("waiting for %s: %w", c.source, ctx.Err())
		case <-timer.C:
		}
	}
	return nil
}

// Subject returns what is registered under a name, or nil when nothing is. A
// subject that is in use is answered from memory; the first time it is read from
// the source, and an error says that the source didn't answer.
func (c *Catalog) Subject(ctx context.Context, name string) (*Subject, error) {
	if s, ok := c.known.Load(name); ok {
		return s.(*Subject), nil
	}
	names := c.names.Load()
	if names == nil {
		return nil, fmt.Errorf("%s has not answered yet", c.source)
	}
	if _, ok := (*names)[name]; !ok {
		return nil, nil
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	if s, ok := c.known.Load(name); ok {
		return s.(*Subject), nil
	}
	s, err := c.read(ctx, name, nil)
	if err != nil {
		c.failed(err)
		return nil, err
	}
	if s != nil {
		c.known.Store(name, s)
	}
	return s, nil
}

// read asks the source for a subject; versions that old holds are not read again,
// since a version never changes.
func (c *Catalog) read(ctx context.Context, name string, old *Subject) (*Subject, error) {
	versions, err := c.source.Versions(ctx, name)
	if err != nil || len(versions) == 0 {
		return nil, err
	}
	s := &Subject{Name: name}
	for _, v := range versions {
		var e *Entry
		if old != nil {
			e = old.Version(v)
		}
		if e == nil {
			registered, err := c.source.Schema(ctx, name, v)
			if err != nil {
				return nil, err
			}
			if e, err = c.prepare(ctx, registered); err != nil {
				return nil, err
			}
		}
		s.Entries = append(s.Entries, e)
	}
	return s, nil
}

// prepare compiles a version. What is wrong with the schema is the entry's
// error; the error returned is the source's.
func (c *Catalog) prepare(ctx context.Context, r Registered) (*Entry, error) {
	e := &Entry{Registered: r, Referenced: map[string]string{}}
	if err := c.gather(ctx, r.References, e.Referenced, 0); err != nil {
		return nil, err
	}
	if r.Type != sr.TypeJSON {
		return e, nil
	}
	opt := contract.Options{AssertFormat: true, Patterns: &c.patterns, Resolve: func(url string) ([]byte, bool) {
		text, ok := e.Referenced[url]
		if !ok { // relative references are resolved against the contract's own place
			text, ok = e.Referenced[strings.TrimPrefix(url, contract.Base)]
		}
		return []byte(text), ok
	}}
	name := fmt.Sprintf("%s version %d", r.Subject, r.Version)
	e.Contract, e.Err = contract.Compile(name, []byte(r.Text), opt)
	opt.ProtoJSON = true
	e.lenient = sync.OnceValues(func() (*contract.Contract, error) { return contract.Compile(name, []byte(r.Text), opt) })
	e.Upgrade = UpgradeOf(r.Text)
	return e, nil
}

// maxReferences is how deep references may lead from schema to schema.
const maxReferences = 16

// gather reads what a schema refers to, by the names it uses.
func (c *Catalog) gather(ctx context.Context, refs []sr.SchemaReference, into map[string]string, depth int) error {
	if depth > maxReferences {
		return fmt.Errorf("references lead over more than %d schemas", maxReferences)
	}
	for _, ref := range refs {
		if _, ok := into[ref.Name]; ok {
			continue
		}
		to, err := c.source.Schema(ctx, ref.Subject, ref.Version)
		if err != nil {
			return err
		}
		into[ref.Name] = to.Text
		if err := c.gather(ctx, to.References, into, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// UpgradeKeyword is the member of a JSON Schema that holds the mapping from the
// version before. JSON Schema leaves keywords that it doesn't know alone, so every
// registry keeps it.
const UpgradeKeyword = "x-helios-upgrade"

// UpgradeOf returns the mapping that a JSON Schema holds.
func UpgradeOf(text string) string {
	var doc map[string]json.RawMessage
	var mapping string
	if json.Unmarshal([]byte(text), &doc) != nil || json.Unmarshal(doc[UpgradeKeyword], &mapping) != nil {
		return ""
	}
	return mapping
}

// Examine reads and compiles every version of the subjects and says which can't
// be used, and how many versions there are.
func Examine(ctx context.Context, source Source, subjects []string) (broken []string, versions int, err error) {
	c := &Catalog{source: source}
	for _, name := range subjects {
		s, err := c.read(ctx, name, nil)
		if err != nil {
			return nil, 0, err
		}
		if s == nil {
			continue
		}
		versions += len(s.Entries)
		for _, e := range s.Entries {
			if e.Err != nil {
				broken = append(broken, e.Err.Error())
			}
		}
	}
	return broken, versions, nil
}
