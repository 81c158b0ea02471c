package main

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

const (
	schemaOne = `{"type":"object","required":["id"],"properties":{"id":{"type":"string"}}}`
	schemaTwo = `{"type":"object","required":["id","amount"],"properties":{"id":{"type":"string"},"amount":{"type":"number"}}}`
)

func schemaFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestContractsArePushedListedAndCompared(t *testing.T) {
	reg := srfake.New(srfake.WithGlobalCompat(sr.CompatBackward))
	defer reg.Close()
	t.Setenv("HELIOS_SCHEMA_REGISTRY_URL", reg.URL())
	dir := schemaFolder(t, map[string]string{"order.json": schemaOne, "dead.json": `{"type":"integer","minimum":2,"maximum":1}`})

	out, err := runApp(t, schemaCommand(), "push", "--dry-run", dir)
	require.NoError(t, err)
	require.Contains(t, out, "order would become version 1")
	out, err = runApp(t, schemaCommand(), "push", dir)
	require.NoError(t, err)
	require.Contains(t, out, "dead is version 1 now\n  warning: dead contradicts itself: no payload can keep it\norder is version 1 now\n")
	out, err = runApp(t, schemaCommand(), "push", filepath.Join(dir, "order.json"))
	require.NoError(t, err)
	require.Equal(t, "order: version 1 says the same already\n", out)

	next := filepath.Join(schemaFolder(t, map[string]string{"order.json": schemaTwo}), "order.json")
	out, err = runApp(t, schemaCommand(), "push", next)
	require.EqualError(t, err, "1 contract was refused, of 1")
	require.Contains(t, out, "order is refused: order is not BACKWARD compatible")
	require.Contains(t, out, "required_added, against version 1: breaks consumers")
	require.Contains(t, out, "for example {")
	out, err = runApp(t, schemaCommand(), "push", "--compatibility", "FORWARD", next)
	require.NoError(t, err)
	require.Equal(t, "order is version 2 now\n", out)

	out, err = runApp(t, schemaCommand(), "list")
	require.NoError(t, err)
	require.Regexp(t, `order +1 2 +JSON +none`, out)
	out, err = runApp(t, schemaCommand(), "diff", "order/1", next)
	require.NoError(t, err)
	require.Contains(t, out, `"amount"`)
	require.Contains(t, out, "breaks consumers, not BACKWARD compatible")
	out, err = runApp(t, schemaCommand(), "diff", "--json", "order/1", "order/1")
	require.NoError(t, err)
	require.Equal(t, "[]\n", out)
	out, err = runApp(t, schemaCommand(), "diff", "order/2", "order/latest")
	require.NoError(t, err)
	require.Equal(t, "The versions say the same.\n", out)
}

func TestAContractIsTriedOnEvents(t *testing.T) {
	t.Setenv("HELIOS_SCHEMA_REGISTRY_URL", "")
	events := filepath.Join(t.TempDir(), "events.jsonl.gz")
	f, err := os.Create(events)
	require.NoError(t, err)
	z := gzip.NewWriter(f)
	for i := range 40 {
		data, source := `{"id":"a"}`, "/good"
		if i%4 == 0 {
			data, source = `{"id":7,"list":[1]}`, fmt.Sprintf("/bad%d", i%3)
		}
		fmt.Fprintf(z, `{"type":"order","source":%q,"data":%s}`+"\n", source, data)
	}
	fmt.Fprintln(z, `{"type":"other","data":{}}`+"\nno event")
	require.NoError(t, z.Close())
	require.NoError(t, f.Close())
	file := filepath.Join(schemaFolder(t, map[string]string{"order.json": schemaOne}), "order.json")
	out, err := runApp(t, schemaCommand(), "check", "--events", events, file)
	require.ErrorContains(t, err, "would refuse events")
	require.Contains(t, out, "It would have rejected 10 of 40 events, from 3 producers, for these reasons\n")
	require.Contains(t, out, "10  type /id, for example: /id is 7, a number; the contract asks for string\n"+
		"           4 of them from /bad0\n           3 of them from /bad1\n           3 of them from /bad2\n", "the commonest first")
	require.Contains(t, out, "Left out: 1 record that is no canonical event\n")
	out, err = runApp(t, schemaCommand(), "check", "--events", events, "--type", "other", filepath.Join(schemaFolder(t, map[string]string{"any.json": `true`}), "any.json"))
	require.NoError(t, err)
	require.Contains(t, out, "would have accepted all of 1 event")

	file = filepath.Join(schemaFolder(t, map[string]string{"ordr.json": schemaOne}), "ordr.json")
	_, err = runApp(t, schemaCommand(), "check", "--events", events, file)
	require.ErrorContains(t, err, `there is no event of type "ordr" to try the contract on; --type`, "a name that is misspelt must not pass for a good contract")
}

func TestMistakesOfSchemaAreExplained(t *testing.T) {
	t.Setenv("HELIOS_SCHEMA_REGISTRY_URL", "")
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"list"}, "set HELIOS_SCHEMA_REGISTRY_URL"},
		{[]string{"push"}, "folders or files"},
		{[]string{"push", t.TempDir()}, "HELIOS_SCHEMA_REGISTRY_URL"},
		{[]string{"--registry", "http://127.0.0.1:1", "push", t.TempDir()}, "holds no contract"},
		{[]string{"diff", "a"}, "two schemas"},
		{[]string{"diff", "a", "b"}, `"a" is neither a file nor SUBJECT/VERSION`},
		{[]string{"check", "x.json", "--log"}, "flags come first"},
		{[]string{"evolve"}, "one subject"},
		{[]string{"push", "--compatibility", "SIDEWARD", "x"}, "must be one of NONE"},
		{[]string{"--registry", "ftp://x", "list"}, "begins neither with http:// nor with https://"},
	} {
		_, err := runApp(t, schemaCommand(), test.args...)
		require.ErrorContains(t, err, test.says, "%v", test.args)
	}
}

func TestAProposalIsPushedForItsSubject(t *testing.T) {
	for file, ok := range map[string]bool{
		"order.paid.json": true, "out/order.paid.json": true, "order.paid.v2.json": true, "next.json": false, "order.paid": false,
	} {
		require.Equal(t, ok, pushedAs(file, "order.paid") == "", file)
	}
	require.Contains(t, pushedAs("next.json", "order.paid"), "call it order.paid.json")
}
