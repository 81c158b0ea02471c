package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStampPrefersTheMakefilesOverTheGoTools(t *testing.T) {
	info := &debug.BuildInfo{
		Main: debug.Module{Version: "(devel)"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef"},
			{Key: "vcs.time", Value: "2026-11-23T18:00:00Z"},
			{Key: "vcs.modified", Value: "true"},
		},
	}
	for name, test := range map[string]struct {
		version, date, wantVersion, wantDate string
		info                                 *debug.BuildInfo
	}{
		"both given":           {"v1", "today", "v1", "today", info},
		"built by go build":    {"", "", "0123456789ab-modified", "2026-11-23T18:00:00Z", info},
		"built by go install":  {"", "", "v1.2.3", "unknown", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}},
		"nothing known at all": {"", "", "unknown", "unknown", &debug.BuildInfo{}},
	} {
		t.Run(name, func(t *testing.T) {
			v, date := stampFrom(test.version, test.date, test.info)
			require.Equal(t, test.wantVersion, v)
			require.Equal(t, test.wantDate, date)
		})
	}
}
