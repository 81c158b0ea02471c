package browser

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var (
	pictures   = flag.String("pictures", "", "a folder to write pictures of the console to")
	picturesOf = flag.String("pictures-of", "", "the address of a running console, such as that of the demo")
)

// maxPicture is how large a picture of the guides may be, in bytes.
const maxPicture = 120_000

// TestPictures writes the pictures of the guides, of a console that runs:
//
//	go test ./tests/browser -run TestPictures -pictures ../../docs/images -pictures-of http://127.0.0.1:8088
func TestPictures(t *testing.T) {
	if *pictures == "" || *picturesOf == "" {
		t.Skip("writes the pictures of the guides when -pictures and -pictures-of are given")
	}
	b := open(t)
	for _, shot := range []struct {
		name, scheme string
		width        int64
		full, fact   bool
	}{
		{"console-light", "light", 1280, true, false},
		{"console-dark", "dark", 1280, true, false},
		{"console-phone", "dark", 390, false, false},
		{"console-fact", "light", 1280, false, true},
	} {
		b.size(shot.width)
		b.scheme(shot.scheme)
		b.visit(*picturesOf)
		b.until("clouds that disagree", "document.querySelectorAll('#events tr').length > 20 && document.querySelectorAll('#disagreements li').length > 3 && disagreements.some((d) => d.status === 'mismatched')")
		b.do("new Promise((done) => setTimeout(done, 20000))") // for the plot to have a shape
		if shot.fact {
			b.do("location.hash = 'fact=' + disagreements.find((d) => d.status === 'mismatched').id")
			b.until("the fact", "document.querySelector('#fact-body ol li')")
			b.do("document.activeElement.blur()")
		}
		picture := run(b, chromedp.CaptureScreenshot())
		if shot.full {
			picture = run(b, chromedp.FullScreenshot(100))
		}
		picture = smaller(t, picture)
		require.Less(t, len(picture), maxPicture, shot.name)
		require.NoError(t, os.WriteFile(filepath.Join(*pictures, shot.name+".png"), picture, 0o644))
	}
}

// colours of a picture: a page of text has few.
const colours = 64

// weight lets colours stay that are seldom and mean something: greys mean nothing.
func weight(c color.RGBA) int { return 1 + int(max(c.R, c.G, c.B)-min(c.R, c.G, c.B)) }

// smaller is a picture in its most frequent colours.
func smaller(t *testing.T, picture []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	bounds := from.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(from.At(x, y)).(color.RGBA) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	frequent := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return weight(b)*count[b] - weight(a)*count[a] })
	var palette color.Palette
	for _, c := range frequent[:min(colours, len(frequent))] {
		palette = append(palette, c)
	}
	to, index := image.NewPaletted(bounds, palette), map[color.RGBA]uint8{}
	for c := range count {
		index[c] = uint8(palette.Index(c))
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			to.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to))
	return out.Bytes()
}
