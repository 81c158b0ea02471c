// Command summary reads the output of `go test -json` and says what a person
// wants to know: how each package fared, what failed and why, and which tests
// did not run for what reason. Its exit status is 1 when something failed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	failed, err := summarise(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

// event is one line of `go test -json` (`go doc test2json`).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Output     string
}

type tally struct {
	output                  map[string][]string // by package and test
	skipped                 []string            // test and reason
	passed, failed, skips   int
	packages, brokenPackage int
}

func summarise(in io.Reader, out io.Writer) (failed bool, err error) {
	t := &tally{output: map[string][]string{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			// Not from a test: what the go command itself had to say.
			fmt.Fprintln(out, lines.Text())
			continue
		}
		t.take(e, out)
	}
	t.report(out)
	return t.failed+t.brokenPackage > 0, lines.Err()
}

func (t *tally) take(e event, out io.Writer) {
	key := e.Package + "\x00" + e.Test
	switch e.Action {
	case "output":
		t.output[key] = append(t.output[key], e.Output)
		return
	case "build-output":
		fmt.Fprint(out, e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	if e.Test == "" {
		t.packageDone(e, t.output[key], out)
	} else {
		t.testDone(e, t.output[key], out)
	}
	delete(t.output, key)
}

func (t *tally) packageDone(e event, output []string, out io.Writer) {
	t.packages++
	if e.Action == "fail" {
		t.brokenPackage++
		fmt.Fprint(out, strings.Join(output, ""))
		return
	}
	for _, line := range output {
		if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ") {
			fmt.Fprint(out, line)
		}
	}
}

func (t *tally) testDone(e event, output []string, out io.Writer) {
	switch e.Action {
	case "pass":
		t.passed++
	case "skip":
		t.skips++
		t.skipped = append(t.skipped, e.Package+" "+e.Test+": "+reason(output))
	case "fail":
		t.failed++
		fmt.Fprint(out, strings.Join(output, ""))
	}
}

// reason is what a skipped test said, without the lines of the test runner.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

func (t *tally) report(out io.Writer) {
	if len(t.skipped) > 0 {
		fmt.Fprintln(out, "\nNot run:")
		for _, line := range t.skipped {
			fmt.Fprintln(out, "  "+line)
		}
	}
	fmt.Fprintf(out, "\n%d packages, %d tests passed, %d failed, %d skipped", t.packages, t.passed, t.failed, t.skips)
	if t.brokenPackage > 0 {
		fmt.Fprintf(out, "; %d packages FAILED", t.brokenPackage)
	}
	fmt.Fprintln(out)
}
