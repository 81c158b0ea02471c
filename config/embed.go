// Package config carries the configuration in the binary, for the demo.
package config

import "embed"

// Files are the configs, and in expectations the rules of judging.
//
//go:embed demo.yaml log.yaml production.yaml service.yaml expectations/*.yaml
var Files embed.FS
