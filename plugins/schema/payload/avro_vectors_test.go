package payload_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/helios-connect/helios/plugins/schema/payload"
)

// avroDir holds the folder share/test of the Avro project's repository, which
// isn't part of this one.
const avroDir = "../../../../shared/data/schema/avro/share/test"

func avroData(t *testing.T, path ...string) []byte {
	t.Helper()
	if _, err := os.Stat(avroDir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the Avro project's test files aren't at %s", avroDir)
	}
	b, err := os.ReadFile(filepath.Join(append([]string{avroDir}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCanonicalFormsAreThoseOfTheAvroProject reads schema-tests.txt, in which a
// schema, its canonical form and its fingerprint follow each other.
func TestCanonicalFormsAreThoseOfTheAvroProject(t *testing.T) {
	text := avroData(t, "data", "schema-tests.txt")
	blocks := regexp.MustCompile(`(?m)^// (\d+)\n`).Split(string(text), -1)[1:]
	part := regexp.MustCompile(`(?ms)^<<(\w+)(?: ([^\n]*)|\n(.*?)\n(\w+))$`)
	forms, sums := 0, 0
	for i, block := range blocks {
		parts := map[string]string{}
		for _, m := range part.FindAllStringSubmatch(block, -1) {
			parts[m[1]] = m[2] + m[3]
		}
		a, err := payload.CompileAvro(parts["INPUT"], nil)
		if err != nil {
			t.Errorf("%03d: %v", i, err)
			continue
		}
		forms++
		if got := a.Canonical(); got != parts["canonical"] {
			t.Errorf("%03d: canonical form\n%s, want\n%s", i, got, parts["canonical"])
		}
		if want, ok := parts["fingerprint"]; ok {
			sums++
			if got := strconv.FormatInt(int64(a.Fingerprint()), 10); got != want {
				t.Errorf("%03d: fingerprint %s, want %s", i, got, want)
			}
		}
	}
	t.Logf("%d canonical forms, %d fingerprints", forms, sums)
	if forms < 25 || sums < 12 {
		t.Errorf("only %d canonical forms and %d fingerprints were found in the file", forms, sums)
	}
}

func TestASingleObjectOfTheAvroProject(t *testing.T) {
	schema := avroData(t, "data", "messageV1", "test_schema.avsc")
	message := avroData(t, "data", "messageV1", "test_message.bin")
	a := compileAvro(t, string(schema), nil)
	sum, _, ok := payload.SingleObject(message)
	if !ok || sum != a.Fingerprint() {
		t.Errorf("fingerprint %016x %v, want %016x", sum, ok, a.Fingerprint())
	}
	got, err := a.Decode(nil, message)
	if want := `{"id":42,"name":"Bill","tags":["dog_lover","cat_hater"]}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// TestContainersOfTheAvroProject decodes the records of container files, and
// compares those of which the project has the JSON.
func TestContainersOfTheAvroProject(t *testing.T) {
	weather := avroData(t, "data", "weather.json")
	var want []byte
	for _, line := range bytes.Split(bytes.TrimSpace(weather), []byte("\n")) {
		if err := compactInto(&want, line); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		file    string
		records int
		json    bool
	}{
		{"weather.avro", 5, true},
		{"weather-deflate.avro", 5, true},
		{"weather-sorted.avro", 5, false},
		{"syncInMeta.avro", 0, false},
		{"schemas/simple/data.avro", 0, false},
		{"schemas/withUnion/data.avro", 0, false},
	} {
		t.Run(c.file, func(t *testing.T) {
			records, err := readContainer(avroData(t, "data", c.file))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d records, such as %.150s", len(records), records[0])
			var got []byte
			for _, r := range records {
				if !json.Valid(r) {
					t.Fatalf("not JSON: %s", r)
				}
				got = append(append(got, r...), '\n')
			}
			if c.records > 0 && len(records) != c.records {
				t.Errorf("%d records, want %d", len(records), c.records)
			}
			if c.json && !bytes.Equal(got, want) {
				t.Errorf("got\n%s, want\n%s", got, want)
			}
		})
	}
}

func compactInto(dst *[]byte, line []byte) error {
	var b bytes.Buffer
	if err := json.Compact(&b, line); err != nil {
		return err
	}
	*dst = append(append(*dst, b.Bytes()...), '\n')
	return nil
}

// readContainer reads an object container file (Avro specification 1.12,
// "Object Container Files"). Records don't say where they end, so those of a
// block are decoded as one array.
func readContainer(b []byte) (records [][]byte, err error) {
	header, b, err := containerHeader(b)
	if err != nil {
		return nil, err
	}
	array, err := payload.CompileAvro(`{"type":"array","items":`+header["avro.schema"]+`}`, nil)
	if err != nil {
		return nil, err
	}
	b = b[16:] // the sync marker
	for len(b) > 0 {
		count, n := binary.Varint(b)
		size, m := binary.Varint(b[n:])
		block := b[n+m : n+m+int(size)]
		b = b[n+m+int(size)+16:]
		if block, err = decompress(header["avro.codec"], block); err != nil {
			return nil, err
		}
		text, err := array.Decode(nil, append(binary.AppendVarint(nil, count), append(block, 0)...))
		if err != nil {
			return nil, err
		}
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, err
		}
		for _, r := range list {
			records = append(records, r)
		}
	}
	return records, nil
}

func containerHeader(b []byte) (header map[string]string, rest []byte, err error) {
	b, ok := bytes.CutPrefix(b, []byte("Obj\x01"))
	if !ok {
		return nil, nil, fmt.Errorf("no container file")
	}
	header = map[string]string{}
	text := func() string {
		n, size := binary.Varint(b)
		s := string(b[size : size+int(n)])
		b = b[size+int(n):]
		return s
	}
	for {
		count, size := binary.Varint(b)
		b = b[size:]
		if count == 0 {
			return header, b, nil
		}
		if count < 0 {
			_, size := binary.Varint(b)
			b, count = b[size:], -count
		}
		for range count {
			key := text()
			header[key] = text()
		}
	}
}

func decompress(codec string, b []byte) ([]byte, error) {
	switch codec {
	case "deflate":
		return io.ReadAll(flate.NewReader(bytes.NewReader(b)))
	}
	return append([]byte(nil), b...), nil
}

// TestSchemasOfTheAvroProjectCompile decodes a payload of zeros with each: the
// first branch, the first symbol, empty text.
func TestSchemasOfTheAvroProjectCompile(t *testing.T) {
	avroData(t, "schemas", "interop.avsc") // skips where there are none
	files, err := filepath.Glob(filepath.Join(avroDir, "schemas", "*.avsc"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a := compileAvro(t, string(avroData(t, "schemas", filepath.Base(file))), nil)
			for n := range 200 {
				if got, err := a.Decode(nil, make([]byte, n)); err == nil {
					t.Logf("%d zeros: %s", n, got)
					return
				}
			}
			t.Error("no number of zeros is a value")
		})
	}
}
