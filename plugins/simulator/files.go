package simulator

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/helios-connect/helios/internal/truth"
)

// Files that WriteFiles makes, by cloud: what three systems would export. One
// is compressed, as real exports are now this and now that.
var fileNames = [cloudCount]string{AWS: "aws.jsonl", GCP: "gcp.jsonl.gz", Azure: "azure.jsonl"}

// truthName is the file of the truth, whose header names filesWorld.
const (
	truthName  = "truth.jsonl"
	filesWorld = "files"
	// trailerRoom is above the length of its last line (bytes).
	trailerRoom = 4096
)

// FileSummary says what WriteFiles wrote.
type FileSummary struct {
	// Paths of the clouds' files, in the order aws, gcp, azure, and of the truth.
	Paths []string
	Truth string
	// Records written, malformed ones included.
	Records int64
	Facts   int64
	// Replaced: the files of an earlier run were there.
	Replaced bool
	// Statuses counts the facts by the status that their verdict must have.
	Statuses map[string]int64
}

// WriteFiles writes what each cloud would export of the same business: one flat
// JSON record a line, in the order in which the cloud got them, and the truth
// about the facts. recordType is the type that the ledger gives the facts;
// opts.Count must be set. Equal options give equal bytes. Files have no live
// clouds, so no cloud stalls, and all facts live on all three. Files that are as it
// wrote them before are replaced, others never.
func WriteFiles(dir, recordType string, opts Options) (*FileSummary, error) {
	if opts.Count == 0 {
		return nil, errors.New("count: files need a number of facts above 0, for example 5000")
	}
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts.SingleCloud, opts.Mix[Stalled] = 0, 0
	replaced, err := mayReplace(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder for the files: %w", err)
	}
	s := &FileSummary{Truth: filepath.Join(dir, truthName), Replaced: replaced, Statuses: map[string]int64{}}
	var sinks [cloudCount]*recordFile
	var open []io.Closer
	defer func() {
		for _, c := range open {
			_ = c.Close() // closed before, unless something else has failed
		}
	}()
	for c, name := range fileNames {
		f, err := createRecordFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		sinks[c], s.Paths, open = f, append(s.Paths, f.file.Name()), append(open, f)
	}
	ledgerFile, err := os.Create(s.Truth)
	if err != nil {
		return nil, fmt.Errorf("creating the truth: %w", err)
	}
	open = append(open, ledgerFile)
	if err := s.generate(opts, recordType, ledgerFile, &sinks); err != nil {
		return nil, err
	}
	var errs error
	for _, c := range open {
		errs = errors.Join(errs, c.Close())
	}
	open = nil
	return s, errs
}

// mayReplace reports whether files are in the way. They are an error unless they
// are as the truth beside them says that they were simulated.
func mayReplace(dir string) (replaced bool, err error) {
	before, isTruth := simulated(filepath.Join(dir, truthName))
	for _, name := range append(fileNames[:], truthName) {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return false, fmt.Errorf("looking for earlier files: %w", err)
		}
		own := isTruth
		if name != truthName {
			own = before[name] != "" && before[name] == sumOf(path)
		}
		if !own {
			return false, fmt.Errorf("%s is there already and is not as a simulation left it: move it away, or write to another folder", path)
		}
		replaced = true
	}
	return replaced, nil
}

// simulated reads of a truth about simulated files what they were when they were
// complete, by name. ok is false when it is another file.
func simulated(path string) (files map[string]string, ok bool) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	var header truth.Header
	if json.NewDecoder(f).Decode(&header) != nil || header.Ledger != truth.Version || header.World != filesWorld {
		return nil, false
	}
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-trailerRoom), io.SeekStart) // an error is met again when it is read
	}
	end, err := io.ReadAll(f)
	if err != nil {
		return nil, true
	}
	end = bytes.TrimSpace(end)
	var trailer truth.Trailer
	if json.Unmarshal(end[bytes.LastIndexByte(end, '\n')+1:], &trailer) != nil {
		return nil, true
	}
	return trailer.Files, true
}

