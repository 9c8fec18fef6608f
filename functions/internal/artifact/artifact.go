// Package artifact builds what is deployed: for each function a zip with the
// binary and the config, the same bytes from the same sources on any machine.
//
// Reproducible means: no path of the build machine (-trimpath), no state of the
// checkout but the stamped version (-buildvcs=false), no C toolchain
// (CGO_ENABLED=0), and zips whose entries have a fixed order, time and mode.
// What still decides is the Go toolchain; go.mod names the least version.
package artifact

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Function is one deployable.
type Function struct {
	Name    string // of the zip: slb-registrar-Name.zip
	Package string // relative to the root of the module
	Binary  string // the name that the platform looks for
	OS      string // linux if empty
	Arch    string
	Tags    string
	Flags   []string // for go build, besides those that every build has
	// Limit is what the stripped binary may weigh, in bytes.
	Limit int64
}

// Functions are all that there are. Without lambda.norpc the runtime module
// keeps net/rpc, whose use of reflection keeps the linker from dropping any
// exported method of anything, and the AWS clients alone double the binary.
var Functions = []Function{
	{Name: "fc-linux-amd64", Package: "./functions/fc", Binary: "main", Arch: "amd64", Limit: 12_000_000},
	{Name: "lambda-linux-amd64", Package: "./functions/lambda", Binary: "bootstrap", Arch: "amd64", Tags: "lambda.norpc", Limit: 16_000_000},
	{Name: "lambda-linux-arm64", Package: "./functions/lambda", Binary: "bootstrap", Arch: "arm64", Tags: "lambda.norpc", Limit: 16_000_000},
}

// Zip is the file name of the function's zip.
func (f Function) Zip() string { return "slb-registrar-" + f.Name + ".zip" }

// Build compiles the function and writes the binary to path. root is the
// directory of go.mod.
func (f Function) Build(ctx context.Context, root, version, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	system := f.OS
	if system == "" {
		system = "linux"
	}
	arguments := append([]string{"build", "-trimpath", "-buildvcs=false", "-tags", f.Tags, "-ldflags", "-s -w -X main.version=" + version, "-o", path}, f.Flags...)
	build := exec.CommandContext(ctx, "go", append(arguments, f.Package)...)
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+f.Arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", f.Name, err, out)
	}
	return nil
}

// File is an entry of a zip.
type File struct {
	Name string
	Path string // where its content is
	Mode os.FileMode
}

// Pack writes the files to a zip in the order given.
func Pack(w io.Writer, files ...File) error {
	archive := zip.NewWriter(w)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.Name, Method: zip.Deflate,
			Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)} // the first that a zip can say
		header.SetMode(f.Mode)
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if err := copyFile(entry, f.Path); err != nil {
			return err
		}
	}
	return archive.Close()
}

func copyFile(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	_ = file.Close()
	return err
}
