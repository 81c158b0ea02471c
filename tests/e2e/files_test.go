package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fileVerdict is what these tests read of a line of the verdict file: a verdict,
// or a refused line.
type fileVerdict struct {
	Key      string   `json:"key"`
	Revision int      `json:"revision"`
	Status   string   `json:"status"`
	Missing  []string `json:"missing"`
	Stalled  []string `json:"stalled"`
	ClosedBy string   `json:"closed_by"`
	Diffs    []struct {
		Field    string   `json:"field"`
		Outliers []string `json:"outliers"`
	} `json:"diffs"`
	Duplicates map[string]int `json:"duplicates"`
	Conflicts  map[string]int `json:"conflicts"`

	Refused string `json:"refused"`
	Detail  string `json:"detail"`
	File    string `json:"file"`
	Number  int    `json:"number"`
	Line    string `json:"line"`
}

// said writes the last word on a fact on one line.
func (v fileVerdict) said() string {
	out := v.Status
	for _, m := range v.Missing {
		out += " -" + m
	}
	for _, d := range v.Diffs {
		out += " " + d.Field + "≠" + strings.Join(d.Outliers, ",")
	}
	return out
}

type filesResult struct {
	final   map[string]fileVerdict // by key
	refused []fileVerdict
	summary map[string]int
	log     string
}

// reconcileFiles runs pipelines/examples/files.yaml to its end.
func reconcileFiles(t *testing.T, env ...string) filesResult {
	t.Helper()
	dir := t.TempDir()
	verdicts, summary := filepath.Join(dir, "verdicts.jsonl"), filepath.Join(dir, "summary.json")
	pipeline, err := filepath.Abs("../../pipelines/examples/files.yaml")
	require.NoError(t, err)
	p := start(t, append(env, "VERDICTS="+verdicts, "SUMMARY="+summary), "run", pipeline)
	require.Zero(t, p.exit(2*time.Minute))
	res := filesResult{final: map[string]fileVerdict{}, log: p.out.String() + p.err.String()}
	file, err := os.Open(verdicts)
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var v fileVerdict
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v), lines.Text())
		if v.Refused != "" {
			res.refused = append(res.refused, v)
			continue
		}
		require.Empty(t, v.Stalled, "nobody stalls in a file")
		require.Equal(t, res.final[v.Key].Revision+1, v.Revision, "revisions of %s", v.Key)
		res.final[v.Key] = v
	}
	require.NoError(t, lines.Err())
	raw, err := os.ReadFile(summary)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &res.summary))
	require.True(t, strings.HasSuffix(string(raw), "}\n"), "the summary is a line of text: %q", raw)
	return res
}

// A misspelt path would agree everywhere: the end of the files tells of it, and of
// no other.
func TestAPathThatNoRecordHasIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"a", "b"} {
		files = append(files, filepath.Join(dir, name+".jsonl"))
		record := `{"key":"1","event_time":"2026-01-01T00:00:00Z","amount":5}` + "\n"
		require.NoError(t, os.WriteFile(files[len(files)-1], []byte(record), 0o600))
	}
	res := reconcileFiles(t, "FILES="+strings.Join(files, ","), "PARTICIPANTS=a, b", "KEY_FIELD=key", "TIME_FIELD=event_time",
		"COMPARE={field: data.amount}, {field: data.amuont}")
	require.Equal(t, map[string]int{"matched": 1}, res.summary)
	require.Equal(t, 1, strings.Count(res.log, "is the path right?"), res.log)
	require.Contains(t, res.log, "data.amuont, which no event had (facts so far: 1)")
}

