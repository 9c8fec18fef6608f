package route

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Problem is one thing that is wrong with a configuration, and where.
type Problem struct {
	File    string
	Line    int // from 1; 0 if the file as a whole is meant
	Column  int
	Path    string // routes[0].targets[1].port
	Message string // what is wrong and what would be right
}

func (p Problem) String() string {
	text := p.File
	if p.Line > 0 {
		text += ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
	}
	text += ": "
	if p.Path != "" {
		text += p.Path + " "
	}
	return text + p.Message
}

// Invalid is the error of a configuration that cannot be used. It names all
// problems, not only the first.
type Invalid struct {
	Problems []Problem
}

// Error gives each problem a line of its own.
func (e *Invalid) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// maxSize of a configuration. The largest that routes every group of the
// largest account is far below it.
const maxSize = 256 << 10

// document reads the syntax tree of a file. It walks the tree itself instead
// of letting reflection fill structs, so that every problem can name its place.
type document struct {
	file     string
	anchors  map[string]ast.Node
	problems []Problem
}

// place is a node and its path.
type place struct {
	node ast.Node
	path string
}

// parseDocument reads the one document of a file.
func parseDocument(file string, data []byte) (d *document, root place, err error) {
	d = &document{file: file, anchors: map[string]ast.Node{}}
	defer func() {
		// The parser is somebody else's and the file may be anything.
		if r := recover(); r != nil {
			err = &Invalid{Problems: []Problem{{File: file, Message: fmt.Sprintf("is not valid YAML: %v", r)}}}
		}
	}()
	if len(data) > maxSize {
		return nil, place{}, &Invalid{Problems: []Problem{{File: file, Message: fmt.Sprintf("has %d bytes, more than %d", len(data), maxSize)}}}
	}
	if p, tangled := tangle(data); tangled {
		p.File = file
		return nil, place{}, &Invalid{Problems: []Problem{p}}
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		p := Problem{File: file, Message: "is not valid YAML: " + firstLine(err.Error())}
		var located interface {
			GetToken() *token.Token
			GetMessage() string
		}
		if errors.As(err, &located) {
			p.Message = "is not valid YAML: " + located.GetMessage()
			if t := located.GetToken(); t != nil && t.Position != nil {
				p.Line, p.Column = t.Position.Line, t.Position.Column
			}
		}
		return nil, place{}, &Invalid{Problems: []Problem{p}}
	}
	for _, document := range tree.Docs {
		if document.Body == nil {
			continue
		}
		if root.node != nil {
			d.report(place{node: document.Body}, "a second document begins here: there must be one")
			return nil, place{}, d.err()
		}
		root.node = document.Body
	}
	if root.node == nil {
		return nil, place{}, &Invalid{Problems: []Problem{{File: file, Message: "is empty: it must have version and routes"}}}
	}
	return d, root, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func (d *document) report(p place, format string, args ...any) {
	problem := Problem{File: d.file, Path: p.path, Message: fmt.Sprintf(format, args...)}
	problem.Line, problem.Column = position(p.node)
	d.problems = append(d.problems, problem)
}

// position is where a node begins. The token of a mapping in block style is
// the colon after its first key, which is not where a reader looks.
func position(n ast.Node) (line, column int) {
	if n == nil {
		return 0, 0
	}
	t := n.GetToken()
	if values, ok := entries(n); ok && len(values) > 0 && (t == nil || t.Value != "{") {
		t = values[0].Key.GetToken()
	}
	if t == nil || t.Position == nil {
		return 0, 0
	}
	return t.Position.Line, t.Position.Column
}

// err is nil if nothing was reported.
func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return &Invalid{Problems: d.problems}
}

// resolve follows anchors and aliases, and takes a null for what is absent.
func (d *document) resolve(p place) place {
	for range 8 {
		switch n := p.node.(type) {
		case *ast.AnchorNode:
			d.anchors[n.Name.String()] = n.Value
			p.node = n.Value
		case *ast.AliasNode:
			target, known := d.anchors[n.Value.String()]
			if !known {
				d.report(p, "refers to *%s, which is not defined before", n.Value.String())
				return place{path: p.path}
			}
			p.node = target
		case *ast.NullNode:
			return place{path: p.path}
		default:
			return p
		}
	}
	return p
}

