// Package pipelines carries the pipelines in the binary, for the demo, which
// runs the very files that production runs.
package pipelines

import "embed"

// Files are the pipelines, one stream a file; those in demo send the events of
// the simulated clouds.
//
//go:embed *.yaml demo/*.yaml
var Files embed.FS