// The real flight log: what the pipeline says of every flight is what became of
// it, whichever way the files are given.
func TestTheFlightLogIsReconciledFlightByFlight(t *testing.T) {
	dev, err := filepath.Abs("../../../shared/data/event-logs/airline-ontime-2014-01/dev")
	require.NoError(t, err)
	if _, err := os.Stat(dev); err != nil {
		t.Skipf("the flight log is not there: %v", err)
	}
	names := []string{"source-a-scheduled.jsonl", "source-b-departed.jsonl", "source-c-arrived.jsonl"}
	want := flightTruth(t, filepath.Join(dev, "truth.jsonl.gz"))
	plain := t.TempDir()
	for _, n := range names {
		require.NoError(t, os.WriteFile(filepath.Join(plain, n), unzipped(t, filepath.Join(dev, n+".gz")), 0o600))
	}
	for name, files := range map[string][]string{
		"as listed":          {filepath.Join(dev, names[0]+".gz"), filepath.Join(dev, names[1]+".gz"), filepath.Join(dev, names[2]+".gz")},
		"backwards":          {filepath.Join(dev, names[2]+".gz"), filepath.Join(dev, names[1]+".gz"), filepath.Join(dev, names[0]+".gz")},
		"departures first":   {filepath.Join(dev, names[1]+".gz"), filepath.Join(dev, names[2]+".gz"), filepath.Join(dev, names[0]+".gz")},
		"plain":              {filepath.Join(plain, names[0]), filepath.Join(plain, names[1]), filepath.Join(plain, names[2])},
		"gzip and plain":     {filepath.Join(plain, names[2]), filepath.Join(dev, names[0]+".gz"), filepath.Join(plain, names[1])},
		"a glob":             {filepath.Join(dev, "source-*.gz")},
		"a glob, plain text": {filepath.Join(plain, "*")},
	} {
		t.Run(name, func(t *testing.T) {
			res := reconcileFiles(t, "FILES="+strings.Join(files, ","), "PARTICIPANTS=scheduled, departed, arrived",
				"COMPARE={field: data.distance}, {field: data.carrier}")
			require.Empty(t, res.refused)
			got := map[string]string{}
			for key, v := range res.final {
				got[key] = v.said()
			}
			require.Equal(t, want, got)
			require.Equal(t, map[string]int{"matched": 2431, "missing": 1039}, res.summary)
		})
	}
}

// flightTruth reads what became of each flight, in the words of a verdict.
func flightTruth(t *testing.T, name string) map[string]string {
	t.Helper()
	words := map[string]string{"complete": "matched", "departed_only": "missing -arrived", "scheduled_only": "missing -arrived -departed"}
	want := map[string]string{}
	dec := json.NewDecoder(bytes.NewReader(unzipped(t, name)))
	for dec.More() {
		var line struct{ Key, Outcome string }
		require.NoError(t, dec.Decode(&line))
		require.Contains(t, words, line.Outcome)
		want[line.Key] = words[line.Outcome]
	}
	require.NotEmpty(t, want)
	return want
}

func unzipped(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	z, err := gzip.NewReader(file)
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = out.ReadFrom(z)
	require.NoError(t, err)
	return out.Bytes()
}

// record is a line of a made-up file.
type record struct {
	at   time.Time
	line string
}

// month is three sources' files of a month, with faults, and what must be said.
type month struct {
	files   map[string][]record
	want    map[string]string
	refused map[string]int // by reason
	lines   map[string]bool
	repeats int
}

var sources = []string{"north", "south", "west"}

