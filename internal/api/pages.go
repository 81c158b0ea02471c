package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

// The console and the pages about the API: plain files, which load nothing from
// elsewhere.
//
//go:embed console
var pages embed.FS

// contentSecurityPolicy lets a page run what this server sends and nothing else:
// no inline script or style, no other host, no frame.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageFiles by the path they are served at. They hold no event and no secret, and
// need no token: the console asks for it.
var pageFiles = map[string]string{
	"/":            "index.html",
	"/console.css": "console.css",
	"/console.js":  "console.js",
	"/fact.js":     "fact.js",
	"/text.js":     "text.js",
	"/docs":        "docs.html",
	"/docs.js":     "docs.js",
}

// contentTypes are the same on every machine, unlike those of package mime.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
}

func (s *Server) registerPages() {
	for at, file := range pageFiles {
		pattern := "GET " + at
		if at == "/" {
			pattern = "GET /{$}"
		}
		content, err := pages.ReadFile("console/" + file)
		if err != nil {
			panic(err) // the files are part of the program
		}
		kind, sum := contentTypes[path.Ext(file)], sha256.Sum256(content)
		// A browser asks whether what it has is what this program has.
		tag := `"` + hex.EncodeToString(sum[:8]) + `"`
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			header := w.Header()
			header.Set("Content-Type", kind)
			header.Set("Cache-Control", "no-cache")
			header.Set("ETag", tag)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		})
	}
}
