// Package functions_test checks what is deployed: the files that describe the
// functions against the code that they deploy, and the built binaries against
// their platforms' runtime APIs.
package functions_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// root is the directory of go.mod, seen from here.
const root = ".."

// asJSON reads a YAML file of the root the way the tool that owns it does, with
// aliases and merge keys resolved and short forms of CloudFormation functions
// written out.
func asJSON(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if strings.Contains(string(raw), "AWSTemplateFormatVersion") {
		file, err := parser.ParseBytes(raw, 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		value = plain(t, file.Docs[0].Body)
	} else if err := yaml.Unmarshal(raw, &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// plain turns a template's node into plain values.
func plain(t *testing.T, node ast.Node) any {
	t.Helper()
	switch n := node.(type) {
	case *ast.TagNode:
		name := strings.TrimPrefix(n.Start.Value, "!")
		value := plain(t, n.Value)
		switch name {
		case "Ref", "Condition":
			return map[string]any{name: value}
		case "GetAtt":
			return map[string]any{"Fn::GetAtt": strings.SplitN(value.(string), ".", 2)}
		case "Sub", "If", "Not", "Equals":
			return map[string]any{"Fn::" + name: value}
		}
		t.Fatalf("line %d: the function !%s is not known here", n.Start.Position.Line, name)
	case *ast.MappingNode:
		m := map[string]any{}
		for _, pair := range n.Values {
			m[keyOf(pair)] = plain(t, pair.Value)
		}
		return m
	case *ast.MappingValueNode:
		return map[string]any{keyOf(n): plain(t, n.Value)}
	case *ast.SequenceNode:
		list := []any{}
		for _, item := range n.Values {
			list = append(list, plain(t, item))
		}
		return list
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.NullNode:
		return nil
	case ast.ScalarNode:
		return n.GetValue()
	}
	t.Fatalf("a %T is not known here", node)
	return nil
}

func keyOf(pair *ast.MappingValueNode) string { return pair.Key.GetToken().Value }

// strictly decodes JSON and refuses keys that nobody asked for, or in another
// case: the tools that own the files ignore a misspelled key, and its meaning
// with it.
func strictly(t *testing.T, what string, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	known(t, what, value, reflect.TypeOf(into).Elem())
}

// known checks that every key of a value is a field of its type.
func known(t *testing.T, path string, value any, kind reflect.Type) {
	t.Helper()
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch v := value.(type) {
	case []any:
		if kind.Kind() == reflect.Slice {
			for _, item := range v {
				known(t, path, item, kind.Elem())
			}
		}
	case map[string]any:
		for key, child := range v {
			switch kind.Kind() {
			case reflect.Map:
				known(t, path+"."+key, child, kind.Elem())
			case reflect.Struct:
				i := slices.IndexFunc(reflect.VisibleFields(kind), func(f reflect.StructField) bool {
					name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
					return key == name || name == "" && key == f.Name
				})
				if i < 0 {
					t.Errorf("%s: the key %s is not known", path, key)
					continue
				}
				known(t, path+"."+key, child, reflect.VisibleFields(kind)[i].Type)
			}
		}
	}
}

// schema compiles a schema that the vendors publish. It lies beside the
// checkout; where it does not, ok is false and the strict types have to do.
func schema(t *testing.T, file, fragment string, change func(map[string]any)) (compiled *jsonschema.Schema, ok bool) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "..", "shared", "schemas", file))
	if err != nil {
		t.Logf("without its published schema: %v", err)
		return nil, false
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(value.(map[string]any))
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(file, value); err != nil {
		t.Fatal(err)
	}
	compiled, err = compiler.Compile(file + fragment)
	if err != nil {
		t.Fatal(err)
	}
	return compiled, true
}

func validate(t *testing.T, what string, against *jsonschema.Schema, raw []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := against.Validate(value); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
