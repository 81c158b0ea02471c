package store

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// ErrDSN is wrapped by every error about a DSN. No such error shows the DSN
// itself, since it may hold a password.
var ErrDSN = errors.New("invalid dsn")

// dialect is a kind of database.
type dialect uint8

const (
	sqliteDialect dialect = iota
	postgresDialect
)

// String returns the name of the dialect's folder of migrations.
func (d dialect) String() string {
	if d == postgresDialect {
		return "postgres"
	}
	return "sqlite"
}

const dsnAllowed = "allowed are sqlite:///path/to/file, sqlite://relative/file, file:path and postgres://user:password@host:5432/database"

// location is a DSN taken apart: a URL for PostgreSQL, a path for SQLite.
type location struct {
	dialect dialect
	url     string
	path    string
}

// parseDSN tells the dialects apart by the scheme.
func parseDSN(dsn string) (location, error) {
	scheme, rest, found := strings.Cut(dsn, ":")
	if !found {
		return location{}, fmt.Errorf("%w: it names no scheme; %s", ErrDSN, dsnAllowed)
	}
	switch scheme {
	case "postgres", "postgresql":
		return parsePostgresDSN(dsn)
	case "sqlite", "sqlite3", "file":
		return parseSQLiteDSN(strings.TrimPrefix(rest, "//"))
	}
	return location{}, fmt.Errorf("%w: its scheme is neither sqlite, file nor postgres; %s", ErrDSN, dsnAllowed)
}

func parsePostgresDSN(dsn string) (location, error) {
	// What url.Parse finds wrong is not repeated: it quotes the URL.
	if _, err := url.Parse(dsn); err != nil {
		return location{}, fmt.Errorf("%w: not a URL; write special characters in the password percent-encoded, such as %%40 for @", ErrDSN)
	}
	return location{dialect: postgresDialect, url: dsn}, nil
}

func parseSQLiteDSN(path string) (location, error) {
	path, query, _ := strings.Cut(path, "?")
	switch {
	case query != "":
		return location{}, fmt.Errorf("%w: a SQLite file takes no parameters, found %q; the store sets the pragmas it needs", ErrDSN, query)
	case path == "":
		return location{}, fmt.Errorf("%w: no file is named; %s", ErrDSN, dsnAllowed)
	case strings.Contains(path, ":memory:"):
		return location{}, fmt.Errorf("%w: SQLite in memory has no place to keep anything; name a file, such as sqlite:///var/lib/helios/helios.db", ErrDSN)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return location{}, fmt.Errorf("%w: resolving %q: %w", ErrDSN, path, err)
	}
	if info, err := os.Stat(absolute); err == nil && info.IsDir() {
		return location{}, fmt.Errorf("%w: %s is a folder; it takes a file, such as %s", ErrDSN, absolute, filepath.Join(absolute, "helios.db"))
	}
	return location{dialect: sqliteDialect, path: absolute}, nil
}
