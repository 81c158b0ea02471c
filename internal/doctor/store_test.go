package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/plugins/store"
)

func TestAStoreInAFileIsCheckedByItsFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "helios.db")
	e := env{"HELIOS_STORE_DSN": "sqlite://" + path}
	want(t, ask(t, e, Options{}, "store"), "file", OK, "will be made")
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, left, "the doctor leaves nothing behind")

	db, err := store.Create(t.Context(), e["HELIOS_STORE_DSN"])
	require.NoError(t, err)
	require.NoError(t, db.Close())
	want(t, ask(t, e, Options{}, "store"), "file", OK, "can be written")

	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
	want(t, ask(t, e, Options{}, "store"), "file", Failed, "can't be opened as a store")

	want(t, ask(t, env{"HELIOS_STORE_DSN": "sqlite:///nowhere/at/all/helios.db"}, Options{}, "store"), "folder", Failed, "/nowhere/at/all")
	want(t, ask(t, env{"HELIOS_STORE_DSN": "mysql://x"}, Options{}, "store"), "settings", Failed, "neither sqlite nor postgres")
}

func TestAPostgreSQLIsCheckedDownToTheRightsOfItsTables(t *testing.T) {
	server := pgtest.StartServer(t)
	dsn := server.Database(t)
	e := env{"HELIOS_STORE_DSN": dsn}
	found := ask(t, e, Options{}, "store")
	want(t, found, "reach and sign-in", OK, "user helios")
	want(t, found, "rights", OK, "makes its tables at the first start")

	db, err := store.Create(t.Context(), dsn)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	want(t, ask(t, e, Options{}, "store"), "rights", OK, "all can be read and written")

	admin, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer admin.Close(t.Context())
	for _, statement := range []string{
		"CREATE ROLE reader LOGIN PASSWORD 'reader-secret'", "GRANT CREATE ON SCHEMA public TO reader",
		"CREATE ROLE guest LOGIN PASSWORD 'guest-secret'",
	} {
		_, err = admin.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	as := func(user, password string) env {
		return env{"HELIOS_STORE_DSN": strings.Replace(dsn, "helios:"+pgtest.Password, user+":"+password, 1)}
	}
	want(t, ask(t, as("reader", "reader-secret"), Options{}, "store"), "rights", Failed, "may not read and write helios_contracts, helios_dead_letters, helios_dead_letters_hourly, helios_events, helios_events_")
	want(t, ask(t, as("guest", "guest-secret"), Options{}, "store"), "rights", Failed, "GRANT CREATE ON SCHEMA public TO guest")

	found = ask(t, as("helios", "wrong-secret"), Options{}, "store")
	want(t, found, "reach and sign-in", Failed, "refuses the password of user helios")
	require.NotContains(t, found[0].Detail+found[0].Advice, "wrong-secret")

	nowhere := env{"HELIOS_STORE_DSN": strings.Replace(dsn, "/test_", "/no_", 1)}
	want(t, ask(t, nowhere, Options{}, "store"), "reach and sign-in", Failed, "CREATE DATABASE no_")
	want(t, ask(t, env{"HELIOS_STORE_DSN": strings.Replace(dsn, "sslmode=disable", "sslmode=require", 1)}, Options{}, "store"), "reach and sign-in", Failed, "does not speak TLS")

	_, err = admin.Exec(t.Context(), "ALTER ROLE reader SET default_transaction_read_only = on")
	require.NoError(t, err)
	want(t, ask(t, as("reader", "reader-secret"), Options{}, "store"), "database", Failed, "read-only")

	server.Kill(t)
	want(t, ask(t, e, Options{}, "store"), "reach and sign-in", Failed, "nothing listens")
}
