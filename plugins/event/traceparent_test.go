package event_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/plugins/event"
)

const validParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// The cases are those of https://www.w3.org/TR/trace-context/#versioning-of-traceparent
// and what senders get wrong.
func TestWhatIsNoTraceParentIsNone(t *testing.T) {
	for text, want := range map[string]bool{
		validParent: true,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00":            true,
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":            true, // a later version
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes": true,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes": false,
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-comes": false,
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":            false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01":            false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01":            false,
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01":            false,
		"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01":            false,
		"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01":            false,
		"": false, "00-x": false, strings.Repeat("0", 1<<20): false,
		validParent + "\n": false, "cc" + validParent[2:] + "-" + strings.Repeat("x", 1000): false,
	} {
		_, ok := event.ParseTraceParent(text)
		require.Equal(t, want, ok, "%.100q", text)
		_, ok = event.ParseTraceParent([]byte(text))
		require.Equal(t, want, ok, "%.100q", text)
	}
	p, _ := event.ParseTraceParent(validParent)
	require.True(t, p.Sampled)
	require.Equal(t, byte(0x4b), p.TraceID[0])
	require.Equal(t, byte(0xb7), p.SpanID[7])
	require.Zero(t, testing.AllocsPerRun(100, func() { event.ParseTraceParent(validParent) }))
}

func TestTheHeaderOfXRayBecomesATraceParentWhereItNamesASpan(t *testing.T) {
	const root, parent = "Root=1-5759e988-bd862e3fe1be46a994272793", "Parent=53995c3f42cd8ad8"
	require.Equal(t, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01", event.TraceParentFromXRay(root+";"+parent+";Sampled=1"))
	require.Equal(t, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00", event.TraceParentFromXRay(parent+"; "+root+";Sampled=?;Lineage=a:0"))
	for _, none := range []string{"", root, parent, root + ";Parent=xyz", "Root=2-5759e988-bd862e3fe1be46a994272793;" + parent, "Root=1-5759e988bd862e3fe1be46a9942727933;" + parent, strings.Repeat(";", 1000) + root + ";" + parent} {
		require.Empty(t, event.TraceParentFromXRay(none), none)
	}
}

func FuzzParseTraceParent(f *testing.F) {
	f.Add(validParent)
	f.Fuzz(func(t *testing.T, text string) {
		if p, ok := event.ParseTraceParent(text); ok && (p.TraceID == [16]byte{} || p.SpanID == [8]byte{}) {
			t.Errorf("%q has no ids", text)
		}
		event.TraceParentFromXRay(text)
	})
}
