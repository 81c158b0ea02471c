package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

func runApp(t *testing.T, command *cli.Command, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	app := &cli.App{Commands: []*cli.Command{command}, Writer: &out, ErrWriter: io.Discard, ExitErrHandler: func(*cli.Context, error) {}}
	err := app.Run(append([]string{"helios-connect", command.Name}, args...))
	return out.String(), err
}

func TestBadFlagsOfDoctorAreExplained(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(empty, []byte("Bearer \n"), 0o600))
	t.Setenv("HELIOS_WEBHOOK_ADDRESS", "")
	full := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(full, []byte("a.b.c"), 0o600))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"extra"}, `"extra"`},
		{[]string{"--timeout", "-1s"}, "--timeout -1s"},
		{[]string{"--token", empty}, "it is empty"},
		{[]string{"--token", empty + ".none"}, "no such file"},
		{[]string{"--token", full}, "HELIOS_WEBHOOK_ADDRESS is not set"},
	} {
		_, err := runApp(t, doctorCommand(), c.args...)
		require.ErrorContains(t, err, c.want, "%v", c.args)
	}
}

func TestDoctorEndsWithStatusOneAndJSONWhenSomethingFails(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HELIOS_KAFKA_BROKERS", "127.0.0.1:1")
	out, err := runApp(t, doctorCommand(), "--json", "--timeout", "2s")
	var exit cli.ExitCoder
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	var findings []struct{ Dependency, Status, Advice string }
	require.NoError(t, json.Unmarshal([]byte(out), &findings))
	require.Equal(t, "Kafka", findings[0].Dependency)
	require.Equal(t, "failed", findings[0].Status)
	require.NotEmpty(t, findings[0].Advice)
}
