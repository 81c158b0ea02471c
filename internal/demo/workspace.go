package demo

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/helios-connect/helios/config"
	"github.com/helios-connect/helios/pipelines"
)

// workspace is the folder of one run.
type workspace struct {
	dir       string
	temporary bool
}

// newWorkspace makes a fresh folder: a temporary one, or one of its own inside
// the folder that the user named, since a run judges everything in its store.
func newWorkspace(dataDir string, now time.Time) (*workspace, error) {
	if dataDir == "" {
		dir, err := os.MkdirTemp("", "helios-demo-")
		if err != nil {
			return nil, fmt.Errorf("creating a temporary data folder (name another with --data-dir): %w", err)
		}
		return &workspace{dir: dir, temporary: true}, nil
	}
	if err := os.MkdirAll(dataDir, 0o755); err != nil {
		return nil, fmt.Errorf("--data-dir %s: %w", dataDir, err)
	}
	dir, err := filepath.Abs(filepath.Join(dataDir, now.UTC().Format("run-20060102-150405.000")))
	if err != nil {
		return nil, fmt.Errorf("--data-dir %s: %w", dataDir, err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, fmt.Errorf("--data-dir %s: %w", dataDir, err)
	}
	return &workspace{dir: dir}, nil
}

func (w *workspace) path(name string) string { return filepath.Join(w.dir, name) }

// Files of a run, by their place in its folder.
const (
	logFile    = "helios.log"
	storeFile  = "store.db"
	ledgerFile = "truth.jsonl"
	countsFile = "counts.json"
	kafkaDir   = "kafka"
)

func (w *workspace) storeDSN() string { return "sqlite://" + w.path(storeFile) }

// remove deletes the folder.
func (w *workspace) remove() error { return os.RemoveAll(w.dir) }

// unpack writes the pipelines and configs that the binary carries, so that what
// runs can be read.
func (w *workspace) unpack() error {
	for name, files := range map[string]fs.FS{"config": config.Files, "pipelines": pipelines.Files} {
		if err := os.CopyFS(w.path(name), files); err != nil {
			return fmt.Errorf("writing the %s into the data folder: %w", name, err)
		}
	}
	return nil
}

// streams lists the files of the pipelines that run: with doors also those that
// send to them, without doors none that listens.
func (w *workspace) streams(d *doors) (streams []string, err error) {
	for _, pattern := range []string{"pipelines/*.yaml", "pipelines/demo/*.yaml"} {
		found, err := filepath.Glob(w.path(pattern))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("finding the pipelines in %s: %w", w.path(pattern), err)
		}
		streams = append(streams, found...)
	}
	return slices.DeleteFunc(streams, func(path string) bool {
		name := filepath.Base(path)
		onlyWithDoors := strings.HasPrefix(name, "send-") || name == "ingest-webhook.yaml"
		return pipelines.IsTest(name) || d == nil && onlyWithDoors
	}), nil
}

// freePort says which port on 127.0.0.1 the wanted one is; 0 is any.
func freePort(wanted int) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(wanted)))
	if err != nil {
		return 0, fmt.Errorf("--port %d: %w; helios-connect demo --port N takes another, --port 0 any free one", wanted, err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
