package main

import "runtime/debug"

// Build stamps, set by the Makefile with -ldflags -X. Without them the stamps
// that the Go tool writes into every binary are used.
var (
	version   string
	dateBuilt string
)

// buildStamp returns the version of this binary and the date of its sources.
func buildStamp() (v, date string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	return stampFrom(version, dateBuilt, info)
}

func stampFrom(v, date string, info *debug.BuildInfo) (string, string) {
	var revision, changed string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.time":
			if date == "" {
				date = s.Value
			}
		case "vcs.modified":
			if s.Value == "true" {
				changed = "-modified"
			}
		}
	}
	if v == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v = info.Main.Version
	}
	if v == "" && revision != "" {
		v = revision[:min(len(revision), 12)] + changed
	}
	if v == "" {
		v = "unknown"
	}
	if date == "" {
		date = "unknown"
	}
	return v, date
}