func makeMonth(facts int) *month {
	r := rand.New(rand.NewPCG(7, 11))
	m := &month{files: map[string][]record{}, want: map[string]string{}, refused: map[string]int{}, lines: map[string]bool{}}
	begin := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range facts {
		key := fmt.Sprintf("P-%06d", i)
		at := begin.Add(time.Duration(r.Int64N(int64(30 * 24 * time.Hour))))
		amount := float64(r.IntN(100_000)) / 100
		lost, wrong := -1, -1
		switch x := r.IntN(100); {
		case x < 3:
			lost = r.IntN(3)
		case x < 6:
			wrong = r.IntN(3)
		}
		m.want[key] = "matched"
		for s, name := range sources {
			value := amount
			if s == lost {
				m.want[key] = "missing -" + name
				continue
			}
			if s == wrong {
				value += 5
				m.want[key] = "mismatched data.amount≠" + name
			}
			rec := record{at.Add(time.Duration(r.IntN(7200)) * time.Second), ""}
			rec.line = fmt.Sprintf(`{"key":%q,"event_time":%q,"amount":%.2f,"note":"%d of %s"}`, key, rec.at.Format(time.RFC3339), value, i, name)
			m.files[name] = append(m.files[name], rec)
			if r.IntN(200) == 0 { // the same line twice
				m.files[name] = append(m.files[name], rec)
				m.repeats++
			}
		}
	}
	for i := range 40 {
		stamp := begin.Add(time.Duration(i) * time.Hour)
		m.refuse("unreadable", stamp, fmt.Sprintf(`{"key":"broken-%d","event_time":"2025-03-`, i))
		m.refuse("unkeyed", stamp, fmt.Sprintf(`{"event_time":%q,"amount":1,"n":%d}`, stamp.Format(time.RFC3339), i))
		m.refuse("unreadable", stamp, fmt.Sprintf(`{"key":"timeless-%d","amount":1}`, i))
		m.refuse("unreadable", stamp, fmt.Sprintf(`{"key":"odd-time-%d","event_time":"yesterday"}`, i))
	}
	for _, name := range sources {
		sort.SliceStable(m.files[name], func(i, k int) bool { return m.files[name][i].at.Before(m.files[name][k].at) })
	}
	return m
}

func (m *month) refuse(reason string, at time.Time, line string) {
	m.refused[reason]++
	m.lines[line] = true
	name := sources[len(m.lines)%len(sources)]
	m.files[name] = append(m.files[name], record{at, line})
}

func (m *month) write(t *testing.T, dir string) {
	t.Helper()
	for i, name := range sources {
		var out bytes.Buffer
		for _, r := range m.files[name] {
			out.WriteString(r.line + "\n")
		}
		raw, suffix := out.Bytes(), ""
		if i == 0 {
			var zipped bytes.Buffer
			z := gzip.NewWriter(&zipped)
			_, err := z.Write(raw)
			require.NoError(t, err)
			require.NoError(t, z.Close())
			raw, suffix = zipped.Bytes(), ".gz"
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".jsonl"+suffix), raw, 0o600))
	}
}

func TestAMonthOfThreeSourcesWithFaultsIsJudgedWithoutError(t *testing.T) {
	facts := 150_000
	if testing.Short() {
		facts = 15_000
	}
	m := makeMonth(facts)
	dir := t.TempDir()
	m.write(t, dir)
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS="+strings.Join(sources, ", "),
		"COMPARE={field: data.amount, tolerance: 0.01}")

	require.Len(t, res.final, len(m.want))
	repeats, want := 0, map[string]int{}
	for key, said := range m.want {
		v := res.final[key]
		require.Equal(t, said, v.said(), "fact %s", key)
		want[v.Status]++
		for _, n := range v.Duplicates {
			repeats += n
		}
		require.Empty(t, v.Conflicts)
	}
	require.Positive(t, repeats)
	late := regexp.MustCompile(`(\d+) events came after the verdict of a fact and changed nothing in it`).FindStringSubmatch(res.log)
	require.NotNil(t, late, res.log)
	uncounted, err := strconv.Atoi(late[1])
	require.NoError(t, err)
	require.Equal(t, m.repeats, repeats+uncounted, "every record is in a verdict, a repeat, or refused")
	got := map[string]int{}
	for _, r := range res.refused {
		got[r.Refused]++
		require.NotEmpty(t, r.Detail, "%+v", r)
	}
	require.Equal(t, m.refused, got)
	want["refused"] = len(m.lines)
	require.Equal(t, want, res.summary)
}

