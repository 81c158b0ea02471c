package files

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	batchSize = 100
	// shown of a record that is too long (bytes).
	shown      = 1000
	bufferSize = 64 << 10
)

// file is one that is being read.
type file struct {
	name string
	most int // bytes of a record
	log  *service.Logger

	from   io.Closer // nil: it could not be opened
	in     *bufio.Reader
	line   int64
	failed error // nothing more can be read
	ended  bool
}

// open begins with a file. It never fails: one that can't be read says so in its
// first message.
func open(fsys fs.FS, name string, most int, log *service.Logger) *file {
	f := &file{name: name, most: most, log: log}
	from, err := fsys.Open(name)
	if err != nil {
		f.failed = err
		return f
	}
	f.from, f.in = from, bufio.NewReaderSize(from, bufferSize)
	return f
}

// begin puts the reading of gzip before that of lines where the file is gzip, and
// passes a byte order mark over.
func (f *file) begin() error {
	magic, err := f.in.Peek(2)
	switch {
	case err == io.EOF && len(magic) == 0 && strings.HasSuffix(f.name, ".gz"):
		return io.ErrUnexpectedEOF // what gzip makes of nothing has 20 bytes
	case err != nil && err != io.EOF:
		return err
	case bytes.Equal(magic, []byte{0x1f, 0x8b}):
		unzipped, err := gzip.NewReader(f.in)
		if err != nil {
			return err
		}
		f.in = bufio.NewReaderSize(unzipped, bufferSize)
	}
	if mark, err := f.in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = f.in.Discard(3) // which lie in the buffer
	}
	return nil
}

// nextBatch returns the next records; none at the end of the file.
func (f *file) nextBatch() (batch service.MessageBatch) {
	for !f.ended && len(batch) < batchSize {
		msg, err := f.next()
		if msg != nil {
			msg.MetaSetMut(metaPath, f.name)
			msg.MetaSetMut(metaLine, f.line)
			batch = append(batch, msg)
		}
		f.ended = err != nil
	}
	return batch
}

// next returns the next record; none for an empty line. With an error it is the
// last.
func (f *file) next() (*service.Message, error) {
	text, tooLong, err := f.readLine()
	switch {
	case errors.Is(err, fs.ErrClosed):
		return nil, err // by the end of the stream
	case err != nil && err != io.EOF:
		err = fmt.Errorf("%s can't be read from line %d on: %w", f.name, f.line, err)
		f.log.Errorf("%v. What it holds there is missing in the results.", err)
		return failedMessage(nil, err), err // half a line is no record
	case tooLong:
		return failedMessage(text, fmt.Errorf("%s: line %d is longer than %d bytes (%s)", f.name, f.line, f.most, fiFieldMaxBytes)), err
	case len(text) == 0:
		return nil, err
	}
	return service.NewMessage(text), err
}

func failedMessage(text []byte, err error) *service.Message {
	msg := service.NewMessage(text)
	msg.SetError(err)
	return msg
}

// readLine reads a line without its end; of one that is too long its beginning.
func (f *file) readLine() (text []byte, tooLong bool, err error) {
	f.line++
	if f.line == 1 && f.failed == nil {
		f.failed = f.begin()
	}
	if f.failed != nil {
		return nil, false, f.failed
	}
	for {
		part, err := f.in.ReadSlice('\n')
		if !tooLong {
			text = append(text, part...)
		}
		most := f.most
		if err == nil {
			text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		} else {
			most += len("\r") // of an end that is not read yet
		}
		if len(text) > most {
			text, tooLong = text[:min(shown, f.most):min(shown, f.most)], true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, tooLong, err
		}
	}
}

func (f *file) close() {
	if f.from != nil {
		_ = f.from.Close() // was only read
	}
}
