package artifact_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"testing"

	"slb-registrar/functions/internal/artifact"
)

const root = "../../.."

func TestBinariesAreSmallAndTheSameBytesTwice(t *testing.T) {
	for _, f := range artifact.Functions {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			var digests [2][32]byte
			for i := range digests {
				path := filepath.Join(t.TempDir(), f.Binary)
				if err := f.Build(t.Context(), root, "v1.2.3", path); err != nil {
					t.Fatal(err)
				}
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				digests[i] = sha256.Sum256(raw)
				if size := int64(len(raw)); size > f.Limit {
					t.Errorf("the binary has %d bytes, want at most %d: is something linked that keeps the linker from dropping unused methods?", size, f.Limit)
				}
				if !bytes.Contains(raw, []byte("v1.2.3")) {
					t.Error("the version is not stamped")
				}
				if directory, err := filepath.Abs(root); err != nil || bytes.Contains(raw, []byte(directory)) {
					t.Errorf("the binary knows the directory it was built in, %v", err)
				}
			}
			if digests[0] != digests[1] {
				t.Error("two builds differ")
			}
		})
	}
}

func TestZipsAreTheSameBytesWhenever(t *testing.T) {
	path := filepath.Join(t.TempDir(), "main")
	if err := os.WriteFile(path, []byte("binary"), 0o600); err != nil {
		t.Fatal(err)
	}
	pack := func() []byte {
		var out bytes.Buffer
		err := artifact.Pack(&out, artifact.File{Name: "main", Path: path, Mode: 0o755}, artifact.File{Name: "registrar.yaml", Path: path, Mode: 0o644})
		if err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	first := pack()
	if err := os.Chmod(path, 0o640); err != nil { // another mode, another time
		t.Fatal(err)
	}
	if !bytes.Equal(first, pack()) {
		t.Error("two zips differ")
	}
	archive, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	entry := archive.File[0]
	if entry.Name != "main" || entry.Mode() != 0o755 {
		t.Errorf("%s has mode %v", entry.Name, entry.Mode())
	}
	content, err := entry.Open()
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(content); err != nil || string(raw) != "binary" {
		t.Errorf("content %q, %v", raw, err)
	}
}

func TestWhatIsNotThereIsAnError(t *testing.T) {
	if err := artifact.Pack(io.Discard, artifact.File{Name: "main", Path: "absent"}); err == nil {
		t.Error("packed a file that is not there")
	}
	if err := (artifact.Function{Name: "none", Package: "./functions/none", Arch: "amd64"}).Build(t.Context(), root, "v0", filepath.Join(t.TempDir(), "x")); err == nil {
		t.Error("built a package that is not there")
	}
}
