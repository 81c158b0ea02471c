// Package config carries the configuration in the binary, for the demo.
package config

import "embed"

// Files are the configs, in expectations the rules of judging, and in schemas
// the contracts of the demo's events.
//
//go:embed demo.yaml contracts.yaml log.yaml production.yaml service.yaml expectations/*.yaml schemas/*.json
var Files embed.FS
