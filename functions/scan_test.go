package functions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources parses the Go files of this module that a function binary is linked
// from, so that a test can ask them what the binary does.
func sources(t *testing.T, binary string) []*ast.File {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", "-f", `{{if not .Standard}}{{with .Module}}{{if .Main}}{{range $.GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}{{end}}{{end}}{{end}}`, binary)
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var files []*ast.File
	set := token.NewFileSet()
	for _, path := range strings.Fields(string(out)) {
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		t.Fatalf("%s is built from nothing", binary)
	}
	return files
}

// selectors calls see for every name of an imported package that a file uses.
func selectors(files []*ast.File, see func(path, name string)) {
	for _, file := range files {
		imported := map[string]string{}
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value) // it parsed
			name := filepath.Base(path)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			imported[name] = path
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && imported[x.Name] != "" {
					see(imported[x.Name], s.Sel.Name)
				}
			}
			return true
		})
	}
}

var (
	alibabaRequest = regexp.MustCompile(`^Create(\w+)Request$`)
	amazonInput    = regexp.MustCompile(`^(\w+)Input$`)
)

// ramActions are the actions of Alibaba Cloud that the binary can call: one for
// each request of the SDK that its code makes.
func ramActions(t *testing.T, binary string) []string {
	t.Helper()
	return actions(sources(t, binary), "github.com/aliyun/alibaba-cloud-sdk-go/services/", alibabaRequest)
}

// iamActions are the actions of AWS that the binary can call: one for each input
// of a client that its code fills in.
func iamActions(t *testing.T, binary string) []string {
	t.Helper()
	return actions(sources(t, binary), "github.com/aws/aws-sdk-go-v2/service/", amazonInput)
}

func actions(files []*ast.File, prefix string, request *regexp.Regexp) []string {
	var found []string
	selectors(files, func(path, name string) {
		service, ok := strings.CutPrefix(path, prefix)
		if m := request.FindStringSubmatch(name); ok && m != nil {
			found = append(found, service+":"+m[1])
		}
	})
	slices.Sort(found)
	return slices.Compact(found)
}

var variable = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`)

// environmentRead are the strings in the binary's code that look like names of
// environment variables.
func environmentRead(t *testing.T, binary string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range sources(t, binary) {
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && variable.MatchString(text) {
					names[text] = true
				}
			}
			return true
		})
	}
	return names
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
