package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"
)

// logBook is everything the binaries print, each line after the name of its
// process.
type logBook struct {
	path string
	mu   sync.Mutex
	file *os.File
	size int64
}

func newLogBook(dir, keep string) (*logBook, error) {
	if keep == "" {
		keep = filepath.Join(dir, "chaos.log")
	}
	f, err := os.Create(keep)
	return &logBook{path: keep, file: f}, err
}

func (l *logBook) close() { _ = l.file.Close() }

// of is the output of a process. What it prints comes in pieces, and only whole
// lines are written down, so that processes do not mix.
func (l *logBook) of(gen *generation) io.Writer { return &logWriter{book: l, name: gen.String() + " "} }

type logWriter struct {
	book *logBook
	name string
	rest []byte
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.book.mu.Lock()
	defer w.book.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		n, err := w.book.file.Write(append([]byte(w.name), w.rest[:i+1]...))
		w.book.size += int64(n)
		if err != nil {
			return 0, err
		}
		w.rest = w.rest[i+1:]
	}
}

// leaks looks for secrets, security tokens, signatures and signed addresses in
// all that was printed.
func (l *logBook) leaks(keys []accessKey, signatures map[string]bool) []violation {
	f, err := os.Open(l.path)
	if err != nil {
		return []violation{{"the logs cannot be read", err.Error()}}
	}
	defer func() { _ = f.Close() }()
	secrets := [][]byte{[]byte("Signature=")}
	for _, k := range keys {
		for _, s := range []string{k.secret, k.token} {
			if s != "" {
				secrets = append(secrets, []byte(s), []byte(url.QueryEscape(s)))
			}
		}
	}
	var out []violation
	lines := bufio.NewReaderSize(f, 1<<20)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if leaked := leak(line, secrets, signatures); leaked != "" {
			out = append(out, violation{"a secret was printed", fmt.Sprintf("line %d holds %s", number, leaked)})
		}
		if err != nil {
			return out
		}
	}
}

// leak names what a line must not hold, without repeating it.
func leak(line []byte, secrets [][]byte, signatures map[string]bool) string {
	for i, s := range secrets {
		if bytes.Contains(line, s) {
			return fmt.Sprintf("secret number %d", i)
		}
	}
	for _, word := range bytes.FieldsFunc(line, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' && c != '/' && c != '=' && c != '%'
	}) {
		if len(word) >= 27 && signatures[string(word)] {
			return "the signature of a call"
		}
	}
	return ""
}
