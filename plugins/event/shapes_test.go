package event_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/helios-connect/helios/plugins/event"
)

// warm returns a Scanner that remembers the shapes of the next documents.
func warm(t testing.TB) *event.Scanner {
	t.Helper()
	var s event.Scanner
	for range event.FirstScans {
		require.NoError(t, s.Scan([]byte(`{}`), event.MustCompilePaths(), nil))
	}
	return &s
}

// sameAsFresh requires of s what a Scanner finds that remembers nothing: the same
// places in doc, the same members, and the same error.
func sameAsFresh(t require.TestingT, s *event.Scanner, doc []byte, p *event.Paths) {
	var fresh event.Scanner
	got, want := make([][]byte, p.Len()), make([][]byte, p.Len())
	for i := range got {
		got[i] = []byte("of the document before")
	}
	err := s.Scan(doc, p, got)
	require.Equal(t, fresh.Scan(doc, p, want), err, "%s", doc)
	if err == nil {
		if fresh.Escaped() && !s.Escaped() {
			requireNoEscape(t, doc)
		}
		for i := range got {
			samePlace(t, doc, got[i], want[i])
		}
	}
	before := []event.Member{{Name: []byte("that was there")}}
	gotMembers, err := s.Open(doc, p, got, before)
	wantMembers, wantErr := fresh.Open(doc, p, want, before)
	require.Equal(t, wantErr, err, "%s", doc)
	require.Equal(t, wantMembers, gotMembers, "%s", doc)
	for i := range gotMembers {
		samePlace(t, doc, gotMembers[i].Name, wantMembers[i].Name)
		samePlace(t, doc, gotMembers[i].Value, wantMembers[i].Value)
	}
	if err == nil {
		for i := range got {
			samePlace(t, doc, got[i], want[i])
		}
	}
	openedAsFresh(t, s, doc, p)
}

// openedAsFresh requires of OpenShape what Open and AppendMembers find: the members
// of doc and of the objects in it that are called b and, in that, a.
func openedAsFresh(t require.TestingT, s *event.Scanner, doc []byte, p *event.Paths) {
	var fresh event.Scanner
	got, want := make([][]byte, p.Len()), make([][]byte, p.Len())
	for i := range got {
		got[i] = []byte("of the document before")
	}
	var o event.Opened
	err := s.OpenShape(doc, p, got, []string{"b", "a"}, &o)
	members, wantErr := fresh.Open(doc, p, want, nil)
	require.Equal(t, wantErr, err, "%s", doc)
	if err != nil {
		return
	}
	for i := range got {
		samePlace(t, doc, got[i], want[i])
	}
	if o.Shape == nil {
		require.Equal(t, list(members), list(o.Members), "%s", doc)
		return
	}
	total := 0
	for i, name := range []string{"", "b", "a"} {
		if i > 0 {
			object := slices.IndexFunc(members, func(m event.Member) bool { return string(m.Name) == name })
			if object < 0 || members[object].Value[0] != '{' {
				members = nil
			} else {
				members = event.AppendMembers(nil, members[object].Value)
			}
		}
		from, count, ok := o.Shape.List(i)
		if !ok {
			continue // there is none, or it has names that are no views
		}
		require.Equal(t, total, from)
		require.Equal(t, list(members), list(o.Shape.AppendMembers(nil, doc, i)), "%s", doc)
		for j, e := range o.Values[from : from+count] {
			samePlace(t, doc, doc[e.From:e.To:e.To], members[j].Value)
		}
		total += count
	}
	require.Len(t, o.Values, total)
}

