package main

import (
	"bytes"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

func TestAWrongFlagIsAnsweredInOneLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"demo", "--ratee", "5"}, "flag provided but not defined: -ratee; helios-connect demo --help lists the flags"},
		{[]string{"demo", "--rate", "abc"}, `invalid value "abc" for flag -rate: parse error; helios-connect demo --help lists the flags`},
		{[]string{"dlq", "list", "--reson", "x"}, "flag provided but not defined: -reson; helios-connect dlq list --help lists the flags"},
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