// sumOf is the SHA-256 of a file as a truth has it; empty when it can't be read.
func sumOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// generate runs the generator to its end.
func (s *FileSummary) generate(opts Options, recordType string, truthFile io.Writer, sinks *[cloudCount]*recordFile) error {
	var led *ledger
	gen, err := NewGenerator(opts, func(f *fact) {
		s.Facts++
		s.Statuses[f.status()]++
		led.record(f)
	})
	if err != nil {
		return err
	}
	if led, err = newLedger(truthFile, filesWorld, &opts, gen.renderer); err != nil {
		return err
	}
	inner := quote(recordType)
	led.recordType = inner[1 : len(inner)-1]
	var line []byte
	for !gen.Idle() {
		for c, events := range gen.Step() {
			for i := range events {
				line = append(gen.renderer.appendRecord(line[:0], &events[i]), '\n')
				if _, err := sinks[c].out.Write(line); err != nil {
					return fmt.Errorf("writing %s: %w", fileNames[c], err)
				}
				s.Records++
			}
		}
	}
	led.trailer.Files = map[string]string{}
	for c, name := range fileNames {
		if err := sinks[c].Close(); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		led.trailer.Files[name] = hex.EncodeToString(sinks[c].sum.Sum(nil))
	}
	return led.end()
}

// appendRecordKey writes the key of a fact in flat records: an order has one
// record for each step of its life.
func (r *Renderer) appendRecordKey(dst []byte, f *fact) []byte {
	dst = r.appendOrder(dst, f.order)
	dst = append(dst, '/')
	return append(dst, factTypes[f.typ].status...)
}

// appendRecord writes an event as a flat business record.
func (r *Renderer) appendRecord(dst []byte, d *delivery) []byte {
	begin := len(dst)
	f, o := d.fact, d.fact.order
	dst = append(dst, `{"key":"`...)
	if d.defect != noKey {
		dst = r.appendRecordKey(dst, f)
	}
	dst = append(dst, `","event_id":"`...)
	dst = r.appendID(dst, d)
	dst = append(dst, `","event_time":"`...)
	dst = r.appendTime(dst, d, gcpTime)
	dst = append(dst, `","order_id":"`...)
	dst = r.appendKey(dst, d)
	dst = append(dst, `","customer":"cus-`...)
	dst = appendPadded(dst, uint64(o.customer), 5)
	dst = append(dst, `","amount":`...)
	if d.defect == hugeExponent {
		dst = append(dst, "1e1001"...)
	} else {
		dst = appendAmount(dst, d.amount(), f.quoted.has(d.cloud))
	}
	dst = append(dst, `,"currency":"`...)
	if name := d.currency(); f.lower.has(d.cloud) {
		dst = append(dst, strings.ToLower(name)...)
	} else {
		dst = append(dst, name...)
	}
	dst = append(dst, `","status":"`...)
	dst = append(dst, d.status()...)
	dst = append(dst, `","quantity":`...)
	dst = strconv.AppendInt(dst, d.quantity(), 10)
	if d.defect == tooDeep {
		dst = append(dst, `,"note":`...)
		dst = append(dst, strings.Repeat("[", nestingDepth)...)
		dst = append(dst, strings.Repeat("]", nestingDepth)...)
	}
	dst = append(dst, '}')
	if d.defect == truncated {
		dst = dst[:begin+(len(dst)-begin)*3/5]
	}
	return dst
}

// quantity of all items.
func (d *delivery) quantity() (n int64) {
	for i := range int(d.fact.order.count) {
		n += d.itemQuantity(i)
	}
	return n
}

// recordFile is a file of records, compressed when its name says so.
type recordFile struct {
	file   *os.File
	sum    hash.Hash // SHA-256 of what is in the file
	zip    *gzip.Writer
	out    *bufio.Writer
	closed bool
}

func createRecordFile(path string) (*recordFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("creating a file of records: %w", err)
	}
	r := &recordFile{file: f, sum: sha256.New()}
	to := io.MultiWriter(f, r.sum)
	if strings.HasSuffix(path, ".gz") {
		r.zip = gzip.NewWriter(to)
		to = r.zip
	}
	r.out = bufio.NewWriter(to)
	return r, nil
}

// Close writes what is buffered and closes the file. Closing twice is harmless.
func (r *recordFile) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.out.Flush()
	if r.zip != nil {
		err = errors.Join(err, r.zip.Close())
	}
	return errors.Join(err, r.file.Close())
}

// FilesStart is the event time of the first record when none is given: fixed, so
// that the same seed gives the same files on every day.
var FilesStart = time.Date(2025, 3, 3, 8, 0, 0, 0, time.UTC)

// FilesCompare is how the records of WriteFiles are to be compared: the inside
// of an expectation's list compare.
const FilesCompare = "{field: data.amount, tolerance: 0.01}, {field: data.currency, ignore_case: true}, {field: data.status}, {field: data.quantity}"
