package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/stretchr/testify/require"

	"github.com/helios-connect/helios/internal/pgtest"
)

func TestTheSchemeOfADSNSelectsTheDatabase(t *testing.T) {
	relative, err := filepath.Abs("data/helios.db")
	require.NoError(t, err)
	for dsn, want := range map[string]location{
		"sqlite:///var/lib/helios.db": {dialect: sqliteDialect, path: "/var/lib/helios.db"},
		"sqlite://data/helios.db":     {dialect: sqliteDialect, path: relative},
		"sqlite:data/helios.db":       {dialect: sqliteDialect, path: relative},
		"file:/var/lib/a%20b c.db":    {dialect: sqliteDialect, path: "/var/lib/a%20b c.db"},
		"postgres://u:p@h/db":         {dialect: postgresDialect, url: "postgres://u:p@h/db"},
		"postgresql://u@h:1/db?a=b":   {dialect: postgresDialect, url: "postgresql://u@h:1/db?a=b"},
	} {
		got, err := parseDSN(dsn)
		require.NoError(t, err, dsn)
		require.Equal(t, want, got, dsn)
	}
}

func TestErrorsAboutADSNSayWhatIsAllowedAndNeverShowIt(t *testing.T) {
	const secret = "s3cr%zz"
	for dsn, want := range map[string]string{
		"":                                 "names no scheme",
		"helios.db":                        "names no scheme",
		"mysql://u:" + secret + "@h/db":    "neither sqlite, file nor postgres",
		"postgres://u:" + secret + "@h/db": "percent-encoded",
		"sqlite://":                        "no file is named",
		"sqlite::memory:":                  "in memory",
		"file:a.db?mode=ro":                "takes no parameters",
		"sqlite:///":                       "/ is a folder; it takes a file, such as /helios.db",
	} {
		_, err := Open(context.Background(), dsn)
		require.ErrorIs(t, err, ErrDSN, dsn)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "s3cr")

		conf, err := outputSpec().ParseYAML("kind: events\ndsn: '"+dsn+"'", nil)
		require.NoError(t, err)
		_, _, _, err = newOutput(conf, service.MockResources())
		require.ErrorIs(t, err, ErrDSN, dsn)
	}
	for _, dsn := range []string{
		"postgres://u:s3cret@h:port/db", "postgres://u:s3cret@h/db?sslmode=s3cret", "postgres://u:s3cret@h/db?connect_timeout=s3cret",
		"postgres://u:s3cret@h/db?pool_max_conns=s3cret", "postgres://u:p:s3cret@[h/db",
	} {
		_, err := Open(context.Background(), dsn)
		require.ErrorIs(t, err, ErrDSN, dsn)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

func TestErrorsOfConnectingDoNotShowThePassword(t *testing.T) {
	server := pgtest.StartServer(t)
	dsn := server.Database(t)
	for _, dsn := range []string{withDatabase(dsn, "absent"), asReader(dsn)} {
		_, err := Create(context.Background(), dsn)
		require.Error(t, err)
		require.NotContains(t, err.Error(), pgtest.Password)
		require.NotContains(t, err.Error(), "choose-one")
	}
	server.Kill(t)
	_, err := Open(context.Background(), dsn)
	require.ErrorContains(t, err, "refused")
	require.NotContains(t, err.Error(), pgtest.Password)
}

func TestOpeningAnAbsentFileForReadingFailsAndCreatesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent.db")
	_, err := Open(context.Background(), "sqlite://"+path)
	require.ErrorContains(t, err, "absent.db")
	require.NoFileExists(t, path)
}

func TestAPathWithStrangeCharactersIsTakenAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a dir%20?#&", "ü.db")
	dsn := "sqlite://" + path
	_, err := parseDSN(dsn)
	require.ErrorContains(t, err, "takes no parameters")

	path = filepath.Join(t.TempDir(), "a dir%20#&", "ü.db")
	db, err := Create(context.Background(), "sqlite://"+path)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.FileExists(t, path)
}

func TestTheSpecsExamplesLintAndMistakesDoNot(t *testing.T) {
	linter := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter()
	for config, mistakes := range map[string]int{
		"output:\n  helios_store:\n    kind: verdicts\n":                                                                0,
		"output:\n  helios_store:\n    kind: verdict\n":                                                                 1,
		"output:\n  helios_store:\n    kind: events\n    max_partitions: 0\n":                                           1,
		"output:\n  helios_store:\n    kind: events\n    batchin: {count: 5}\n":                                         1,
		"output:\n  helios_store:\n    kind: events\n    dsn: ${X:sqlite:///a}\n    batching: {count: 5, period: 1s}\n": 0,
	} {
		lints, err := linter.LintYAML([]byte(config))
		require.NoError(t, err, config)
		require.Len(t, lints, mistakes, "%s: %v", config, lints)
	}
	for config, want := range map[string]string{
		"kind: events\nmax_in_flight: 0":  "max_in_flight is 0",
		"kind: events\nmax_partitions: 0": "max_partitions is 0",
		"kind: things":                    `kind is "things"; allowed are events, verdicts, dead_letters`,
	} {
		conf, err := outputSpec().ParseYAML(config, nil)
		require.NoError(t, err)
		_, _, _, err = newOutput(conf, service.MockResources())
		require.ErrorContains(t, err, want)
	}
}

func TestAFileThatNobodyWroteYetIsNamedSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "helios.db")
	_, err := Open(context.Background(), "sqlite://"+path)
	require.EqualError(t, err, "opening sqlite store: "+path+": the file is not there yet; whatever writes to the store makes it")
	require.NoFileExists(t, path)
}

func TestTheWritersOfAFileShareAConnectionUntilTheLastIsClosed(t *testing.T) {
	dsn := "sqlite://" + filepath.Join(t.TempDir(), "store.db")
	open := func() *sqliteDB {
		db, err := Create(t.Context(), dsn)
		require.NoError(t, err)
		return db.backend.(*sqliteDB)
	}
	first, second := open(), open()
	require.Same(t, first.db, second.db)
	require.NoError(t, first.close())
	require.NoError(t, first.close(), "again changes nothing")
	_, err := second.counts(t.Context())
	require.NoError(t, err)
	require.NoError(t, second.close())
	_, err = second.counts(t.Context())
	require.Error(t, err)
	third := open()
	_, err = third.counts(t.Context())
	require.NoError(t, err)
	require.NoError(t, third.close())
	require.Empty(t, sqliteFiles.open)
}
