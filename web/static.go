package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// staticRoot is where static files are served, under the prefix.
const staticRoot = "/static/latchkey/"

// files are the static files. Pages name them below a folder that is a hash of all of them together, so that they may be cached for
// good and modules still import each other by relative paths.
type files struct {
	root    string // prefix and staticRoot
	version string
	byName  map[string]file
}

type file struct {
	body []byte
	mime string
	etag string
}

func readFiles(overlay fs.FS, prefix string) (*files, error) {
	f := &files{root: prefix + staticRoot, byName: map[string]file{}}
	layers := []fs.FS{embedded}
	if overlay != nil {
		layers = append(layers, overlay)
	}
	for _, layer := range layers {
		if err := f.add(layer); err != nil {
			return nil, err
		}
	}
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(f.byName)) {
		fmt.Fprintf(all, "%s %s\n", name, f.byName[name].etag)
	}
	f.version = "v-" + hex.EncodeToString(all.Sum(nil)[:8])
	return f, nil
}

// add reads the folder static of a layer, if it has one.
func (f *files) add(layer fs.FS) error {
	if _, err := fs.Stat(layer, "static"); err != nil {
		return nil
	}
	return fs.WalkDir(layer, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(layer, name)
		if err != nil {
			return fmt.Errorf("web: %w", err)
		}
		sum := sha256.Sum256(body)
		f.byName[strings.TrimPrefix(name, "static/")] = file{
			body: body, mime: mimeType(name), etag: `"` + hex.EncodeToString(sum[:12]) + `"`,
		}
		return nil
	})
}

// mimeType does not depend on what the machine has installed for the types that are bundled.
func mimeType(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".ts":
		return "text/plain; charset=utf-8"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

// staticPath is the path of a static file, with the content hash in it.
func (r *renderer) staticPath(name string) string {
	return r.files.root + r.files.version + "/" + name
}

// static serves the static files at their hashed paths, to be kept for good, and at their plain ones, to be asked for again each time.
func (r *renderer) static() http.Handler { return r.files }

func (f *files) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	name, ok := strings.CutPrefix(req.URL.Path, f.root)
	caching := "no-cache"
	// A page from before an update names a version that is gone. It gets what there is now, and does not keep it.
	if version, rest, cut := strings.Cut(name, "/"); cut && strings.HasPrefix(version, "v-") {
		name = rest
		if version == f.version {
			caching = "public, max-age=31536000, immutable"
		}
	}
	one, found := f.byName[name]
	if !ok || !found {
		h.Set("Cache-Control", "no-store")
		http.NotFound(w, req)
		return
	}
	h.Set("Content-Type", one.mime)
	h.Set("Cache-Control", caching)
	h.Set("ETag", one.etag)
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(one.body))
}
