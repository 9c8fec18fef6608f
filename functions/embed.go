// Package functions holds what is common to the deployable functions: the
// sample of their configuration. Each function is a package below.
package functions

import _ "embed"

// Sample is functions/registrar.yaml: a configuration in which every route that
// the sample events need is there. The command line falls back to it, so that a
// first try needs no file; the function binaries do not link it.
//
//go:embed registrar.yaml
var Sample []byte
