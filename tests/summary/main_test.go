package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func run(t *testing.T, lines ...string) (string, bool) {
	t.Helper()
	var out strings.Builder
	failed, err := summarise(strings.NewReader(strings.Join(lines, "\n")), &out)
	require.NoError(t, err)
	return out.String(), failed
}

func TestASkippedTestIsNamedWithItsReason(t *testing.T) {
	out, failed := run(t,
		`{"Action":"run","Package":"p","Test":"TestA"}`,
		`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
		`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: no PostgreSQL here\n"}`,
		`{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}`,
		`{"Action":"skip","Package":"p","Test":"TestA"}`,
		`{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}`,
		`{"Action":"pass","Package":"p"}`,
	)
	require.False(t, failed)
	require.Contains(t, out, "p TestA: a_test.go:7: no PostgreSQL here")
	require.Contains(t, out, "ok  \tp\t0.1s")
	require.Contains(t, out, "1 packages, 0 tests passed, 0 failed, 1 skipped")
}

func TestAFailureShowsItsOutputAndThePassingTestsAreSilent(t *testing.T) {
	out, failed := run(t,
		`{"Action":"output","Package":"p","Test":"TestGood","Output":"noise\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestGood"}`,
		`{"Action":"output","Package":"p","Test":"TestBad","Output":"    a_test.go:9: 1 is not 2\n"}`,
		`{"Action":"fail","Package":"p","Test":"TestBad"}`,
		`{"Action":"output","Package":"p","Output":"FAIL\n"}`,
		`{"Action":"fail","Package":"p"}`,
	)
	require.True(t, failed)
	require.Contains(t, out, "1 is not 2")
	require.NotContains(t, out, "noise")
}

func TestAPackageThatDoesNotBuildFails(t *testing.T) {
	out, failed := run(t,
		`{"ImportPath":"p","Action":"build-output","Output":"a.go:1: undefined: x\n"}`,
		`{"ImportPath":"p","Action":"build-fail"}`,
		`{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}`,
		`{"Action":"fail","Package":"p"}`,
	)
	require.True(t, failed)
	require.Contains(t, out, "undefined: x")
	require.Contains(t, out, "build failed")
}

func TestWhatTheGoCommandSaysItselfIsPassedOn(t *testing.T) {
	out, _ := run(t, "go: downloading example.org/x v1.0.0")
	require.Contains(t, out, "downloading example.org/x")
}
