// Package registry knows which contracts are registered: it reads them from a
// schema registry (Confluent's API, as Redpanda, Karapace and Confluent serve it)
// or from a folder, compiles each once, and keeps them, so that an outage of the
// registry stops nobody. It has no Connect import.
package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// Registered is one version of a subject's schema.
type Registered struct {
	// Subject, and Version beginning with 1.
	Subject string
	Version int
	// ID is unique in the registry, and what Confluent's wire format names; 0 in
	// a folder.
	ID int
	// Type is the language of Text.
	Type sr.SchemaType
	// Text of the schema.
	Text string
	// References by which Text names other registered schemas.
	References []sr.SchemaReference
}

// Source is where contracts are registered.
type Source interface {
	// Subjects lists all subjects.
	Subjects(ctx context.Context) ([]string, error)
	// Versions lists a subject's versions in ascending order; none when there is
	// no such subject.
	Versions(ctx context.Context, subject string) ([]int, error)
	// Schema returns one version.
	Schema(ctx context.Context, subject string, version int) (Registered, error)
	// String says where that is, without credentials.
	String() string
}

// Remote is a schema registry.
type Remote struct {
	client *sr.Client
	url    string
}

// Connection to a schema registry.
type Connection struct {
	// URL of the registry, for example http://localhost:8081.
	URL string
	// User and Password of basic authentication; empty for none.
	User, Password string
	// TLS settings; nil for the system's.
	TLS *tls.Config
}

// requestTimeout is how long a registry may take for one answer.
const requestTimeout = 10 * time.Second

// Dial makes a client; it does not connect yet.
func Dial(c Connection) (*Remote, error) {
	if !strings.HasPrefix(c.URL, "http://") && !strings.HasPrefix(c.URL, "https://") {
		return nil, fmt.Errorf("the schema registry's URL %q begins neither with http:// nor with https://, for example http://localhost:8081", c.URL)
	}
	if u, err := url.Parse(c.URL); err != nil || u.User != nil {
		return nil, errors.New("the schema registry's URL can't be read, or holds credentials, which have fields of their own")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.TLS
	client := &http.Client{Timeout: requestTimeout, Transport: transport}
	opts := []sr.ClientOpt{sr.URLs(c.URL), sr.HTTPClient(client), sr.UserAgent("helios")}
	if c.User != "" {
		opts = append(opts, sr.BasicAuth(c.User, c.Password))
	}
	registry, err := sr.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("the schema registry's client: %w", err)
	}
	return &Remote{client: registry, url: c.URL}, nil
}

// Client is the registry's client, for what a Source doesn't do.
func (r *Remote) Client() *sr.Client { return r.client }

func (r *Remote) String() string { return "the schema registry " + r.url }

// Subjects implements Source.
func (r *Remote) Subjects(ctx context.Context) ([]string, error) {
	subjects, err := r.client.Subjects(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the subjects of %s: %w", r, err)
	}
	return subjects, nil
}

// Versions implements Source.
func (r *Remote) Versions(ctx context.Context, subject string) ([]int, error) {
	versions, err := r.client.SubjectVersions(ctx, subject)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the versions of %q in %s: %w", subject, r, err)
	}
	slices.Sort(versions)
	return versions, nil
}

// Schema implements Source.
func (r *Remote) Schema(ctx context.Context, subject string, version int) (Registered, error) {
	s, err := r.client.SchemaByVersion(ctx, subject, version)
	if err != nil {
		return Registered{}, fmt.Errorf("reading version %d of %q from %s: %w", version, subject, r, err)
	}
	return Registered{Subject: subject, Version: version, ID: s.ID, Type: s.Type, Text: s.Schema.Schema, References: s.References}, nil
}

func isNotFound(err error) bool {
	var answer *sr.ResponseError
	return errors.As(err, &answer) && (answer.ErrorCode == sr.ErrSubjectNotFound.Code || answer.ErrorCode == sr.ErrVersionNotFound.Code || answer.ErrorCode == sr.ErrSubjectSoftDeleted.Code)
}

// Folder is a folder of contracts: SUBJECT.json is version 1 of a subject,
// SUBJECT.v2.json the second, and so on; .avsc and .proto likewise.
type Folder struct{ path string }

// OpenFolder returns the contracts in a folder. What lies in it is read when it is
// asked for.
func OpenFolder(path string) Folder { return Folder{path: path} }

func (f Folder) String() string { return "the folder " + f.path }

var versioned = regexp.MustCompile(`^(.+?)(?:\.v([1-9][0-9]{0,5}))?\.(json|avsc|proto)$`)

var languages = map[string]sr.SchemaType{"json": sr.TypeJSON, "avsc": sr.TypeAvro, "proto": sr.TypeProtobuf}

// Files lists the contracts in the folder: by subject, then by version.
func (f Folder) Files() (files []File, err error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, fmt.Errorf("reading the contracts: %w", err)
	}
	for _, e := range entries {
		parts := versioned.FindStringSubmatch(e.Name())
		if e.IsDir() || parts == nil {
			continue
		}
		version := 1
		if parts[2] != "" {
			if version, err = strconv.Atoi(parts[2]); err != nil {
				return nil, err
			}
		}
		files = append(files, File{Path: filepath.Join(f.path, e.Name()), Subject: parts[1], Version: version, Type: languages[parts[3]]})
	}
	slices.SortFunc(files, func(a, b File) int {
		if c := strings.Compare(a.Subject, b.Subject); c != 0 {
			return c
		}
		return a.Version - b.Version
	})
	return files, nil
}

// File is a contract in a folder.
type File struct {
	Path    string
	Subject string
	Version int
	Type    sr.SchemaType
}

// Subjects implements Source.
func (f Folder) Subjects(context.Context) ([]string, error) {
	files, err := f.Files()
	var subjects []string
	for _, file := range files {
		if !slices.Contains(subjects, file.Subject) {
			subjects = append(subjects, file.Subject)
		}
	}
	return subjects, err
}

// Versions implements Source.
func (f Folder) Versions(_ context.Context, subject string) (versions []int, err error) {
	files, err := f.Files()
	for _, file := range files {
		if file.Subject == subject {
			versions = append(versions, file.Version)
		}
	}
	return versions, err
}

// Schema implements Source.
func (f Folder) Schema(_ context.Context, subject string, version int) (Registered, error) {
	files, err := f.Files()
	if err != nil {
		return Registered{}, err
	}
	for _, file := range files {
		if file.Subject == subject && file.Version == version {
			text, err := os.ReadFile(file.Path)
			return Registered{Subject: subject, Version: version, Type: file.Type, Text: string(text)}, err
		}
	}
	return Registered{}, fmt.Errorf("%s holds no version %d of %q", f, version, subject)
}