// fields reads a mapping, and reports keys that are not known.
func (d *document) fields(p place, known ...string) map[string]place {
	p = d.resolve(p)
	found := map[string]place{}
	if p.node == nil {
		return found
	}
	values, ok := entries(p.node)
	if !ok {
		d.report(p, "must be a mapping with the keys %s", strings.Join(known, ", "))
		return found
	}
	for _, entry := range values {
		key := keyText(entry.Key)
		at := place{node: entry.Key, path: p.path}
		switch {
		case !slices.Contains(known, key):
			hint := didYouMean(key, known)
			if hint == "" {
				hint = ": there are " + strings.Join(known, ", ")
			}
			d.report(at, "has an unknown key %q%s", key, hint)
		case found[key].node != nil:
			d.report(at, "has the key %q twice", key)
		default:
			found[key] = d.resolve(place{node: entry.Value, path: joinPath(p.path, key)})
		}
	}
	return found
}

func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.String()
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// list reads a sequence.
func (d *document) list(p place) []place {
	if p.node == nil {
		return nil
	}
	sequence, ok := p.node.(*ast.SequenceNode)
	if !ok {
		d.report(p, "must be a list")
		return nil
	}
	places := make([]place, len(sequence.Values))
	for i, n := range sequence.Values {
		places[i] = d.resolve(place{node: n, path: p.path + "[" + strconv.Itoa(i) + "]"})
	}
	return places
}

// text reads a string. A number is none: quoting shows that it is meant.
func (d *document) text(p place) string {
	switch n := p.node.(type) {
	case nil:
		return ""
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n")
	}
	d.report(p, "must be text, is %s: put it in quotes if it is meant so", p.node.String())
	return ""
}

// oneOf reads a string out of a few.
func (d *document) oneOf(p place, absent string, allowed ...string) string {
	if p.node == nil {
		return absent
	}
	before := len(d.problems)
	text := d.text(p)
	if len(d.problems) == before && !slices.Contains(allowed, text) {
		d.report(p, "must be %s, is %q%s", strings.Join(allowed, " or "), text, didYouMean(text, allowed))
	}
	return text
}

// whole reads an integer within bounds.
func (d *document) whole(p place, low, high, absent int) int {
	if p.node == nil {
		return absent
	}
	written, isNumber := p.node.(*ast.IntegerNode)
	if !isNumber {
		d.report(p, "must be a whole number from %d to %d, is %s", low, high, p.node.String())
		return absent
	}
	n, err := strconv.Atoi(written.Token.Value)
	if err != nil || n < low || n > high {
		d.report(p, "must be from %d to %d, is %s", low, high, written.Token.Value)
	}
	return n
}

// yes reads a boolean.
func (d *document) yes(p place) bool {
	if p.node == nil {
		return false
	}
	b, ok := p.node.(*ast.BoolNode)
	if !ok {
		d.report(p, "must be true or false, is %s", p.node.String())
		return false
	}
	return b.Value
}

// duration reads a duration in the notation of Go.
func (d *document) duration(p place, low, high, absent time.Duration) time.Duration {
	if p.node == nil {
		return absent
	}
	text := p.node.GetToken().Value
	span, err := time.ParseDuration(text)
	switch {
	case err != nil:
		d.report(p, "must be a duration with its unit, for example 90s, 5m or 360h, is %q", text)
	case span < low || span > high:
		d.report(p, "must be from %v to %v, is %v", low, high, span)
	}
	return span
}

// id reads an id that goes into a request.
func (d *document) id(p place, example string) string {
	if p.node == nil {
		return ""
	}
	before := len(d.problems)
	text := d.text(p)
	if len(d.problems) == before && !validID(text) {
		d.report(p, "must be an id such as %s, is %q", example, text)
	}
	return text
}