// requireNoEscape requires that no string of a document but names holds an escape.
func requireNoEscape(t require.TestingT, doc []byte) {
	var check func(raw []byte)
	check = func(raw []byte) {
		if raw[0] == '"' {
			require.NotContains(t, string(raw), `\`, "%s", doc)
		}
		if raw[0] != '{' && raw[0] != '[' {
			return
		}
		var s event.Scanner
		members, err := s.Open(raw, shapePaths[1], nil, nil)
		require.NoError(t, err)
		for _, m := range members {
			check(m.Value)
		}
	}
	check(bytes.TrimSpace(doc))
}

// samePlace requires two views of doc to be one; what is none need only be
// equal.
func samePlace(t require.TestingT, doc, got, want []byte) {
	require.Equal(t, want, got, "%s", doc)
	if first := unsafe.SliceData(doc); first != nil {
		offset := uintptr(unsafe.Pointer(unsafe.SliceData(want))) - uintptr(unsafe.Pointer(first))
		if offset < uintptr(len(doc)) {
			require.Same(t, unsafe.SliceData(want), unsafe.SliceData(got), "%s", doc)
			require.Equal(t, cap(want), cap(got))
		}
	}
}

var shapePaths = []*event.Paths{
	event.MustCompilePaths("a", "b.c", "b", "items.1.a", "a", "1", "0.a", "é"),
	event.MustCompilePaths(),
	event.MustCompilePaths("b.b.b", "c"),
}

func TestARecognisedDocumentGivesWhatAScanGives(t *testing.T) {
	s := warm(t)
	for _, doc := range []string{
		canonical, strings.ReplaceAll(canonical, "129.95", "-0.1e+9"), strings.ReplaceAll(canonical, `"EUR"`, "null"),
		`{"a":1}`, `{"a":"x"}`, `{"a":""}`, `{"a":"\"}"}`, `{"a":null}`, `{"a":true}`, `{"a":{"a":1}}`, `{"a":[]}`, `{"a":[1]}`, `{"a":[1,2]}`,
		`{"a":[1, 2]}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":nul}`, `{"a":"x}`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", `{"a":}`, `{"a":1`, `{"a":1}}`, `{"a":1} `, ` {"a":1}`,
		`{"a":1,"a":2}`, `{"\u0061":1}`, `{"\u0061":1,"a":2}`, `{"":1}`, `{"":"","a":""}`, `{}`, `[]`, `1`, ` 1`, `"x"`, ``, ` `, `[1]`, `["x"]`, `[[]]`, `[{"a":1},{"a":2}]`,
		`{"items":[{"a":1},{"a":2}]}`, `{"items":[{"a":1},{"a":2},{"a":3}]}`, `{"é":"世界"}`, "{\"\xff\":1}",
		strings.Repeat(`{"a":`, event.MaxDepth-1) + `{"a":1}` + strings.Repeat(`}`, event.MaxDepth-1),
		strings.Repeat(`{"a":`, event.MaxDepth) + `{"a":1}` + strings.Repeat(`}`, event.MaxDepth),
		`[` + strings.Repeat(`1,`, 254) + `1]`, `[` + strings.Repeat(`1,`, 255) + `1]`, `[` + strings.Repeat(`1,`, 256) + `1]`,
		`{"` + strings.Repeat("n", 5000) + `":1}`, `{"` + strings.Repeat("n", 9000) + `":1}`,
	} {
		for _, p := range shapePaths {
			for range 2 {
				sameAsFresh(t, s, []byte(doc), p)
			}
		}
	}
	require.Greater(t, s.Recognised(), 2*len(shapePaths)*30)
}

// structure draws a JSON value with $ for each scalar.
func structure(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		space := rapid.SampledFrom([]string{"", "", "", " ", "\n  "}).Draw(t, "space")
		kinds := 3
		if depth == 0 {
			kinds = 1
		}
		var parts []string
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return "$"
		case 1:
			for range rapid.IntRange(0, 4).Draw(t, "members") {
				name := rapid.SampledFrom([]string{"a", "b", "c", "items", "1", "é", "", "correlationid", "datacontenttype", "a_name_of_more_than_24_bytes", `\u0061`}).Draw(t, "name")
				parts = append(parts, space+`"`+name+`":`+space+structure(depth-1).Draw(t, "value"))
			}
			return "{" + strings.Join(parts, ",") + space + "}"
		default:
			for range rapid.IntRange(0, 4).Draw(t, "elements") {
				parts = append(parts, space+structure(depth-1).Draw(t, "value"))
			}
			return "[" + strings.Join(parts, space+",") + "]"
		}
	})
}

var scalars = []string{`"x"`, `"x"`, `1`, `""`, `"a longer text than a word"`, `"12345678"`, `"é"`, `"a\"b"`, `"\u00e9 and on and on"`, `-0.5e-7`, `0`, `true`, `false`, `null`,
	`01`, `-`, `"`, `"\x"`, "\"\xff\"", `{}`, `[]`, `{"a":1}`, ``}

func TestShapesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s event.Scanner
		for range event.FirstScans {
			require.NoError(t, s.Scan([]byte(`{}`), shapePaths[1], nil))
		}
		structures := rapid.SliceOfN(structure(3), 1, 4).Draw(t, "structures")
		for range rapid.IntRange(1, 30).Draw(t, "documents") {
			var doc []byte
			parts := strings.Split(rapid.SampledFrom(structures).Draw(t, "structure"), "$")
			for i, part := range parts {
				if i > 0 {
					doc = append(doc, rapid.SampledFrom(scalars).Draw(t, "scalar")...)
				}
				doc = append(doc, part...)
			}
			if len(doc) > 0 && rapid.IntRange(0, 7).Draw(t, "damage") == 0 {
				at := rapid.IntRange(0, len(doc)-1).Draw(t, "at")
				switch rapid.IntRange(0, 2).Draw(t, "how") {
				case 0:
					doc = doc[:at]
				case 1:
					doc[at] = rapid.SampledFrom([]byte(`"{}[],:1e\ nx`)).Draw(t, "byte")
				default:
					doc = append(doc[:at:at], doc[min(len(doc), at+1):]...)
				}
			}
			sameAsFresh(t, &s, doc, rapid.SampledFrom(shapePaths).Draw(t, "paths"))
		}
	})
}