// lineOf writes a record of a file.
func lineOf(key, value string) string {
	return fmt.Sprintf(`{"key":%q,"event_time":"2025-03-01T00:00:00Z","value":%q}`, key, value) + "\n"
}

// A folder may carry the name of one participant and its files those of others.
func TestTheNameOfAFileSaysWhoseItIsBeforeItsFolderDoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "north-export")
	require.NoError(t, os.Mkdir(dir, 0o700))
	for _, name := range []string{"north", "south"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".jsonl"), []byte(lineOf("k", "1")), 0o600))
	}
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS=north, south", "COMPARE={field: data.value}")
	require.Equal(t, map[string]int{"matched": 1}, res.summary)
}

func TestTheFolderOfAFileSaysWhoseItIsWhenItsNameDoesNot(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"north", "south"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "part-1.jsonl"), []byte(lineOf("k", "1")), 0o600))
	}
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*", "*"), "PARTICIPANTS=north, south", "COMPARE={field: data.value}")
	require.Equal(t, map[string]int{"matched": 1}, res.summary)
}

// A scanner that gives up at a long line takes the rest of its file for absent.
func TestARecordOfMegabytesIsJudgedAndSoAreThoseAfterIt(t *testing.T) {
	dir := t.TempDir()
	big := strings.Repeat("x", 3<<20)
	all := lineOf("before", "1") + lineOf("big", big) + lineOf(strings.Repeat("k", 1<<20), "1") + lineOf("after", "1")
	for _, name := range []string{"north", "south"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".jsonl"), []byte(all), 0o600))
	}
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS=north, south", "COMPARE={field: data.value}")
	require.Equal(t, map[string]int{"matched": 4}, res.summary)
}

// A file without the last line's end, which another was appended to, has two
// records on one line.
func TestALineThatGoesOnAfterItsRecordIsRefused(t *testing.T) {
	dir := t.TempDir()
	one := strings.TrimSuffix(lineOf("one", "1"), "\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "north.jsonl"), []byte(one+lineOf("two", "1")+one+" x\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "south.jsonl"), []byte(lineOf("one", "1")+lineOf("two", "1")), 0o600))
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS=north, south", "COMPARE={field: data.value}")
	require.Equal(t, map[string]int{"missing": 2, "refused": 2}, res.summary)
	for _, r := range res.refused {
		require.Contains(t, r.Detail, "expected nothing after the JSON object")
	}
}

// What programs on Windows write is read; what can be read in two ways is not.
func TestARecordIsJudgedAsItIsWritten(t *testing.T) {
	dir := t.TempDir()
	line := func(key, amount string) string {
		return fmt.Sprintf(`{"key":"%s","event_time":"2025-03-01T00:00:00Z","amount":%s}`, key, amount)
	}
	north := "\xef\xbb\xbf" + line("first", "1") + "\r\n\r\n" + line("exact", "0.10000000000000000000000001") + "\r\n" +
		line("twice", `1,"amount":2`) + "\r\n" + line("M\xfcller", "1") + "\r\n" + line("M\xf6ller", "1") + "\r\n\r\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "north.jsonl"), []byte(north), 0o600))
	south := line("first", "1.0") + "\n" + line("exact", "0.1") + "\n" + line("twice", "2") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "south.jsonl"), []byte(south), 0o600))
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS=north, south", "COMPARE={field: data.amount}")
	require.Equal(t, map[string]int{"matched": 1, "mismatched": 1, "missing": 1, "refused": 3}, res.summary)
	require.Equal(t, "matched", res.final["first"].said())
	require.Equal(t, "missing -north", res.final["twice"].said())
	var why []string
	for _, r := range res.refused {
		why = append(why, r.Detail)
	}
	require.Contains(t, why[0], `duplicate member "amount"`)
	require.Contains(t, why[1], "expected valid UTF-8")
	require.Contains(t, why[2], "expected valid UTF-8")
}

