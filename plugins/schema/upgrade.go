package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
)

// Mappings runs upgrade mappings in Bloblang. The zero value is ready; it is
// safe for concurrent use.
type Mappings struct{ known sync.Map }

// Compile checks a mapping. A mapping sees the payload and nothing else: neither
// files nor the environment nor metadata.
func (m *Mappings) Compile(mapping string) (*bloblang.Executor, error) {
	if e, ok := m.known.Load(mapping); ok {
		return e.(*bloblang.Executor), nil
	}
	env := bloblang.NewEnvironment().WithoutFunctions("env", "file", "hostname", "random_int", "now", "uuid_v4", "nanoid", "ksuid", "count", "counter").WithDisabledImports()
	e, err := env.Parse(mapping)
	if err != nil {
		return nil, fmt.Errorf("reading the mapping: %w", err)
	}
	m.known.Store(mapping, e)
	return e, nil
}

// Upgrade implements Upgrader.
func (m *Mappings) Upgrade(mapping string, payload []byte) ([]byte, error) {
	e, err := m.Compile(mapping)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("reading the payload: %w", err)
	}
	out, err := e.Query(doc)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("writing the upgraded payload: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
