package event_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

const eventsDir = "../../events"

// samples are the files under events/ with a folder of their own, by source.
func samples(t testing.TB) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(eventsDir, "*", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples in %s (%v)", eventsDir, err)
	}
	bySource := map[string][]string{}
	for _, file := range files {
		source := filepath.Base(filepath.Dir(file))
		bySource[source] = append(bySource[source], file)
	}
	return bySource
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func decode(t testing.TB, raw []byte) []event.Message {
	t.Helper()
	messages, err := event.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func TestEverySampleDecodesAsRecorded(t *testing.T) {
	for source, files := range samples(t) {
		for _, file := range files {
			t.Run(source+"/"+filepath.Base(file), func(t *testing.T) {
				messages := decode(t, read(t, file))
				for _, m := range messages {
					if m.Source != source {
						t.Errorf("the source of message %d is %q, but its folder is %q", m.Position, m.Source, source)
					}
					if m.Err != nil {
						t.Errorf("message %d: %v", m.Position, m.Err)
					}
				}
				got, err := json.MarshalIndent(messages, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, '\n')
				golden := filepath.Join("testdata", "golden", source, filepath.Base(file)+".golden")
				if *update {
					if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if diff := cmp.Diff(string(read(t, golden)), string(got)); diff != "" {
					t.Errorf("decoding differs from %s (-recorded +now; -update records it):\n%s", golden, diff)
				}
			})
		}
	}
}

func TestEveryGoldenFileHasItsSample(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source := filepath.Base(filepath.Dir(file))
		sample := filepath.Join(eventsDir, source, strings.TrimSuffix(filepath.Base(file), ".golden"))
		if _, err := os.Stat(sample); err != nil {
			t.Errorf("%s is the record of a sample that is gone", file)
		}
	}
}

func TestTheTableOfSamplesIsComplete(t *testing.T) {
	table := string(read(t, filepath.Join(eventsDir, "README.md")))
	for source, files := range samples(t) {
		for _, file := range files {
			if name := source + "/" + filepath.Base(file); !strings.Contains(table, "("+name+")") {
				t.Errorf("events/README.md has no row for %s", name)
			}
		}
	}
}
