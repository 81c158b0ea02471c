package files

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"
)

// write makes files in a folder of their own.
func write(t *testing.T, texts map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range texts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func newTestInput(t *testing.T, most int, paths ...string) (*input, error) {
	t.Helper()
	list, err := json.Marshal(paths)
	require.NoError(t, err)
	conf, err := inputSpec().ParseYAML(fmt.Sprintf("{paths: %s, max_record_bytes: %d}", list, most), nil)
	require.NoError(t, err)
	return newInput(conf, service.MockResources())
}

// read reads files to their end and returns their messages; failed ones as their
// error and what they hold.
func read(t *testing.T, most int, paths ...string) (all []string) {
	t.Helper()
	in, err := newTestInput(t, most, paths...)
	require.NoError(t, err)
	require.NoError(t, in.Connect(t.Context()))
	for {
		batch, ack, err := in.ReadBatch(t.Context())
		if err == service.ErrEndOfInput {
			break
		}
		require.NoError(t, err)
		for _, m := range batch {
			path, _ := m.MetaGet(metaPath)
			text, err := m.AsBytes()
			require.NoError(t, err)
			if line, _ := m.MetaGet(metaLine); strings.HasPrefix(string(text), "line") {
				require.Equal(t, "line "+line, string(text))
			}
			if m.GetError() != nil {
				require.Contains(t, m.GetError().Error(), path)
				all = append(all, m.GetError().Error()+" | "+string(text))
			} else {
				all = append(all, string(text))
			}
		}
		require.NoError(t, ack(t.Context(), nil))
	}
	require.NoError(t, in.Close(t.Context()))
	return all
}

// scan reads one file. What is said of it names it without its folder.
func scan(t *testing.T, name, text string, most int) []string {
	t.Helper()
	dir := write(t, map[string]string{name: text})
	all := read(t, most, filepath.Join(dir, name))
	for i := range all {
		all[i] = strings.TrimPrefix(all[i], dir+"/")
	}
	return all
}

func zipped(text string) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write([]byte(text)) // into memory
	_ = z.Close()
	return out.String()
}

func TestRecordsAreReadHoweverTheFileIsWritten(t *testing.T) {
	for name, file := range map[string]string{
		"with an end":            "a\nb\n",
		"without":                "a\nb",
		"as on Windows":          "\xef\xbb\xbfa\r\nb\r\n",
		"with empty lines":       "\n\r\na\n\nb\n\n",
		"gzip":                   zipped("a\nb\n"),
		"gzip, as on Windows":    zipped("\xef\xbb\xbfa\r\nb"),
		"gzip, written in parts": zipped("a\n") + zipped("b\n"),
	} {
		for _, called := range []string{"x.jsonl", "x.jsonl.gz", "X.GZ"} {
			require.Equal(t, []string{"a", "b"}, scan(t, called, file, 100), "%s in %s", name, called)
		}
	}
	require.Len(t, scan(t, "numbered", "line 1\n\nline 3\nline 4", 100), 3)
	require.Empty(t, scan(t, "x.jsonl", "", 100))
	require.Empty(t, scan(t, "x.gz", zipped(""), 100))
	require.Equal(t, []string{"\x1f"}, scan(t, "x", "\x1f", 100))
}

func TestALongRecordIsRefusedAndThoseAroundItAreRead(t *testing.T) {
	for _, n := range []int{1, 10, bufferSize - 1, bufferSize, bufferSize + 1, 3 * bufferSize} {
		for _, end := range []string{"\n", "\r\n"} {
			fits, long := strings.Repeat("x", n), strings.Repeat("x", n+1)
			got := scan(t, "f", "a"+end+fits+end+long+end+long+"yz"+end+"b"+end+fits, n)
			refused := func(line int) string {
				return fmt.Sprintf("f: line %d is longer than %d bytes (max_record_bytes) | %s", line, n, fits[:min(n, shown)])
			}
			require.Equal(t, []string{"a", fits, refused(3), refused(4), "b", fits}, got, "%d bytes", n)
		}
	}
}

func TestAFileThatCanNotBeReadToItsEndSaysSo(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "record %d\n", i*i)
	}
	whole := zipped(text.String())
	got := scan(t, "cut.gz", whole[:len(whole)/2], 100)
	require.Greater(t, len(got), 100)
	require.Equal(t, "record 0", got[0])
	require.Contains(t, got[len(got)-1], fmt.Sprintf("cut.gz can't be read from line %d on: unexpected EOF | ", len(got)))

	changed := []byte(whole)
	changed[len(changed)-5] ^= 1
	got = scan(t, "changed.gz", string(changed), 100)
	require.Equal(t, "changed.gz can't be read from line 5001 on: gzip: invalid checksum | ", got[5000])

	require.Equal(t, []string{"none.gz can't be read from line 1 on: unexpected EOF | "}, scan(t, "none.gz", "", 100))
	require.Equal(t, []string{"head.gz can't be read from line 1 on: unexpected EOF | "}, scan(t, "head.gz", whole[:5], 100))
	require.Len(t, scan(t, "other", "\x1f\x8bno gzip", 100), 1)
}

