package embedded

import "github.com/twmb/franz-go/pkg/sr/srfake"

// Registry is a schema registry in this process, franz-go's srfake: Confluent's
// API, with its schemas in memory. It checks no compatibility; Helios does that
// itself before it registers anything.
type Registry struct{ fake *srfake.Registry }

// StartRegistry starts an empty registry on a free port of 127.0.0.1.
func StartRegistry() *Registry { return &Registry{fake: srfake.New()} }

// URL of the registry.
func (r *Registry) URL() string { return r.fake.URL() }

// Close ends the registry and forgets its schemas.
func (r *Registry) Close() { r.fake.Close() }
