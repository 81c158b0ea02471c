package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// migrate applies the migrations of a dialect that the database lacks. A store
// with a newer schema than this program's is left as it is.
func migrate(ctx context.Context, db *sql.DB, d dialect, locked ...goose.ProviderOption) error {
	provider, err := migrationsOf(db, d, locked...)
	if err != nil {
		return err
	}
	if _, err = provider.Up(ctx); err != nil {
		return fmt.Errorf("applying migrations: %w", err)
	}
	return nil
}

func migrationsOf(db *sql.DB, d dialect, locked ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+d.String())
	if err != nil {
		return nil, err
	}
	gooseDialect := goose.DialectSQLite3
	if d == postgresDialect {
		gooseDialect = goose.DialectPostgres
	}
	tables, err := database.NewStore(gooseDialect, tableMigrations)
	if err != nil {
		return nil, err
	}
	opts := append([]goose.ProviderOption{
		goose.WithStore(tables),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	}, locked...)
	return goose.NewProvider(goose.DialectCustom, db, files, opts...)
}

// Keys of PostgreSQL advisory locks: "helios" in ASCII, and what follows.
const (
	migrationLock = 0x68656c696f73 + iota
	partitionLock
	hourlyEventsLock
	hourlyDeadLettersLock
	hourlyVerdictsLock
	hourlyFindingsLock
)

// advisoryLock holds a PostgreSQL advisory lock for the time of the migrations.
// It waits in the database, where goose's own locker asks again and again.
type advisoryLock struct{}

var _ lock.SessionLocker = advisoryLock{}

func (advisoryLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock))
	return err
}

func (advisoryLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(migrationLock))
	return err
}
