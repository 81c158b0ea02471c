package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/helios-connect/helios/plugins/store"
)

// checkStore checks the database that events and verdicts are stored in.
func checkStore(ctx context.Context, r *run) {
	dsn := r.get("HELIOS_STORE_DSN")
	scheme, rest, _ := strings.Cut(dsn, ":")
	switch scheme {
	case "postgres", "postgresql":
		checkPostgres(ctx, r, dsn)
	case "sqlite", "sqlite3", "file":
		checkSQLite(ctx, r, dsn, strings.TrimPrefix(rest, "//"))
	default:
		r.fail("settings", "give sqlite:///path/to/file or postgres://user:password@host:5432/database", "HELIOS_STORE_DSN has a scheme that is neither sqlite nor postgres")
	}
}

// checkSQLite looks whether the file, or one in its folder, can be written.
func checkSQLite(ctx context.Context, r *run, dsn, path string) {
	folder := filepath.Dir(path)
	probe, err := os.CreateTemp(folder, ".helios-doctor-*")
	if err != nil {
		r.fail("folder", "make the folder, or give this user the right to write there: SQLite keeps files beside the database", "no file can be made in %s: %v", folder, errors.Unwrap(err))
		return
	}
	_ = probe.Close()
	_ = os.Remove(probe.Name())
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		r.ok("file", "%s is not there yet and will be made", path)
		return
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		r.fail("file", "give this user the right to write it", "%s can't be written: %v", path, errors.Unwrap(err))
		return
	}
	_ = file.Close()
	db, err := store.Open(ctx, dsn)
	if err != nil {
		r.fail("file", "move it away if it is no store; another is made", "%s can't be opened as a store: %v", path, err)
		return
	}
	_ = db.Close()
	r.ok("file", "%s can be written", path)
}

func checkPostgres(ctx context.Context, r *run, dsn string) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// What pgx says may quote a password.
		r.fail("settings", "the form is postgres://user:password@host:5432/database?sslmode=require, with special characters percent-encoded (%40 for @)", "HELIOS_STORE_DSN is no URL of PostgreSQL")
		return
	}
	at := net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		r.failWith("reach and sign-in", postgresDiagnosis(at, config, err))
		return
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	r.ok("reach and sign-in", "%s answers, database %s, user %s", at, config.Database, config.User)
	checkPostgresState(ctx, r, conn)
	checkPostgresRights(ctx, r, conn, config.User)
}

// postgresDiagnosis goes by SQLSTATE,
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func postgresDiagnosis(at string, config *pgx.ConnConfig, err error) diagnosis {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		if d, ok := network(at, err); ok {
			return d
		}
		if strings.Contains(err.Error(), "server refused TLS") {
			return diagnosis{at + " does not speak TLS", "add sslmode=disable to HELIOS_STORE_DSN, or switch TLS on there"}
		}
		return diagnosis{"connecting to " + at + ": " + err.Error(), "see the server's log"}
	}
	switch pg.Code {
	case "28P01":
		return diagnosis{fmt.Sprintf("%s refuses the password of user %s", at, config.User), "correct user and password in HELIOS_STORE_DSN, special characters percent-encoded"}
	case "28000":
		return diagnosis{at + " does not let the user in: " + pg.Message, "create the role, or allow it from this address in pg_hba.conf; perhaps sslmode=require is asked for"}
	case "3D000":
		return diagnosis{fmt.Sprintf("there is no database %s at %s", config.Database, at), fmt.Sprintf("CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE template0 OWNER %s", config.Database, config.User)}
	case "53300":
		return diagnosis{at + " has no connection left", "raise max_connections, close others, or put a pool in between"}
	case "42501":
		return diagnosis{fmt.Sprintf("user %s may not connect to database %s", config.User, config.Database), fmt.Sprintf("GRANT CONNECT ON DATABASE %s TO %s", config.Database, config.User)}
	}
	return diagnosis{fmt.Sprintf("%s: %s (SQLSTATE %s)", at, pg.Message, pg.Code), "see the server's log"}
}

func checkPostgresState(ctx context.Context, r *run, conn *pgx.Conn) {
	var encoding, readOnly string
	var standby bool
	err := conn.QueryRow(ctx, "SELECT current_setting('server_encoding'), current_setting('default_transaction_read_only'), pg_is_in_recovery()").Scan(&encoding, &readOnly, &standby)
	switch {
	case err != nil:
		r.fail("database", "see the server's log", "asking for its state: %v", err)
	case standby:
		r.fail("database", "let HELIOS_STORE_DSN name the primary, for example with target_session_attrs=read-write", "the server is a standby, which takes no writes")
	case readOnly == "on":
		r.fail("database", "ALTER DATABASE … RESET default_transaction_read_only, and the same of the role", "transactions are read-only by default")
	case encoding != "UTF8":
		r.fail("database", "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", "its encoding is %s; UTF8 is needed", encoding)
	default:
		r.ok("database", "writable, encoding UTF8")
	}
}

// rights asks what the store needs: its tables where they are, and otherwise the
// right to make them; and temporary tables, which batches are copied through.
const rights = `
SELECT coalesce(current_schema(), ''),
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
       has_database_privilege(current_database(), 'TEMPORARY'),
       (SELECT count(*) FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p') AND c.relname LIKE 'helios\_%'),
       (SELECT coalesce(string_agg(c.relname, ', ' ORDER BY c.relname), '') FROM pg_class c
         WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p') AND c.relname LIKE 'helios\_%'
           AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')))`

func checkPostgresRights(ctx context.Context, r *run, conn *pgx.Conn, user string) {
	var schema, barred string
	var create, temporary bool
	var tables int
	if err := conn.QueryRow(ctx, rights).Scan(&schema, &create, &temporary, &tables, &barred); err != nil {
		r.fail("rights", "see the server's log", "asking for them: %v", err)
		return
	}
	switch {
	case schema == "":
		r.fail("rights", "create one of the schemas, or set the role's search_path", "none of the schemas in the search_path of user %s exists or may be used", user)
	case !create:
		r.fail("rights", fmt.Sprintf("GRANT CREATE ON SCHEMA %s TO %s", schema, user), "user %s may not create tables in schema %s; the store makes its tables, and a partition for each day", user, schema)
	case !temporary:
		r.fail("rights", fmt.Sprintf("GRANT TEMPORARY ON DATABASE … TO %s", user), "user %s may not create temporary tables, which batches are copied through", user)
	case barred != "":
		r.fail("rights", fmt.Sprintf("ALTER TABLE … OWNER TO %s: they were made by another role, and only the owner can add partitions", user), "user %s may not read and write %s", user, barred)
	case tables == 0:
		r.ok("rights", "schema %s is empty; the store makes its tables at the first start", schema)
	default:
		r.ok("rights", "tables of Helios in schema %s: %d, all can be read and written", schema, tables)
	}
}
