package dashboards

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Prices are config/prices.yaml: list prices in US dollars.
type Prices struct {
	AsOf            string    `yaml:"as_of"`
	StorageGiBMonth float64   `yaml:"storage_per_gib_month"`
	Services        []Service `yaml:"services"`
}

// Service is what carries a cloud's events to Helios. An event costs its
// operations, times the chunks that it is cut into, and its bytes, times the
// transfers.
type Service struct {
	Cloud       string `yaml:"cloud"`
	Service     string `yaml:"service"`
	Source      string `yaml:"source"`
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
	seen := map[string]bool{}
	for i, s := range p.Services {
		at := fmt.Sprintf("prices: services[%d] (%s)", i, s.Cloud)
		switch {
		case s.Cloud == "" || seen[s.Cloud]:
			return p, fmt.Errorf("%s: cloud is %q; each cloud is named once, as its events name it", at, s.Cloud)
		case s.Source == "" || p.AsOf == "":
			return p, fmt.Errorf("%s: a price needs its source and as_of", at)
		}
		seen[s.Cloud] = true
		for _, n := range []float64{s.PerMillion, s.Operations, s.PerGiB, s.Transfers, s.Alternative.PerMillion, s.Alternative.Operations,
			s.Alternative.PerGiB, s.Alternative.Transfers, float64(s.ChunkBytes), float64(s.MinBytes), p.StorageGiBMonth} {
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
