package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is stamped by the linker; a plain `go run` has none.
var version = "devel"

type versionCommand struct{}

// Run prints what was built.
func (versionCommand) Run(std stdio) error {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	_, err := fmt.Fprintf(std.out, "slb-registrar %s, commit %s, %s\n", version, commit, runtime.Version())
	return err
}
