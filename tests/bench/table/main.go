// Command table reads the output of `go test -bench`, passes it on, and ends
// with one table: what was measured beside what it must be and what we aim at.
// Its exit status is 1 when a benchmark failed, never because of a number: they
// depend on the machine and are for people to judge.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	failed, err := run(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
	}
	if failed || err != nil {
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) (failed bool, err error) {
	measured := map[string]float64{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		failed = failed || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL")
		if !take(line, measured) {
			fmt.Fprintln(out, line)
			continue
		}
		name, _, _ := strings.Cut(line, "\t")
		fmt.Fprintln(out, "measured", strings.TrimSpace(name))
	}
	if err := lines.Err(); err != nil {
		return failed, err
	}
	return failed, print(out, measured)
}

// take reads a benchmark's line into measured, by "name unit", and reports
// whether it was one.
func take(line string, measured map[string]float64) bool {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") || len(fields)%2 != 0 {
		return false
	}
	name := strings.TrimPrefix(fields[0], "Benchmark")
	if at := strings.LastIndexByte(name, '-'); at > 0 {
		name = name[:at] // the number of cores
	}
	for i := 2; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return false
		}
		measured[name+" "+fields[i+1]] = v
	}
	return true
}

func print(out io.Writer, measured map[string]float64) error {
	fmt.Fprintln(out, "\nMedians of rounds in which the contenders took turns; the quartiles of the rounds in brackets.")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nwhat\tmust\taim\tmeasured\t\t")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.what, r.bound(r.must), r.bound(r.aim), r.result(measured))
	}
	return w.Flush()
}
