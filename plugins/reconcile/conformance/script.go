package conformance

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/helios-connect/helios/plugins/reconcile/oracle"
)

// The scripts are part of the package, so that a host in any folder runs them.
// What they expect was derived by hand from the rules, never from a host: they
// cannot be rewritten by a flag.
//
//go:embed testdata/*.txt
var scriptFiles embed.FS

// defaultType is the type of events that name none.
const defaultType = "order"

// Scripts runs the hand-written scripts of testdata. A script consists of
//
//	config            a config in YAML; starts a new script
//	run               steps, one a line; prints what they caused
//
// and of the steps
//
//	event aws ord-1 t=10s amount=10.00     an event; name=value is data.name, raw JSON
//	tick 500ms x20                         wall time, twenty times
//	end                                    the end of input
//	raw {"id": …}                          a document as it stands
//	wall 1h                                the wall clock of the following steps, since Base
//
// Beside data an event takes t (time since Base), time (as it stands), ingest
// (since Base), id, source, type, tenant, and @name for a top-level member.
func Scripts(t *testing.T, newHost NewHost, traits Traits) {
	files, err := fs.Glob(scriptFiles, "testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(path.Base(file), ".txt"), func(t *testing.T) {
			text, err := scriptFiles.ReadFile(file)
			require.NoError(t, err)
			runScript(t, string(text), newHost, traits)
		})
	}
}

// scripted is the state of a script while it runs.
type scripted struct {
	cfg     oracle.Config
	steps   []Step
	wall    time.Time
	events  int
	printed map[oracle.FactKey]int
	flagged int
}

func runScript(t *testing.T, text string, newHost NewHost, traits Traits) {
	var s *scripted
	datadriven.RunTestFromString(t, text, func(t *testing.T, d *datadriven.TestData) string {
		switch d.Cmd {
		case "config":
			s = &scripted{printed: map[oracle.FactKey]int{}}
			if err := yaml.Unmarshal([]byte(d.Input), &s.cfg); err != nil {
				d.Fatalf(t, "reading the config: %v", err)
			}
			return ""
		case "run":
			for _, line := range strings.Split(d.Input, "\n") {
				if err := s.add(line); err != nil {
					d.Fatalf(t, "%q: %v", line, err)
				}
			}
			if !traits.can(s.steps) {
				return d.Expected
			}
			out, err := s.play(t, newHost, traits)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			return out
		}
		d.Fatalf(t, "unknown command %q", d.Cmd)
		return ""
	})
}

// play runs the whole script so far on a new host and prints what the latest
// steps caused: revisions by fact, then flagged events.
func (s *scripted) play(t *testing.T, newHost NewHost, traits Traits) (string, error) {
	res, err := newHost(t, s.cfg).Run(s.steps)
	if err != nil {
		return "", err
	}
	if traits.TracksEvents {
		if err := conserved(res, s.steps); err != nil {
			return "", err
		}
	}
	var lines []string
	seen := map[oracle.FactKey]int{}
	for _, v := range res.Verdicts {
		r, _, err := parseVerdict(v.JSON, s.steps)
		if err != nil {
			return "", fmt.Errorf("reading verdict %.400s: %w", v.JSON, err)
		}
		if seen[r.Fact]++; seen[r.Fact] > s.printed[r.Fact] {
			lines = append(lines, fmt.Sprintf("%s\x00%04d\x00%s", factName(r.Fact), seen[r.Fact], Line(r, false)))
		}
	}
	s.printed = seen
	sort.Strings(lines)
	for i, l := range lines {
		lines[i] = l[strings.LastIndexByte(l, 0)+1:]
	}
	for _, f := range res.Flags[min(s.flagged, len(res.Flags)):] {
		lines = append(lines, "flagged "+f.Reason+" "+eventName([]byte(f.Doc)))
	}
	s.flagged = len(res.Flags)
	if len(lines) == 0 {
		return "nothing\n", nil
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// add reads one line of a run command.
func (s *scripted) add(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	step := Step{Wall: s.wall}
	times := 1
	switch words[0] {
	case "event":
		s.events++
		doc, err := eventOf(words[1:], s.events)
		if err != nil {
			return err
		}
		step.Event = doc
	case "raw":
		step.Event = []byte(strings.TrimPrefix(strings.TrimSpace(line), "raw "))
	case "tick":
		var err error
		if step.Tick, err = time.ParseDuration(words[1]); err != nil {
			return err
		}
		if len(words) > 2 {
			if times, err = strconv.Atoi(strings.TrimPrefix(words[2], "x")); err != nil {
				return err
			}
		}
	case "end":
		step.End = true
	case "wall":
		d, err := time.ParseDuration(words[1])
		s.wall = Base.Add(d)
		return err
	default:
		return fmt.Errorf("unknown step %q", words[0])
	}
	for range times {
		s.steps = append(s.steps, step)
	}
	return nil
}

// eventOf builds the document of an event step.
func eventOf(words []string, number int) ([]byte, error) {
	if len(words) < 2 {
		return nil, fmt.Errorf("an event needs a cloud and a key")
	}
	e := Event{Cloud: words[0], Key: words[1], ID: "e" + strconv.Itoa(number), Source: "/" + words[0]}
	for _, word := range words[2:] {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not name=value", word)
		}
		var err error
		switch name {
		case "t":
			var d time.Duration
			d, err = time.ParseDuration(value)
			e.Time = Base.Add(d).Format(time.RFC3339Nano)
		case "ingest":
			var d time.Duration
			d, err = time.ParseDuration(value)
			e.Ingest = Base.Add(d).Format(time.RFC3339Nano)
		case "time":
			e.Time = value
		case "id":
			e.ID = value
		case "source":
			e.Source = value
		case "type":
			e.Type = value
		case "tenant":
			e.Tenant = value
		default:
			if !json.Valid([]byte(value)) {
				return nil, fmt.Errorf("%q is not JSON", value)
			}
			if top, ok := strings.CutPrefix(name, "@"); ok {
				e.Top = append(e.Top, Member{top, value})
			} else {
				e.Data = append(e.Data, Member{name, value})
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return e.JSON(), nil
}