// TestEveryByteOfAKnownShapeCounts puts every byte in every place of a document
// of a known shape.
func TestEveryByteOfAKnownShapeCounts(t *testing.T) {
	for _, doc := range []string{
		`{"a":1}`, ` { "a" : [ 1 , { "b" : "x" } ] , "items":[{"a":true},{"a":2,"c":null}]} `,
		`{"a_name_of_more_than_24_bytes":{"b":"x"},"correlationid":{"items":[[1]]},"a":1,"b":{"c":"four words of eight bytes, is it"}}`,
	} {
		s, fresh := warm(t), event.Scanner{}
		p := shapePaths[0]
		got, want := make([][]byte, p.Len()), make([][]byte, p.Len())
		for i := range doc {
			for c := range 256 {
				for range 4 { // that it goes on trying
					require.NoError(t, s.Scan([]byte(doc), p, got))
				}
				changed := []byte(doc)
				changed[i] = byte(c)
				err := s.Scan(changed, p, got)
				if wantErr := fresh.Scan(changed, p, want); wantErr != nil || err != nil {
					require.Equal(t, wantErr, err, "%s", changed)
					continue
				}
				for i := range want {
					if string(want[i]) != string(got[i]) || unsafe.SliceData(want[i]) != unsafe.SliceData(got[i]) {
						t.Fatalf("%s: path %d is %q, not %q", changed, i, got[i], want[i])
					}
				}
			}
		}
		require.Greater(t, s.Recognised(), 4*256*(len(doc)-1))
	}
}

// FuzzShapes scans three documents in turns, with a Scanner that remembers the
// others, and demands what one finds that remembers none.
func FuzzShapes(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":"x"}}`), []byte(`{"a":{"a":1},"b":{"c":"x"}}`), []byte(`{"a":"12345678","b":{"c":null}}`))
	f.Add([]byte(canonical), []byte(strings.ToUpper(canonical)), []byte(strings.ReplaceAll(canonical, "129.95", "null")))
	f.Add([]byte(`[1,"a",[]]`), []byte(`[1, 2,[]]`), []byte(` {"items":[{"a":-1.5e3},{"a":true}]} `))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		s := warm(t)
		joined := append(bytes.Clone(a[:len(a)/2]), b[len(b)/2:]...)
		for range 2 {
			for _, doc := range [][]byte{a, b, c, joined} {
				sameAsFresh(t, s, doc, shapePaths[0])
			}
		}
	})
}

func TestDocumentsOfAKnownShapeAllocateNothing(t *testing.T) {
	s, p := warm(t), event.MustCompilePaths(canonicalPaths...)
	out, members := make([][]byte, p.Len()), make([]event.Member, 0, 16)
	i := 0
	scan := func() {
		i++
		doc := order(i, "currency")
		require.NoError(t, s.Scan(doc, p, out))
	}
	scan()
	docs := [][]byte{order(1, "currency"), order(2, "currency"), order(3, "currency")}
	_, err := s.Open(docs[0], p, out, members)
	require.NoError(t, err)
	before := s.Recognised()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for _, doc := range docs {
			if s.Scan(doc, p, out) != nil {
				t.Fail()
			}
			if _, err := s.Open(doc, p, out, members); err != nil {
				t.Fail()
			}
		}
	}))
	require.Equal(t, 101*2*len(docs), s.Recognised()-before, "documents of a known shape")
}

