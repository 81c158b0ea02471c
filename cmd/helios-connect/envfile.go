package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// checkEnvFiles reads the files of settings that the arguments name, as -e FILE,
// before Redpanda Connect does: at a line that it can't read it leaves the rest of the
// file out and says nothing, so that Helios would run with other settings than those
// that were written down. A file that isn't there, or isn't a plain one that can be
// read twice, is left to it.
func checkEnvFiles(args []string) error {
	for i, arg := range args {
		if arg == "--" {
			return nil
		}
		flag, pattern, joined := strings.Cut(arg, "=")
		switch flag {
		case "-e", "--e", "-env-file", "--env-file":
		default:
			continue
		}
		if !joined {
			if i+1 == len(args) {
				return nil
			}
			pattern = args[i+1]
		}
		paths, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		for _, path := range paths {
			if err := checkEnvFile(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkEnvFile(path string) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	if n, name := unreadableLine(string(text)); n > 0 {
		return fmt.Errorf("%s, line %d (%s): the form is NAME=value, from the first column on; a value with a space or a # stands in double quotes, in which \\\" is one", path, n, name)
	}
	return nil
}

var (
	settingName = regexp.MustCompile(`^[^= \r#]+`)
	// A comment behind a bare value begins behind a blank: without one the # was
	// meant to be part of the value, which would end there.
	settingLine = regexp.MustCompile(`^(?:[ \t]*(?:#.*)?|[^= #]+[ \t]*=[ \t]*(?:"(?:[^"\\]|\\.)*"[ \t]*(?:#.*)?|(?:[^# \t"][^# ]*)?(?:[ \t]+(?:#.*)?)?))$`)
	tripleQuote = regexp.MustCompile(`^[^= #]+[ \t]*=[ \t]*"""`)
)

// unreadableLine finds the first line, from 1, that is no setting, and its name. It
// never tells the value, which may be a secret.
func unreadableLine(text string) (line int, name string) {
	quoted := false
	for one := range strings.Lines(text) {
		line++
		one = strings.TrimRight(one, "\r\n")
		rest := one
		if !quoted {
			name = cmp.Or(settingName.FindString(one), "without a name")
			if tripleQuote.MatchString(one) {
				_, rest, _ = strings.Cut(one, `"""`)
				quoted = true
			}
		}
		if quoted {
			var closed bool
			if _, rest, closed = strings.Cut(rest, `"""`); !closed {
				continue
			}
			quoted, rest = false, `A=""`+rest // as if it were a value on one line
		}
		if !settingLine.MatchString(rest) {
			return line, name
		}
	}
	if quoted {
		return line, name // the quotes are never closed
	}
	return 0, ""
}
