// Package records registers the scanner helios_records, which reads files of
// records, one a line, and tells of every file that it can't read to its end.
package records

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	rsFieldMaxBytes = "max_record_bytes"
	metaLine        = "line"

	batchSize = 100
	// shown of a record that is too long (bytes).
	shown      = 1000
	bufferSize = 64 << 10
)

func scannerSpec() *service.ConfigSpec {
	return service.NewConfigSpec().
		Beta().
		Summary("Reads records, one a line, plain or gzip, and hands on what it can't read as a failed message.").
		Description(`
Whether a file is gzip is seen by its first bytes, whatever its name. A byte order mark and empty lines are passed over. Records carry the metadata `+"`line`"+`: the number of their line, from 1.

Redpanda Connect's own scanners log an error that does not name the file, and go on as if it had ended there; a `+"`.gz`"+` file without a byte is tried for ever. Here a message that is flagged as an error stands in the place of what could not be read: it names the file and the line, is counted downstream, and can be kept.

- A record longer than `+"`max_record_bytes`"+` is one such message, with its first 1,000 bytes. The next record follows.
- A file that can't be read to its end, such as a gzip file that is cut off, ends with one that is empty.`).
		Field(service.NewIntField(rsFieldMaxBytes).
			Description("The longest record, in bytes without the line's end.").
			Default(64<<20).
			LintRule(`root = if this < 1 { "max_record_bytes must be at least 1, for example 67108864" }`)).
		Example("Exports of two systems", "Some of them gzip; the path is in the metadata `path`.", `
input:
  file:
    paths: [ ./export/* ]
    scanner:
      helios_records: {}
`)
}

func newScannerCreator(conf *service.ParsedConfig, res *service.Resources) (service.BatchScannerCreator, error) {
	most, err := conf.FieldInt(rsFieldMaxBytes)
	if err != nil {
		return nil, err
	}
	if most < 1 {
		return nil, fmt.Errorf("%s is %d; it takes at least 1, for example 67108864", rsFieldMaxBytes, most)
	}
	return &creator{most: most, log: res.Logger()}, nil
}

func init() {
	service.MustRegisterBatchScannerCreator("helios_records", scannerSpec(), newScannerCreator)
}

// creator makes a scanner for each file.
type creator struct {
	most int // bytes of a record
	log  *service.Logger
}

// Create implements service.BatchScannerCreator. It never fails: a file that
// can't be read says so in its first message.
func (c *creator) Create(file io.ReadCloser, ack service.AckFunc, details *service.ScannerSourceDetails) (service.BatchScanner, error) {
	s := &scanner{name: details.Name(), most: c.most, log: c.log, file: file, in: bufio.NewReaderSize(file, bufferSize)}
	s.failed = s.unzip()
	if mark, err := s.in.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = s.in.Discard(3) // which lie in the buffer
	}
	return service.AutoAggregateBatchScannerAcks(s, ack), nil
}

// Close implements service.BatchScannerCreator.
func (*creator) Close(context.Context) error { return nil }

// scanner reads one file.
type scanner struct {
	name string
	most int // bytes of a record
	log  *service.Logger

	file   io.Closer
	in     *bufio.Reader
	line   int64
	failed error // nothing more can be read
	ended  bool
}

// unzip puts the reading of gzip before that of lines where the file is gzip.
func (s *scanner) unzip() error {
	magic, err := s.in.Peek(2)
	switch {
	case err == io.EOF && len(magic) == 0 && strings.HasSuffix(s.name, ".gz"):
		return io.ErrUnexpectedEOF // what gzip makes of nothing has 20 bytes
	case err != nil && err != io.EOF:
		return err
	case !bytes.Equal(magic, []byte{0x1f, 0x8b}):
		return nil
	}
	unzipped, err := gzip.NewReader(s.in)
	if err != nil {
		return err
	}
	s.in = bufio.NewReaderSize(unzipped, bufferSize)
	return nil
}

// NextBatch implements service.SimpleBatchScanner.
func (s *scanner) NextBatch(context.Context) (batch service.MessageBatch, err error) {
	for !s.ended && len(batch) < batchSize {
		msg, err := s.next()
		if msg != nil {
			batch = append(batch, msg)
		}
		s.ended = err != nil
	}
	if len(batch) == 0 {
		return nil, io.EOF
	}
	return batch, nil
}

// next returns the next record; none for an empty line. With an error it is the
// last.
func (s *scanner) next() (*service.Message, error) {
	text, tooLong, err := s.readLine()
	switch {
	case err != nil && err != io.EOF:
		err = fmt.Errorf("%s can't be read from line %d on: %w", s.name, s.line, err)
		s.log.Errorf("%v. What it holds there is missing in the results.", err)
		return failedMessage(nil, err), err // half a line is no record
	case tooLong:
		return failedMessage(text, fmt.Errorf("%s: line %d is longer than %d bytes (%s)", s.name, s.line, s.most, rsFieldMaxBytes)), err
	case len(text) == 0:
		return nil, err
	}
	msg := service.NewMessage(text)
	msg.MetaSetMut(metaLine, s.line)
	return msg, err
}

func failedMessage(text []byte, err error) *service.Message {
	msg := service.NewMessage(text)
	msg.SetError(err)
	return msg
}

// readLine reads a line without its end; of one that is too long its beginning.
func (s *scanner) readLine() (text []byte, tooLong bool, err error) {
	s.line++
	if s.failed != nil {
		return nil, false, s.failed
	}
	for {
		part, err := s.in.ReadSlice('\n')
		if !tooLong {
			text = append(text, part...)
		}
		most := s.most
		if err == nil {
			text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		} else {
			most += len("\r") // of an end that is not read yet
		}
		if len(text) > most {
			text, tooLong = text[:min(shown, s.most):min(shown, s.most)], true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, tooLong, err
		}
	}
}

// Close implements service.SimpleBatchScanner.
func (s *scanner) Close(context.Context) error { return s.file.Close() }
