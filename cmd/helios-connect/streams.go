package main

import (
	"slices"

	"github.com/helios-connect/helios/pipelines"
)

// withoutTests leaves the tests of pipelines out of what `streams` is to run.
// Redpanda Connect leaves them out of a folder, but runs one that a shell's
// pattern such as pipelines/*.yaml names as a stream of its own, which reads the
// standard input.
func withoutTests(args []string) []string {
	command := slices.Index(args, "streams")
	if command < 0 {
		return args
	}
	kept := slices.Clone(args[:command])
	for _, arg := range args[command:] {
		if !pipelines.IsTest(arg) {
			kept = append(kept, arg)
		}
	}
	return kept
}
