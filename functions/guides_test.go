package functions_test

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	guides = map[string]string{"docs/deploy-function-compute.md": "./functions/fc", "docs/deploy-lambda.md": "./functions/lambda"}
	link   = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	quoted = regexp.MustCompile("`([a-z][a-z', ]+ [a-z' ]+ ?[a-z' ]*)(: …)?`")
	upper  = regexp.MustCompile("`(REGISTRAR_[A-Z_]+|LOG_LEVEL|AWS_[A-Z_]+)`")
)

// An operator searches the logs for what a guide quotes.
func TestGuidesQuoteOnlyWhatTheFunctionsSay(t *testing.T) {
	for guide, binary := range guides {
		var said []string
		for _, file := range sources(t, binary) {
			ast.Inspect(file, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					if text, err := strconv.Unquote(literal.Value); err == nil {
						said = append(said, text)
					}
				}
				return true
			})
		}
		text := string(readFile(t, guide))
		found := 0
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			phrase := m[1]
			if strings.HasPrefix(phrase, "make ") || strings.HasPrefix(phrase, "sam ") || strings.HasPrefix(phrase, "s ") {
				continue // a command
			}
			found++
			ok := false
			for _, s := range said {
				ok = ok || strings.HasPrefix(s, phrase)
			}
			if !ok {
				t.Errorf("%s quotes %q, which %s never says", guide, phrase, binary)
			}
		}
		if found < 5 {
			t.Errorf("%s quotes %d lines of the log", guide, found)
		}
		known := environmentRead(t, binary)
		for _, m := range upper.FindAllStringSubmatch(text, -1) {
			if !known[m[1]] && m[1] != "REGISTRAR_VPC" {
				t.Errorf("%s names %s, which %s never reads", guide, m[1], binary)
			}
		}
	}
}

func TestGuidesLinkToFilesThatAreThere(t *testing.T) {
	for guide := range guides {
		for _, m := range link.FindAllStringSubmatch(string(readFile(t, guide)), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(guide), m[1])); err != nil {
				t.Errorf("%s: %v", guide, err)
			}
		}
	}
}

func TestTheGuideNamesWhatTheFileNames(t *testing.T) {
	guide, file := string(readFile(t, "docs/deploy-function-compute.md")), string(readFile(t, "s.yaml"))
	for _, name := range []string{"slb-registrar-dead-letters", "slb-registrar-failed", "slb-registrar-trigger", "REGISTRAR_VSWITCH", "REGISTRAR_SECURITY_GROUP", "register-custom"} {
		if !strings.Contains(guide, name) || !strings.Contains(file, name) {
			t.Errorf("%s is not in both", name)
		}
	}
}
