// Package files registers the input helios_files, which reads files of records,
// one a line, and tells of every file that it can't read to its end.
package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	fiFieldPaths    = "paths"
	fiFieldMaxBytes = "max_record_bytes"
	metaPath        = "path"
	metaLine        = "line"
)

var errNoPaths = errors.New("paths names no file; give at least one name or glob, for example ./export/*.jsonl")

func inputSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Categories("Local").
		Summary("Reads files of records, one a line, plain or gzip, and ends; what it can't read is a failed message that names the file.").
		Description(`
The files are read one after the other, each once. Whether a file is gzip is seen by its first bytes, whatever its name. A byte order mark and empty lines are passed over. Records carry the metadata `+"`path` and `line`"+`: the name of their file, and the number of their line, from 1.

Redpanda Connect's own input `+"`file`"+` waits for a file that isn't there, passes a glob over that matches none, and its scanners log an error that does not name the file, and go on as if it had ended there. Here a name or glob without a file, a folder that is named as one, and a file that may not be read are errors at the start. Later, a message that is flagged as an error stands in the place of what could not be read: it names the file and the line, is counted downstream, and can be kept.

- A record longer than `+"`max_record_bytes`"+` is one such message, with its first 1,000 bytes. The next record follows.
- A file that can't be read to its end, such as a gzip file that is cut off, ends with one that is empty.`).
		LintRule(fmt.Sprintf(`root = if this.paths.or([]).filter(p -> p.string().trim() != "").length() == 0 { [ %q ] }`, errNoPaths)).
		Field(service.NewStringListField(fiFieldPaths).
			Description("Names of files and globs, in which `**` is any run of folders. Each may hold several, separated by commas.").
			Example([]any{"./export/*.jsonl", "./archive/2025.jsonl.gz"})).
		Field(service.NewIntField(fiFieldMaxBytes).
			Description("The longest record, in bytes without the line's end.").
			Default(64<<20).
			LintRule(`root = if this < 1 { "max_record_bytes must be at least 1, for example 67108864" }`)).
		Example("Exports of two systems", "Some of them gzip.", `
input:
  helios_files:
    paths: [ ./export/* ]
`)
}

func newInput(conf *service.ParsedConfig, res *service.Resources) (*input, error) {
	most, err := conf.FieldInt(fiFieldMaxBytes)
	if err != nil {
		return nil, err
	}
	if most < 1 {
		return nil, fmt.Errorf("%s is %d; it takes at least 1, for example 67108864", fiFieldMaxBytes, most)
	}
	paths, err := conf.FieldStringList(fiFieldPaths)
	if err != nil {
		return nil, err
	}
	in := &input{fs: res.FS(), most: most, log: res.Logger()}
	in.names, err = namesOf(in.fs, paths)
	return in, err
}

func init() {
	service.MustRegisterBatchInput("helios_files", inputSpec(), func(conf *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
		in, err := newInput(conf, res)
		if err != nil {
			return nil, err
		}
		return service.AutoRetryNacksBatched(in), nil
	})
}

// namesOf returns the files that the paths name, each once.
func namesOf(fsys fs.FS, paths []string) (names []string, err error) {
	for _, path := range strings.Split(strings.Join(paths, ","), ",") {
		if path = strings.TrimSpace(path); path == "" {
			continue
		}
		found := []string{path}
		switch info, err := fs.Stat(fsys, path); {
		case err == nil && info.IsDir():
			return nil, fmt.Errorf("paths: %q is a folder; it takes files, for example %q", path, strings.TrimSuffix(path, "/")+"/*")
		case err != nil:
			// Not found by its name: it may be a glob, which no file can be.
			if found, _ = service.Globs(fsys, path); len(found) == 0 || found[0] == path {
				return nil, fmt.Errorf("paths: %q matches no file: %w", path, err)
			}
		}
		for _, name := range found {
			if slices.Contains(names, name) {
				continue
			}
			if err := mayBeRead(fsys, name); err != nil {
				return nil, fmt.Errorf("paths: %w", err)
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, errNoPaths
	}
	return names, nil
}

// mayBeRead opens a file for nothing else than to see that it can be. What isn't a
// regular file is left alone: a pipe can be opened only once.
func mayBeRead(fsys fs.FS, name string) error {
	info, err := fs.Stat(fsys, name)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := fsys.Open(name)
	if err != nil {
		return err
	}
	return file.Close()
}

// input reads the files one after the other.
type input struct {
	fs   fs.FS
	most int // bytes of a record
	log  *service.Logger

	names []string // of the files not begun yet

	mu     sync.Mutex // guards what follows: Close may come while a read waits
	file   *file      // nil: none is being read
	closed bool
}

// Connect implements service.BatchInput.
func (*input) Connect(context.Context) error { return nil }

// ReadBatch implements service.BatchInput.
func (i *input) ReadBatch(context.Context) (service.MessageBatch, service.AckFunc, error) {
	for {
		f := i.current()
		if f == nil {
			return nil, nil, service.ErrEndOfInput
		}
		if batch := f.nextBatch(); len(batch) > 0 {
			return batch, func(context.Context, error) error { return nil }, nil
		}
		i.done(f)
	}
}

// current returns the file that is being read, or else the next one.
func (i *input) current() *file {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.file == nil && !i.closed && len(i.names) > 0 {
		i.file = open(i.fs, i.names[0], i.most, i.log)
		i.names = i.names[1:]
	}
	return i.file
}

func (i *input) done(f *file) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f.close()
	i.file = nil
}

// Close implements service.BatchInput. It ends a read that waits.
func (i *input) Close(context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	if i.file != nil {
		i.file.close()
	}
	return nil
}