// TestObjectsInsideAreFoundAtOnce: the lists of what is known are all there, and to
// find them again allocates nothing.
func TestObjectsInsideAreFoundAtOnce(t *testing.T) {
	s, p, o := warm(t), shapePaths[1], event.Opened{}
	docs := [][]byte{[]byte(`{"x":1,"message":{"attributes":{"a":"1","b":"2"},"data":"x"}}`), []byte(`{"x":"y","message":{"attributes":{"a":"","b":null},"data":true}}`)}
	open := func(doc []byte) {
		if err := s.OpenShape(doc, p, nil, []string{"message", "attributes"}, &o); err != nil {
			t.Fatal(err)
		}
	}
	open(docs[0])
	require.Nil(t, o.Shape)
	for _, doc := range docs {
		open(doc)
		require.NotNil(t, o.Shape)
		for list, want := range []int{2, 2, 2} {
			_, count, ok := o.Shape.List(list)
			require.True(t, ok)
			require.Equal(t, want, count)
		}
	}
	shape := o.Shape
	shape.Note = "noted"
	open(docs[0])
	require.Same(t, shape, o.Shape)
	require.Zero(t, testing.AllocsPerRun(100, func() { open(docs[1]) }))
	open([]byte(`{"message":{"attributes":{"\u0061":1}}}`))
	open([]byte(`{"message":{"attributes":{"\u0061":1}}}`))
	_, _, ok := o.Shape.List(1)
	require.True(t, ok)
	_, _, ok = o.Shape.List(2)
	require.False(t, ok, "a name with an escape is no view")
}

func TestAStepIsALineOfTheCache(t *testing.T) { require.Equal(t, 64, event.StepBytes) }

func TestAScannerForFewDocumentsRemembersNothing(t *testing.T) {
	var s event.Scanner
	for range event.FirstScans {
		_, err := scanWith(&s, order(1, "a"))
		require.NoError(t, err)
	}
	require.Zero(t, s.ShapesBytes())
}

func scanWith(s *event.Scanner, doc []byte) ([][]byte, error) {
	out := make([][]byte, orderPaths.Len())
	err := s.Scan(doc, orderPaths, out)
	return out, err
}

var orderPaths = event.MustCompilePaths(canonicalPaths...)

func TestManyShapesInTurnsAreAllKnown(t *testing.T) {
	var s event.Scanner
	const shapes, documents = 150, 100_000
	for i := range documents {
		_, err := scanWith(&s, order(i, fmt.Sprint("currency", i%30, `":1,"`, i%shapes/30)))
		require.NoError(t, err)
	}
	require.Greater(t, s.Recognised(), documents*9/10)
}

func TestShapesAreBounded(t *testing.T) {
	for _, c := range []struct {
		name  string
		known int // documents of a known shape for each of a new one
	}{{"never a known shape", 0}, {"mostly new shapes", 1}, {"mostly a known shape", 5}} {
		t.Run(c.name, func(t *testing.T) {
			var s event.Scanner
			for i := range 100_000 {
				shape := "currency"
				if i%(c.known+1) == 0 {
					shape = fmt.Sprintf("%x%0*d", uint32(i)*0x9e3779b1, i%100, i)
				}
				doc := order(i, shape)
				if shape != "currency" { // its first difference is anywhere
					doc = bytes.Replace(doc, []byte{`,"idst`[1+i%5], '"'}, []byte(shape+`"`), 1)
				}
				if _, err := scanWith(&s, doc); err != nil {
					t.Fatal(err, string(doc))
				}
				if i%100 == 0 {
					require.LessOrEqual(t, s.ShapesBytes(), event.MaxShapesBytes)
				}
			}
			if c.known == 5 {
				require.True(t, s.Full())
				require.Greater(t, s.Recognised(), 80_000, "what was known stays so")
			}
		})
	}
	t.Run("many Paths", func(t *testing.T) {
		s := warm(t)
		for range 100 {
			p := event.MustCompilePaths("id")
			for range 3 {
				require.NoError(t, s.Scan(order(1, "a"), p, make([][]byte, 1)))
			}
		}
		require.LessOrEqual(t, s.ShapesBytes(), event.MaxShapes*event.MaxShapesBytes)
	})
}

func TestNewShapesTakeThePlaceOfOldOnes(t *testing.T) {
	var s event.Scanner
	for i := 0; !s.Full(); i++ {
		shape := "old"
		if i%6 == 0 {
			shape = fmt.Sprint("once", i)
		}
		_, err := scanWith(&s, bytes.Replace(order(i, "x"), []byte(`"source`), []byte(`"`+shape), 1))
		require.NoError(t, err)
	}
	for i := range event.Patience + event.MaxRest + 10 {
		_, err := scanWith(&s, order(i, "new"))
		require.NoError(t, err)
	}
	before := s.Recognised()
	for i := range 100 {
		_, err := scanWith(&s, order(i, "new"))
		require.NoError(t, err)
	}
	require.Equal(t, 100, s.Recognised()-before)
}
