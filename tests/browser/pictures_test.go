package browser

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var (
	pictures   = flag.String("pictures", "", "a folder to write pictures of the console to")
	picturesOf = flag.String("pictures-of", "", "the address of a running console, such as that of the demo")
)

// TestPictures writes the pictures of the guides, of a console that runs:
//
//	go test ./tests/browser -run TestPictures -pictures docs/images -pictures-of http://127.0.0.1:8088
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
		{"console-light", "light", 1280, true, false}, {"console-dark", "dark", 1280, true, false},
		{"console-phone-light", "light", 390, true, false}, {"console-phone-dark", "dark", 390, true, false},
		{"console-fact", "light", 1280, false, true}, {"console-fact-dark-phone", "dark", 390, false, true},
		{"docs-light", "light", 1280, false, false}, {"docs-phone-dark", "dark", 390, false, false},
	} {
		b.size(shot.width)
		b.scheme(shot.scheme)
		at := *picturesOf + "/"
		if shot.name[:4] == "docs" {
			at += "docs"
		}
		b.visit(at)
		if at == *picturesOf+"/" {
			b.until("events and disagreements", "document.querySelectorAll('#events tr').length > 20 && document.querySelectorAll('#disagreements li').length > 3 && document.getElementById('plot-lines').childNodes.length > 2")
			b.do("new Promise((done) => setTimeout(done, 12000))") // for the plot to have a shape
		} else {
			b.until("operations", "document.querySelectorAll('#operations section').length > 3")
		}
		if shot.fact {
			b.do("document.querySelector('#disagreements button').click()")
			b.do("new Promise((done) => setTimeout(done, 1500))")
		}
		picture := run(b, chromedp.CaptureScreenshot())
		if shot.full {
			picture = run(b, chromedp.FullScreenshot(100))
		}
		require.NoError(t, os.WriteFile(filepath.Join(*pictures, shot.name+".png"), picture, 0o644))
	}
}