// A job that can't have all of its files would call what it lacks missing.
func TestFilesThatAreNotThereAreAnErrorAtTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	north := filepath.Join(dir, "north.jsonl")
	require.NoError(t, os.WriteFile(north, []byte(lineOf("k", "1")), 0o600))
	pipeline, err := filepath.Abs("../../pipelines/examples/files.yaml")
	require.NoError(t, err)
	for files, want := range map[string]string{
		"":                                "paths names no file; give at least one name or glob",
		north + "," + dir + "/soth.jsonl": "/soth.jsonl\" matches no file",
		north + "," + dir + "/soth*":      "/soth*\" matches no file",
		dir:                               "is a folder; it takes files",
	} {
		verdicts := filepath.Join(dir, "verdicts.jsonl")
		p := start(t, []string{"FILES=" + files, "PARTICIPANTS=north, south", "VERDICTS=" + verdicts, "SUMMARY=" + filepath.Join(dir, "summary.json")}, "run", pipeline)
		require.Equal(t, 1, p.exit(time.Minute), files)
		require.Contains(t, strings.ReplaceAll(p.out.String()+p.err.String(), `\"`, `"`), want, files)
		require.NoFileExists(t, verdicts)
	}
}

// Whoever mends a file must find the line, and the setting that is wrong.
func TestARefusedRecordIsToldByItsPlaceAndItsSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	north := filepath.Join(dir, "north.jsonl")
	text := "\n" + `{"no":"1","at":1735689600}` + "\nno JSON\n" + `{"at":"2025-01-01T00:00:00Z"}` + "\n" + `{"no":"2","at":"today"}` + "\n" + `{"no":"` + strings.Repeat("x", 100) + `"}`
	require.NoError(t, os.WriteFile(north, []byte(text), 0o600))
	res := reconcileFiles(t, "FILES="+north, "PARTICIPANTS=north, south", "KEY_FIELD=no", "TIME_FIELD=at", "MAX_LINE_BYTES=100")
	require.Equal(t, map[string]int{"refused": 5}, res.summary)
	var why []string
	for _, r := range res.refused {
		require.Equal(t, north, r.File)
		why = append(why, fmt.Sprint(r.Number, " ", r.Refused, ": ", r.Detail))
	}
	require.Equal(t, []string{
		`2 unreadable: time (TIME_FIELD at) is 1735689600: it takes a string in RFC 3339, such as "2026-01-31T12:00:00Z"`,
		`3 unreadable: invalid JSON at byte 0: found 'n', expected a JSON object`,
		`4 unkeyed: correlationid (KEY_FIELD no) is absent, empty or no string: it names the business fact`,
		`5 unreadable: time (TIME_FIELD at): not an RFC 3339 time: "today"`,
		`6 unreadable: ` + north + `: line 6 is longer than 100 bytes (max_record_bytes)`,
	}, why)
}

