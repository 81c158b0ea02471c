// Package pipelines carries the pipelines in the binary, for the demo, which
// runs the very files that production runs.
package pipelines

import (
	"embed"
	"strings"
)

// Files are the pipelines, one stream a file; those in demo send the events of
// the simulated clouds.
//
//go:embed *.yaml demo/*.yaml
var Files embed.FS

// IsTest tells whether a file holds the tests of a pipeline, which stand beside
// it; no such file is a stream.
func IsTest(path string) bool { return strings.HasSuffix(path, "_benthos_test.yaml") }
