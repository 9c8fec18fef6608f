package main

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// printable writes what a terminal would obey or hide as an escape: events,
// files and services say what they like, and none of it may clear a screen, set
// a title, or turn a line around.
func printable(s string) string {
	clean := true
	for _, r := range s {
		if !strconv.IsPrint(r) || r == utf8.RuneError {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// tidy is a writer for a person, which keeps lines and makes the rest printable.
// A text that comes in pieces has to be cut between its runes.
type tidy struct{ io.Writer }

func (t tidy) Write(p []byte) (int, error) {
	lines := strings.Split(string(p), "\n")
	for i := range lines {
		lines[i] = printable(lines[i])
	}
	if _, err := io.WriteString(t.Writer, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(p), nil
}
