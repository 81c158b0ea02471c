package stack

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
	"github.com/helios-connect/helios/plugins/store"
	"github.com/helios-connect/helios/tests/program"
)

// database is a scratch server after the script of the image's first start.
type database struct {
	address  string
	settings types.MappingWithEquals // of the service postgres
}

// startDatabase does what the image postgres does when its volume is empty: it runs
// init.sql by psql, as the superuser postgres, with the service's environment.
func startDatabase(t *testing.T, p *types.Project) *database {
	t.Helper()
	admin, err := url.Parse(pgtest.Start(t))
	require.NoError(t, err)
	d := &database{address: admin.Host, settings: p.Services["postgres"].Environment}
	// The test's server calls its superuser as Helios's own role is called.
	exec1(t, admin.String(), "CREATE ROLE postgres SUPERUSER LOGIN PASSWORD '"+pgtest.Password+"'")
	super := *admin
	super.User, super.Path = url.UserPassword("postgres", pgtest.Password), "/postgres"
	exec1(t, super.String(), "ALTER ROLE helios RENAME TO installer")

	psql := program.Find(t, "psql", "/usr/lib/postgresql/*/bin/psql")
	script, err := filepath.Abs(filepath.Join(root, "deploy/compose/postgres/init.sql"))
	require.NoError(t, err)
	cmd := exec.Command(psql, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "--dbname", super.String(), "-f", script)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+pgtest.Password)
	for name, value := range d.settings {
		if value != nil {
			cmd.Env = append(cmd.Env, name+"="+*value)
		}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return d
}

func exec1(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

// dsn of a role of init.sql.
func (d *database) dsn(role, setting string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, *d.settings[setting]), Host: d.address, Path: "/helios", RawQuery: "sslmode=disable"}
	return u.String()
}

func (d *database) owner() string  { return d.dsn("helios", "HELIOS_DB_PASSWORD") }
func (d *database) reader() string { return d.dsn("grafana", "GRAFANA_DB_PASSWORD") }

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func TestGrafanasRoleReadsAndDoesNothingElse(t *testing.T) {
	d := startDatabase(t, load(t, full, secrets(t)))
	host, _, err := net.SplitHostPort(d.address)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
	makeTables(t, d)

	reader := connect(t, d.reader())
	var n int
	for _, table := range []string{"helios_events", "helios_verdicts", "helios_verdict_history", "helios_dead_letters",
		"helios_contracts", "helios_events_hourly", "helios_verdicts_hourly", "helios_dead_letters_hourly", "helios_findings_hourly", "helios_contract_compliance", "later"} {
		require.NoError(t, reader.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n), table)
	}
	for setting, want := range map[string]string{"default_transaction_read_only": "on", "statement_timeout": "30s", "lock_timeout": "5s"} {
		var got string
		require.NoError(t, reader.QueryRow(t.Context(), "SHOW "+setting).Scan(&got))
		require.Equal(t, want, got, setting)
	}
	writes := map[string]string{
		"insert":       "INSERT INTO later VALUES (1)",
		"update":       "UPDATE later SET n = 2",
		"delete":       "DELETE FROM later",
		"truncate":     "TRUNCATE helios_verdicts",
		"drop":         "DROP TABLE helios_verdicts",
		"table":        "CREATE TABLE mine (n int)",
		"temporary":    "CREATE TEMPORARY TABLE mine (n int)",
		"schema":       "CREATE SCHEMA mine",
		"function":     "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"large object": "SELECT lo_from_bytea(0, 'x')",
		"file":         "SELECT pg_read_file('/etc/passwd')",
		"program":      "COPY (SELECT 1) TO PROGRAM 'true'",
		"role":         "CREATE ROLE mine",
		"other role":   "SET ROLE helios",
		"password":     "SELECT rolpassword FROM pg_authid",
		"drop a day":   "SELECT helios_drop_events_before(current_date)",
	}
	for _, readOnly := range []string{"on", "off"} { // whoever asks for it leaves read-only transactions
		_, err := reader.Exec(t.Context(), "SET default_transaction_read_only = "+readOnly)
		require.NoError(t, err)
		for name, sql := range writes {
			_, err := reader.Exec(t.Context(), sql)
			require.Error(t, err, "%s, with read-only %s", name, readOnly)
			if readOnly == "off" {
				require.Regexp(t, "permission denied|must be (owner|superuser)", err.Error(), name)
			}
		}
	}
	other, err := url.Parse(d.reader())
	require.NoError(t, err)
	other.Path = "/postgres"
	_, err = pgx.Connect(t.Context(), other.String())
	require.ErrorContains(t, err, "permission denied for database")
}

// makeTables lets the store make its tables, as Helios's own role, and one that is
// none of the store's.
func makeTables(t *testing.T, d *database) {
	t.Helper()
	runPipeline(t, d.owner())
	exec1(t, d.owner(), "CREATE TABLE later (n int)")
	db, err := store.Open(t.Context(), d.owner())
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// runPipeline runs the store's output once, which makes the tables.
func runPipeline(t *testing.T, dsn string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "store.yaml")
	require.NoError(t, os.WriteFile(config, []byte(`
http: {enabled: false}
input: {generate: {count: 1, interval: "", mapping: 'root = "no verdict"'}}
output: {fallback: [{helios_store: {dsn: "${DSN}", kind: verdicts}}, {drop: {}}]}
`), 0o600))
	cmd := exec.Command(binary, "run", config)
	cmd.Env = append(os.Environ(), "DSN="+dsn)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
