package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALineThatWouldEndTheFileOfSettingsIsNamed(t *testing.T) {
	for _, good := range []string{
		"", "A=1", "A=1\r", "A=", "A = 1", "A=1 # why", `A="a b # c" # why`, `A="[{a: \"b c\"}]"`, "# why", "  # why", "  ", "A=[{a:b}]",
		"A=\"\"\"one\ntwo three\nfour\"\"\"", `A="""one two"""`, "A='x'",
	} {
		line, name := unreadableLine(good + "\nB=2\n")
		require.Zero(t, line, "%q: %s", good, name)
	}
	line, name := unreadableLine("A=\"\"\"one\ntwo\"\"\" three\nB=2\n")
	require.Equal(t, 2, line)
	require.Equal(t, "A", name)
	line, _ = unreadableLine("A=\"\"\"one\ntwo\nthree\n")
	require.Equal(t, 3, line)
	for _, bad := range []string{
		"A=[{types: [a], mode: tag}]", "A=a b", "A='x y'", `A="x y`, " A=1", "export A=1", "A", "A=pass#word", `A="x" y`, `A="x"y`, `A="""x"""y z`, `A="""x"""B=2`, "A=\t\"x\"y", `A="x`, "A=#1",
	} {
		line, _ := unreadableLine("# why\n" + bad + "\nB=2\n")
		require.Equal(t, 2, line, "%q", bad)
	}
}

func TestTheFilesOfSettingsAreCheckedWhereverTheyAreNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.env")
	require.NoError(t, os.WriteFile(path, []byte("HELIOS_DEDUPE=none\nHELIOS_KAFKA_SASL=[{mechanism: PLAIN, password: s3cret}]\n"), 0o600))
	for _, args := range [][]string{
		{"-e", path, "start"}, {"--env-file", path, "start"}, {"--env-file=" + path, "start"}, {"lint", "-e", path, "x.yaml"},
		{"-e", strings.Replace(path, "local", "lo*", 1), "start"},
	} {
		err := checkEnvFiles(args)
		require.ErrorContains(t, err, path+", line 2 (HELIOS_KAFKA_SASL): ", "%v", args)
		require.NotContains(t, err.Error(), "s3cret")
	}
	for _, args := range [][]string{{"start"}, {"-e"}, {"-e", path + ".absent", "start"}, {"publish", "--", "-e", path}} {
		require.NoError(t, checkEnvFiles(args), "%v", args)
	}
	require.NoError(t, checkEnvFiles([]string{"-e", "../../config/local.env.example", "start"}))
}