func TestFilesAreReadInTheOrderOfTheirPathsEachOnce(t *testing.T) {
	dir := write(t, map[string]string{"b.jsonl": "b", "a.jsonl": "a\n", "empty": "", "[x].jsonl": "literally", "x.jsonl": "x", "y.txt": "y"})
	a, b, both := filepath.Join(dir, "a.jsonl"), filepath.Join(dir, "b.jsonl"), filepath.Join(dir, "[ab].jsonl")
	for name, c := range map[string]struct{ paths, want []string }{
		"names":                         {[]string{b, filepath.Join(dir, "empty"), a}, []string{"b", "a"}},
		"separated by commas":           {[]string{b + ", ," + a}, []string{"b", "a"}},
		"a glob":                        {[]string{both}, []string{"a", "b"}},
		"a file that several name":      {[]string{a, both + "," + a}, []string{"a", "b"}},
		"a name that looks like a glob": {[]string{filepath.Join(dir, "[x].jsonl")}, []string{"literally"}},
		"a glob of folders":             {[]string{filepath.Join(filepath.Dir(dir), "**", "y.txt")}, []string{"y"}},
	} {
		require.Equal(t, c.want, read(t, 100, c.paths...), name)
	}
}

// A batch job that waits for a file, or does without one, gives wrong verdicts or
// none.
func TestPathsWithoutAFileAreAnErrorAtTheStart(t *testing.T) {
	dir := write(t, map[string]string{"a.jsonl": "a"})
	a := filepath.Join(dir, "a.jsonl")
	for name, c := range map[string]struct{ path, want string }{
		"nothing":              {"", "paths names no file; give at least one name or glob, for example ./export/*.jsonl"},
		"commas":               {" , ", "paths names no file"},
		"a file that is gone":  {a + "," + dir + "/gone.jsonl", `paths: "` + dir + `/gone.jsonl" matches no file`},
		"a glob of none":       {a + "," + dir + "/gone*", `paths: "` + dir + `/gone*" matches no file`},
		"a glob without end":   {dir + "/[a", `paths: "` + dir + `/[a" matches no file`},
		"a folder":             {dir + "/", `paths: "` + dir + `/" is a folder; it takes files, for example "` + dir + `/*"`},
		"a file in no folder":  {a + "/b", `paths: "` + a + `/b" matches no file: stat ` + a + `/b: not a directory`},
		"a folder of the same": {dir + ",", `is a folder`},
	} {
		_, err := newTestInput(t, 100, c.path)
		require.ErrorContains(t, err, c.want, name)
	}
}

// locked is a file system in which one file may not be read, which root is not
// told.
type locked struct {
	fs.FS
	name string
}

func (l locked) Stat(name string) (fs.FileInfo, error) { return fs.Stat(l.FS, name) }

func (l locked) Open(name string) (fs.File, error) {
	if name == l.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return l.FS.Open(name)
}

func TestAFileThatMayNotBeReadIsAnErrorAtTheStart(t *testing.T) {
	fsys := locked{fstest.MapFS{"a": {}, "b": {}}, "b"}
	_, err := namesOf(fsys, []string{"a,b"})
	require.EqualError(t, err, "paths: open b: permission denied")
	names, err := namesOf(fsys, []string{"a"})
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, names)
}

func TestAFileThatIsGoneWhenItsTurnComesIsRefusedByName(t *testing.T) {
	dir := write(t, map[string]string{"a": "a", "b": "b", "c": "c"})
	in, err := newTestInput(t, 100, dir+"/*")
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "b")))
	var all []string
	for range 3 {
		batch, _, err := in.ReadBatch(t.Context())
		require.NoError(t, err)
		require.Len(t, batch, 1)
		text, err := batch[0].AsBytes()
		require.NoError(t, err)
		if err := batch[0].GetError(); err != nil {
			text = []byte(err.Error())
		}
		all = append(all, string(text))
	}
	gone := filepath.Join(dir, "b")
	require.Equal(t, []string{"a", gone + " can't be read from line 1 on: open " + gone + ": no such file or directory", "c"}, all)
}

// A stop in the middle of a file is neither its end nor a fault of it.
func TestAStopRefusesNothing(t *testing.T) {
	dir := write(t, map[string]string{"a": strings.Repeat("line\n", 100_000), "b": "b"})
	in, err := newTestInput(t, 100, dir+"/*")
	require.NoError(t, err)
	batch, _, err := in.ReadBatch(t.Context())
	require.NoError(t, err)
	require.Len(t, batch, batchSize)
	require.NoError(t, in.Close(t.Context()))
	for err == nil {
		batch, _, err = in.ReadBatch(t.Context())
		for _, m := range batch {
			require.NoError(t, m.GetError())
		}
	}
	require.Equal(t, service.ErrEndOfInput, err)
}

func TestPathsWithoutANameDoNotLint(t *testing.T) {
	linter := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter()
	for paths, good := range map[string]bool{`[]`: false, `[""]`: false, `[" ", ""]`: false, `["", "./a"]`: true, `[./a]`: true, `[2025]`: true} {
		lints, err := linter.LintYAML([]byte("input: {helios_files: {paths: " + paths + "}}"))
		require.NoError(t, err)
		if good {
			require.Empty(t, lints, paths)
		} else {
			require.Len(t, lints, 1, paths)
			require.Equal(t, errNoPaths.Error(), lints[0].What, paths)
		}
	}
}
