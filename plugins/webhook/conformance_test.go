package webhook

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scenario is one of the HTTP binding's conformance features, with one content
// type filled in.
type scenario struct {
	name, request string
	attributes    map[string]string
	data          string
}

var (
	quotedBlock = regexp.MustCompile(`(?s)"""\n(.*?)\n *"""`)
	tableRow    = regexp.MustCompile(`(?m)^ *\| *([a-z]+) *\| *(.*?) *\|`)
	exampleRow  = regexp.MustCompile(`(?m)^ *\| *(application/.*?) *\|`)
	indentation = regexp.MustCompile(`(?m)^ {8}`)
)

// scenarios reads the features as they are written (Gherkin).
func scenarios(t *testing.T) (all []scenario) {
	t.Helper()
	text := sample(t, "cloudevents-conformance/features/http-protocol-binding.feature")
	for _, outline := range strings.Split(text, "Scenario Outline:")[1:] {
		title, _, _ := strings.Cut(outline, "\n")
		before, examples, found := strings.Cut(outline, "Examples:")
		blocks := quotedBlock.FindAllStringSubmatch(before, -1)
		require.True(t, found && len(blocks) == 2, outline)
		for _, example := range exampleRow.FindAllStringSubmatch(examples, -1) {
			fill := func(s string) string { return strings.ReplaceAll(s, "<contentType>", example[1]) }
			one := scenario{name: fill(strings.TrimSpace(title)), data: blocks[1][1], attributes: map[string]string{}}
			head, body, _ := strings.Cut(indentation.ReplaceAllString(fill(blocks[0][1]), ""), "\n\n")
			one.request = strings.ReplaceAll(head, "\n", "\r\n") + "\r\nConnection: close\r\n\r\n" + body
			for _, row := range tableRow.FindAllStringSubmatch(before, -1) {
				if row[1] != "key" {
					one.attributes[row[1]] = fill(row[2])
				}
			}
			all = append(all, one)
		}
	}
	return all
}

// TestConformanceWithTheHTTPBinding writes the requests of the features to the
// socket, byte for byte, and compares what helios_canonical makes of them.
func TestConformanceWithTheHTTPBinding(t *testing.T) {
	d := open(t, nil, `
paths:
  - path: /someresource
    sender: cloudevents
    cloudevents: {origins: ["*"]}
    auth: {anonymous: true}
`)
	canonical := canonicalProcessor(t)
	all := scenarios(t)
	require.GreaterOrEqual(t, len(all), 4)
	for n, s := range all {
		t.Run(s.name, func(t *testing.T) {
			conn, answers := d.dial()
			_, err := io.WriteString(conn, s.request)
			require.NoError(t, err)
			require.Equal(t, []int{200}, statuses(t, answers))
			out := canonical(d.events()[n])
			require.Len(t, out, 1)
			require.NoError(t, out[0].GetError())
			var event map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(bodyOf(t, out[0])), &event))
			require.Len(t, s.attributes, 6)
			for name, want := range s.attributes {
				var got string
				require.NoError(t, json.Unmarshal(event[name], &got), name)
				require.Equal(t, want, got, name)
			}
			require.JSONEq(t, s.data, string(event["data"]))
		})
	}
}
