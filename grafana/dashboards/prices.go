package dashboards

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Prices are config/prices.yaml: list prices in US dollars.
type Prices struct {
	Storage  Storage   `yaml:"storage"`
	Services []Service `yaml:"services"`
}

// Storage is what a stored GiB costs in a month.
type Storage struct {
	Service  string  `yaml:"service"`
	GiBMonth float64 `yaml:"per_gib_month"`
	Origin   `yaml:",inline"`
}

// Origin says where a price comes from: a source that said so at a time, or nobody.
type Origin struct {
	Source   string `yaml:"source"`
	AsOf     string `yaml:"as_of"`
	Estimate bool   `yaml:"estimate"`
}

// String is the origin as the dashboard shows it.
func (o Origin) String() string {
	if o.Estimate {
		return "an estimate without a source"
	}
	return o.AsOf + ", " + o.Source
}

func (o Origin) check() error {
	switch {
	case o.Estimate && (o.Source != "" || o.AsOf != ""):
		return fmt.Errorf("estimate is true, and so source and as_of must be absent; a price that has them is none")
	case !o.Estimate && (o.Source == "" || o.AsOf == ""):
		return fmt.Errorf("source is %q and as_of is %q; a price needs both, for example as_of: \"2026-06\", or estimate: true", o.Source, o.AsOf)
	}
	return nil
}

// Service is what carries a cloud's events to Helios. An event costs its
// operations, times the chunks that it is cut into, and its bytes, times the
// transfers.
type Service struct {
	Cloud       string `yaml:"cloud"`
	Service     string `yaml:"service"`
	Origin      `yaml:",inline"`
	Tariff      `yaml:",inline"`
	ChunkBytes  int64  `yaml:"chunk_bytes"`
	MinBytes    int64  `yaml:"minimum_bytes"`
	Alternative Advice `yaml:"alternative"`
}

// Tariff is what an event is billed by.
type Tariff struct {
	PerMillion float64 `yaml:"per_million_operations"`
	Operations float64 `yaml:"operations_per_event"`
	PerGiB     float64 `yaml:"per_gib"`
	Transfers  float64 `yaml:"transfers_per_event"`
}

// Advice is a cheaper way, and what an event costs with it.
type Advice struct {
	Text   string `yaml:"advice"`
	Tariff `yaml:",inline"`
}

// ParsePrices reads config/prices.yaml.
func ParsePrices(raw []byte) (p Prices, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err = decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("reading prices: %w", err)
	}
	if len(p.Services) == 0 {
		return p, fmt.Errorf("prices: services is empty; name at least one cloud's")
	}
	if p.Storage.Service == "" || p.Storage.GiBMonth < 0 {
		return p, fmt.Errorf("prices: storage: service is %q and per_gib_month is %g; it takes a name and 0 or more", p.Storage.Service, p.Storage.GiBMonth)
	}
	if err := p.Storage.check(); err != nil {
		return p, fmt.Errorf("prices: storage: %w", err)
	}
	seen := map[string]bool{}
	for i, s := range p.Services {
		at := fmt.Sprintf("prices: services[%d] (%s)", i, s.Cloud)
		if s.Cloud == "" || seen[s.Cloud] {
			return p, fmt.Errorf("%s: cloud is %q; each cloud is named once, as its events name it", at, s.Cloud)
		}
		if err := s.check(); err != nil {
			return p, fmt.Errorf("%s: %w", at, err)
		}
		seen[s.Cloud] = true
		for _, n := range []float64{s.PerMillion, s.Operations, s.PerGiB, s.Transfers, s.Alternative.PerMillion, s.Alternative.Operations,
			s.Alternative.PerGiB, s.Alternative.Transfers, float64(s.ChunkBytes), float64(s.MinBytes)} {
			if n < 0 {
				return p, fmt.Errorf("%s: %g is negative; prices and amounts are 0 or more", at, n)
			}
		}
	}
	return p, nil
}

// rows are the prices as a table of SQL: cloud, service, advice, and the
// numbers.
func (p Prices) rows() string {
	var rows []string
	for _, s := range p.Services {
		chunk := s.ChunkBytes
		if chunk == 0 {
			chunk = 1 << 40
		}
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %d, %d, %g::float8, %g::float8, %g::float8, %g::float8)",
			literal(s.Cloud), literal(s.Service), literal(s.Alternative.Text), chunk, s.MinBytes,
			s.PerMillion*s.Operations/1e6, s.PerGiB*s.Transfers/(1<<30),
			s.Alternative.PerMillion*s.Alternative.Operations/1e6, s.Alternative.PerGiB*s.Alternative.Transfers/(1<<30)))
	}
	return "price(cloud, service, advice, chunk, least, per_chunk, per_byte, alt_chunk, alt_byte) AS (VALUES\n  " +
		strings.Join(rows, ",\n  ") + ")"
}

// literal is text as SQL writes it. Grafana would read a $ as a variable.
func literal(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "'", "''"), "$", "") + "'"
}
