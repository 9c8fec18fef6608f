package route

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAHostileFileIsRefusedInTime(t *testing.T) {
	const big = 40_000
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		from, to := string(rune('0'+i)), string(rune('1'+i))
		bomb += "a" + to + ": &a" + to + " [" + strings.TrimSuffix(strings.Repeat("*a"+from+",", 9), ",") + "]\n"
	}
	for name, text := range map[string]string{
		"deep lists":      "version: 1\nroutes: " + strings.Repeat("[", big) + strings.Repeat("]", big),
		"deep and open":   strings.Repeat("[", big),
		"deep mappings":   strings.Repeat("{a: ", big) + "1" + strings.Repeat("}", big),
		"deep dashes":     strings.Repeat("- ", big) + "1",
		"deep keys":       strings.Repeat("? ", big) + "1",
		"deep tags":       strings.Repeat("!!str ", big/2) + "1",
		"deep anchors":    strings.Repeat("&a ", big/2) + "1",
		"bomb of aliases": bomb,
		"many documents":  strings.Repeat("---\n", big),
		"many keys":       strings.Repeat("a: 1\n", big/5),
		"many routes":     "version: 1\nroutes:\n" + strings.Repeat("- x\n", big/4),
		"a long line":     "version: " + strings.Repeat("1", big),
		"NULs":            strings.Repeat("\x00", big),
		"no text":         strings.Repeat("\xff\xfe", big/2),
		"open quotes":     strings.Repeat(`"`, big+1),
		"tabs":            strings.Repeat("\t", big),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			if _, err := Parse("f", []byte(text)); err == nil {
				t.Error("it was accepted")
			}
			// The slowest takes a fraction of a second; a parser that is led astray
			// takes minutes.
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAPathThatNamesNoConfigurationIsRefused(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, []byte(strings.Repeat("# a comment\n", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{
		"a directory":         dir,
		"nothing":             filepath.Join(dir, "missing.yaml"),
		"a file as directory": filepath.Join(large, "registrar.yaml"),
		"a NUL":               dir + "\x00registrar.yaml",
		"a long name":         filepath.Join(dir, strings.Repeat("a", 1<<16)),
		"no name":             "",
		"a large file":        large,
	}
	if _, err := os.Stat("/dev/zero"); err == nil {
		paths["what has no end"] = "/dev/zero"
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			var invalid *Invalid
			if _, err := Load(path); !errors.As(err, &invalid) || invalid.Problems[0].Message == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}
