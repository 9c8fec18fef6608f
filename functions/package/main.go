// Command package builds the zips that are deployed, into dist/, and prints
// what they weigh and their digests. Run by `make package`.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"text/tabwriter"

	"slb-registrar/functions/internal/artifact"
	"slb-registrar/shared/route"
)

func main() {
	version := flag.String("version", "devel", "stamped into the binaries")
	config := flag.String("config", filepath.Join("functions", "registrar.yaml"), "the routes, packed beside the binary as registrar.yaml")
	out := flag.String("out", "dist", "where the zips go")
	flag.Parse()
	if err := run(*version, *config, *out); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(version, config, out string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, err := route.Load(config); err != nil {
		return err // a function with it would not start
	}
	if _, err := os.Stat("go.mod"); err != nil {
		return fmt.Errorf("run it from the root of the module: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "binary MiB\tzip MiB\tSHA-256 of the zip\tzip\t")
	for _, f := range artifact.Functions {
		row, err := pack(ctx, f, version, config, out)
		if err != nil {
			return err
		}
		fmt.Fprintln(table, row)
	}
	return table.Flush()
}

func pack(ctx context.Context, f artifact.Function, version, config, out string) (string, error) {
	dir, err := os.MkdirTemp("", "slb-registrar-package")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, f.Binary)
	if err := f.Build(ctx, ".", version, binary); err != nil {
		return "", err
	}
	path := filepath.Join(out, f.Zip())
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	err = artifact.Pack(file,
		artifact.File{Name: f.Binary, Path: binary, Mode: 0o755},
		artifact.File{Name: "registrar.yaml", Path: config, Mode: 0o644})
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(raw)
	return fmt.Sprintf("%.1f\t%.1f\t%s\t%s\t", mebibytes(info.Size()), mebibytes(int64(len(raw))), hex.EncodeToString(digest[:]), path), nil
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
