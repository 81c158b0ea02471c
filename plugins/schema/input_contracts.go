package schema

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/helios-connect/helios/plugins/schema/compat"
	"github.com/helios-connect/helios/plugins/schema/registry"
)

func contractsSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Categories("Helios").
		Summary("Emits every registered contract once: each version of each subject, with what changed from the version before and whom that breaks.").
		Description(`
At the start all versions are emitted, subject by subject and in the order of their versions; after that, whenever the registry is asked for news, those that are new. A message that is rejected downstream is emitted again. A restart begins anew: whoever stores contracts does so by subject and version, as the output `+"`helios_store`"+` with `+"`kind: contracts`"+` does.

A message is a JSON object:

- `+"`subject`, `version`, `id`"+` (0 in a folder), `+"`language`"+` (`+"`JSON`, `AVRO` or `PROTOBUF`"+`) and `+"`text`"+`;
- `+"`seen_at`"+`: when this process first saw it;
- `+"`changes`"+`: the differences to the version before, as `+"`helios-connect schema diff --json`"+` shows them; empty for the first;
- `+"`breaks_backward`"+`: consumers of this version can't read what was written by the version before; `+"`breaks_forward`"+`: consumers of the version before can't read what is written by this one;
- `+"`upgrade`"+`: the mapping that turns a payload of the version before into one of this;
- `+"`problem`"+`: why it can't be used, or can't be compared; empty when all is well.

The metadata `+"`helios_subject` and `helios_version`"+` name it. With neither a registry nor a folder nothing is ever emitted. While the registry is down the input waits.`).
		Fields(registryField(), folderField("With neither a registry nor a folder the input idles.")).
		Example("Registered contracts into the store", "For dashboards and queries: which contracts there are, and what changed between versions.", `
input:
  helios_contracts:
    registry:
      url: ${SCHEMA_REGISTRY_URL:http://localhost:8081}
output:
  helios_store:
    dsn: ${HELIOS_STORE_DSN}
    kind: contracts
`)
}

func newContractsFromConfig(conf *service.ParsedConfig, res *service.Resources) (service.Input, error) {
	source, err := sourceFromConfig(conf)
	if err != nil {
		return nil, err
	}
	refresh, err := refreshFromConfig(conf)
	if err != nil {
		return nil, err
	}
	return service.AutoRetryNacks(newContractsInput(source, refresh, res.Logger())), nil
}

func init() {
	service.MustRegisterInput("helios_contracts", contractsSpec(), newContractsFromConfig)
}

// contractsInput emits registered versions. Connect calls Read from one goroutine.
type contractsInput struct {
	source  registry.Source // nil: it idles
	refresh time.Duration
	log     *service.Logger
	failing atomic.Bool // the source did not answer the last time

	news    chan struct{} // the source was asked
	reading atomic.Bool   // by this input, whose own failures are no news

	mu      sync.Mutex
	catalog *registry.Catalog

	emitted map[string]map[int]bool // versions by subject
	queue   []pair
}

// pair is a version to be emitted, and the one before, or nil.
type pair struct{ entry, before *registry.Entry }

func newContractsInput(source registry.Source, refresh time.Duration, log *service.Logger) *contractsInput {
	return &contractsInput{source: source, refresh: refresh, log: log, news: make(chan struct{}, 1), emitted: map[string]map[int]bool{}}
}

// Connect implements service.Input. It doesn't wait for the registry.
func (c *contractsInput) Connect(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil || c.catalog != nil {
		return nil
	}
	c.catalog = registry.Open(c.source, c.refresh, time.Now, registry.Observer{
		Failed: func(err error, _ time.Duration) {
			if !c.failing.Swap(true) {
				c.log.Warnf("The contracts can't be read: %v", err)
			}
			// Perhaps one subject failed, and others have news.
			if !c.reading.Load() {
				c.tell()
			}
		},
		Refreshed: func(int) {
			if c.failing.Swap(false) {
				c.log.Info("The contracts can be read again.")
			}
			c.tell()
		},
	})
	return nil
}

