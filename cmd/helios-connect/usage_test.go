package main

import (
	"bytes"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

func TestNoFlagStatesTwoDefaults(t *testing.T) {
	var look func(name string, c *cli.Command)
	look = func(name string, c *cli.Command) {
		for _, flag := range c.Flags {
			require.LessOrEqual(t, strings.Count(flag.String(), "(default: "), 1, "%s: %s", name, flag)
		}
		for _, sub := range c.Subcommands {
			look(name+" "+sub.Name, sub)
		}
	}
	for _, command := range subcommands {
		look(command().Name, command())
	}
}

func TestTheHelpOfTheProgramNamesTheFileOfSettings(t *testing.T) {
	var out bytes.Buffer
	app := &cli.App{Name: "helios-connect", HelpName: "helios-connect", Usage: "theirs", Writer: &out, CustomAppHelpTemplate: helpTemplate(cli.AppHelpTemplate)}
	require.NoError(t, app.Run([]string{"helios-connect", "--help"}))
	require.NotContains(t, out.String(), "theirs")
	require.Contains(t, out.String(), "helios-connect - Redpanda Connect that says whether")
	require.Regexp(t, `(?s)GLOBAL OPTIONS:\n.*\n   --env-file FILE, -e FILE  take settings from a file: helios-connect -e local\.env start\n$`, out.String())
}

func TestAWrongFlagIsAnsweredInOneLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"demo", "--ratee", "5"}, "flag provided but not defined: -ratee; helios-connect demo --help lists the flags"},
		{[]string{"demo", "--rate", "abc"}, `--rate "abc": it takes a number such as 0.5; helios-connect demo --help lists the flags`},
		{[]string{"demo", "--duration", "5"}, `--duration "5": it takes a duration such as 30s or 1h30m; helios-connect demo --help lists the flags`},
		{[]string{"demo", "--direct=perhaps"}, `--direct "perhaps": it takes true or false, or no value; helios-connect demo --help lists the flags`},
		{[]string{"topics", "create", "--partitions", "many"}, `--partitions "many": it takes a whole number; helios-connect topics create --help lists the flags`},
		{[]string{"simulate", "--count", "-1"}, `--count "-1": it takes a whole number, 0 or more; helios-connect simulate --help lists the flags`},
		{[]string{"dlq", "list", "--reson", "x"}, "flag provided but not defined: -reson; helios-connect dlq list --help lists the flags"},
		{[]string{"dlq", "lst"}, `helios-connect dlq has no command "lst"; it has list, show, replay`},
		{[]string{"topics", "crate", "--partitions", "4"}, `helios-connect topics has no command "crate"; it has create`},
		{[]string{"simulate", "--out", "export", "100"}, `simulate takes no arguments, found "100"; see helios-connect simulate --help`},
		{[]string{"docs", "pages"}, `docs takes no arguments, found "pages"; see helios-connect docs --help`},
		{[]string{"schema", "list", "paid"}, `schema list takes no arguments, found "paid"; see helios-connect schema list --help`},
		{[]string{"schema", "infer", "events.jsonl", "--ranges"}, `--ranges stands behind an argument; flags come first: helios-connect schema infer --ranges and then the rest`},
		{[]string{"start", "-e", "local.env"}, "-e stands before the command: helios-connect -e FILE start"},
		{[]string{"dlq", "list", "--env-file", "local.env"}, "-env-file stands before the command: helios-connect -e FILE dlq list"},
	} {
		var out bytes.Buffer
		app := &cli.App{Name: "helios-connect", HelpName: "helios-connect", Writer: &out, ErrWriter: &out, ExitErrHandler: func(*cli.Context, error) {}}
		for _, command := range subcommands {
			app.Commands = append(app.Commands, withShortErrors(command()))
		}
		require.EqualError(t, app.Run(append([]string{"helios-connect"}, c.args...)), c.says)
		require.Empty(t, out.String(), "the help is not printed")
	}
}

func TestATakenAddressIsFoundBeforeTheStart(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	err = addressIsFree(address)
	require.ErrorContains(t, err, "HELIOS_HTTP_ADDRESS "+address)
	require.ErrorContains(t, err, "address already in use")
	require.NoError(t, listener.Close())
	require.NoError(t, addressIsFree(address))
}

func TestAWrongPathOfTheWebhookEndsTheStart(t *testing.T) {
	check := func(paths string) error {
		env := map[string]string{"HELIOS_WEBHOOK_ADDRESS": "127.0.0.1:8443", "HELIOS_WEBHOOK_PATHS": paths}
		return webhookIsRight(func(name string) string { return env[name] })
	}
	require.NoError(t, webhookIsRight(func(string) string { return "" }))
	require.NoError(t, check("[{path: /sns, name: sns, sender: sns, sns: {topics: [ 'arn:aws:sns:eu-central-1:123456789012:orders' ]}}]"))
	require.ErrorContains(t, check("[{path: /azure, name: azure, sender: event_grid, event_grid: {subscriptions: [x]}}]"), "paths[0]: auth holds 0 of its members")
	require.ErrorContains(t, check("[{path: /azure, name: azure, sender: event_gird}]"), `sender is "event_gird"`)
	require.ErrorContains(t, check(""), "paths")
}

func TestASizeThatNoOutputTakesEndsTheStart(t *testing.T) {
	for _, right := range []string{"", "1000000", "20001"} {
		require.NoError(t, sizeIsRight(right))
	}
	for _, wrong := range []string{"lots", "1MB", "20000", "-1"} {
		require.EqualError(t, sizeIsRight(wrong), `HELIOS_MAX_MESSAGE_BYTES is "`+wrong+`"; it takes a whole number of bytes above 20000, for example 1000000`)
	}
	text, err := os.ReadFile("../../pipelines/ingest-aws.yaml")
	require.NoError(t, err)
	require.Contains(t, string(text), "${HELIOS_MAX_MESSAGE_BYTES:1000000} - "+strconv.Itoa(sizeRoom))
}