// What can't be read is told by the file's name, and ends the run as all else does.
func TestAFileThatCanNotBeReadIsRefusedByName(t *testing.T) {
	dir := t.TempDir()
	var all, zipped bytes.Buffer
	for i := range 2000 {
		all.WriteString(lineOf(fmt.Sprint(i*i), "1"))
	}
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(all.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, text := range map[string][]byte{
		"north.jsonl": all.Bytes(), "south-cut.jsonl.gz": zipped.Bytes()[:zipped.Len()/2], "south-none.jsonl.gz": nil, "west.jsonl": []byte(lineOf("0", "1") + lineOf("1", "1")),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS=north, south", "COMPARE={field: data.value}")
	require.Equal(t, 2000, res.summary["matched"]+res.summary["missing"])
	require.Positive(t, res.summary["matched"])
	require.Positive(t, res.summary["missing"])
	require.Equal(t, 4, res.summary["refused"])
	var why []string
	for _, r := range res.refused {
		why = append(why, r.Detail)
	}
	require.Contains(t, why[0], "south-cut.jsonl.gz can't be read from line ")
	require.Contains(t, why[1], "south-none.jsonl.gz can't be read from line 1 on: unexpected EOF")
	require.Contains(t, why[2], "no name of PARTICIPANTS (north, south) stands in the path ")
	require.Equal(t, why[2], why[3])
	require.Equal(t, 1, strings.Count(res.log, "no name of PARTICIPANTS"), "a line of the log for each such file, not for each of its records")
}

// Two records of one time and key differ: the later line counts, whatever was read
// before it.
func TestTheLaterOfTwoRecordsCounts(t *testing.T) {
	dir := t.TempDir()
	north, south := filepath.Join(dir, "north.jsonl"), filepath.Join(dir, "south.jsonl")
	var lines strings.Builder
	for i := range 8 {
		lines.WriteString(lineOf(fmt.Sprint(i), "1"))
	}
	require.NoError(t, os.WriteFile(south, []byte(lines.String()+lineOf("k", "new")), 0o600))
	lines.WriteString(lineOf("k", "old") + lineOf("k", "new")) // lines 9 and 10
	require.NoError(t, os.WriteFile(north, []byte(lines.String()), 0o600))
	for _, files := range []string{north + "," + south, south + "," + north} {
		res := reconcileFiles(t, "FILES="+files, "PARTICIPANTS=north, south", "COMPARE={field: data.value}")
		require.Equal(t, map[string]int{"matched": 9}, res.summary, files)
		require.Equal(t, map[string]int{"north": 1}, res.final["k"].Conflicts, files)
	}
}

// An export is as often sorted by its key as by its time.
func TestFilesNeedNotBeSortedByTime(t *testing.T) {
	dir := t.TempDir()
	var lines []string
	for i := range 300 {
		at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 37 * time.Hour)
		lines = append(lines, fmt.Sprintf(`{"key":"%d","event_time":%q,"value":1}`, i, at.Format(time.RFC3339)))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"north", "south"} {
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".jsonl"), []byte(strings.Join(lines, "\n")), 0o600))
	}
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS=north, south", "COMPARE={field: data.value}")
	require.Equal(t, map[string]int{"matched": 300}, res.summary)
}

// A date of the epoch among those of today is an export's commonest fault; it makes
// no fact missing, and what is further away than can be waited for is refused.
func TestAnOldDateAmongThoseOfTodayIsAccountedFor(t *testing.T) {
	dir := t.TempDir()
	record := func(key, at string) string { return fmt.Sprintf(`{"key":%q,"event_time":%q}`, key, at) + "\n" }
	all := record("first", "2025-03-01T00:00:00Z") + record("epoch", "1970-01-01T00:00:00Z") + record("ancient", "1678-01-01T00:00:00Z") + record("last", "2025-03-02T00:00:00Z")
	for _, name := range []string{"east", "north", "south"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".jsonl"), []byte(all), 0o600))
	}
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS=east, north, south")
	require.Equal(t, map[string]int{"matched": 3, "missing": 1, "refused": 1}, res.summary)
	require.Equal(t, "missing -south", res.final["ancient"].said())
	require.Equal(t, "too_late", res.refused[0].Refused)
	require.Contains(t, res.refused[0].Line, `"correlationid":"ancient"`)
	require.Contains(t, res.refused[0].Detail, "the end of the latest fact that was forgotten")
}

// "customers" holds the name us, and is no word for it.
func TestANameInAFilesNameIsAWordBeforeItIsAPartOfOne(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"customers-eu", "customers-us", "apac_customers"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".jsonl"), []byte(lineOf("k", "1")), 0o600))
	}
	res := reconcileFiles(t, "FILES="+filepath.Join(dir, "*"), "PARTICIPANTS=us, eu, apac", "COMPARE={field: data.value}")
	require.Equal(t, map[string]int{"matched": 1}, res.summary)
}