func (c *contractsInput) tell() {
	select {
	case c.news <- struct{}{}:
	default: // it is going to look anyway
	}
}

// Read implements service.Input.
func (c *contractsInput) Read(ctx context.Context) (*service.Message, service.AckFunc, error) {
	for len(c.queue) == 0 {
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-c.news:
		}
		c.mu.Lock()
		catalog := c.catalog
		c.mu.Unlock()
		if catalog == nil {
			return nil, nil, service.ErrNotConnected
		}
		c.gather(ctx, catalog)
	}
	next := c.queue[0]
	c.queue = c.queue[1:]
	msg, err := contractMessage(next, time.Now())
	if err != nil {
		return nil, nil, err
	}
	return msg, func(context.Context, error) error { return nil }, nil
}

// gather queues the versions that were not emitted yet. A subject that can't be
// read waits for the next time.
func (c *contractsInput) gather(ctx context.Context, catalog *registry.Catalog) {
	c.reading.Store(true)
	defer c.reading.Store(false)
	for _, name := range catalog.Names() {
		subject, err := catalog.Subject(ctx, name)
		if err != nil || subject == nil { // the observer was told
			continue
		}
		var before *registry.Entry
		for _, e := range subject.Entries {
			if !c.emitted[name][e.Version] {
				if c.emitted[name] == nil {
					c.emitted[name] = map[int]bool{}
				}
				c.emitted[name][e.Version] = true
				c.queue = append(c.queue, pair{entry: e, before: before})
			}
			before = e
		}
	}
}

// Close implements service.Input.
func (c *contractsInput) Close(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.catalog != nil {
		c.catalog.Close()
		c.catalog = nil
	}
	return nil
}

// registeredContract is a message of the input.
type registeredContract struct {
	Subject  string          `json:"subject"`
	Version  int             `json:"version"`
	ID       int             `json:"id"`
	Language string          `json:"language"`
	Text     string          `json:"text"`
	SeenAt   time.Time       `json:"seen_at"`
	Changes  []compat.Change `json:"changes"`
	Backward bool            `json:"breaks_backward"`
	Forward  bool            `json:"breaks_forward"`
	Upgrade  string          `json:"upgrade"`
	Problem  string          `json:"problem"`
}

func contractMessage(p pair, now time.Time) (*service.Message, error) {
	e := p.entry
	c := registeredContract{Subject: e.Subject, Version: e.Version, ID: e.ID, Language: e.Type.String(), Text: e.Text,
		SeenAt: now.UTC(), Changes: []compat.Change{}, Upgrade: e.Upgrade}
	if e.Err != nil {
		c.Problem = e.Err.Error()
	}
	if p.before != nil {
		changes, err := compat.Diff(comparedAs(p.before), comparedAs(e))
		if err != nil && c.Problem == "" {
			c.Problem = fmt.Sprintf("it can't be compared with version %d: %v", p.before.Version, err)
		}
		for _, change := range changes {
			c.Changes = append(c.Changes, change)
			c.Backward = c.Backward || slices.Contains(change.Breaks, compat.ReadsEarlier)
			c.Forward = c.Forward || slices.Contains(change.Breaks, compat.ReadByEarlier)
		}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(c); err != nil {
		return nil, fmt.Errorf("writing version %d of %q: %w", e.Version, e.Subject, err)
	}
	msg := service.NewMessage(bytes.TrimSpace(b.Bytes()))
	msg.MetaSetMut("helios_subject", e.Subject)
	msg.MetaSetMut("helios_version", strconv.Itoa(e.Version))
	return msg, nil
}

var formats = map[sr.SchemaType]compat.Format{sr.TypeJSON: compat.JSON, sr.TypeAvro: compat.Avro, sr.TypeProtobuf: compat.Protobuf}

// comparedAs is a registered version as compat reads it.
func comparedAs(e *registry.Entry) compat.Schema {
	return compat.Schema{Format: formats[e.Type], Text: e.Text, Version: e.Version, References: e.Referenced}
}
