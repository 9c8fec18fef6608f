package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value is a piece of JSON that is known to be valid, and where it was found.
// It shares the bytes of the input: reading a field of a large batch copies
// nothing but that field. The zero value stands for what is absent; a JSON
// null is read as absent too, because no source means anything by it.
type value struct {
	raw  []byte
	path string
}

// field is one member of an object.
type field struct {
	name string
	raw  []byte
}

// object is a JSON object, one level deep.
type object struct {
	path   string
	fields []field
}

// skipped takes any JSON without looking at it, so that the decoder of the
// standard library checks the syntax and nothing is copied.
type skipped struct{}

func (*skipped) UnmarshalJSON([]byte) error { return nil }

// checkJSON returns why raw is no valid JSON, or nothing.
func checkJSON(raw []byte) (reason string, ok bool) {
	if deep(raw) {
		return "it is nested deeper than " + strconv.Itoa(maxNesting) + " levels", false
	}
	var skip skipped
	err := json.Unmarshal(raw, &skip)
	if err == nil {
		return "", true
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Error() + " at byte " + strconv.FormatInt(syntax.Offset, 10), false
	}
	return err.Error(), false
}

// deep reports whether brackets nest deeper than any event does. It runs
// before the syntax is checked, and so only counts.
func deep(raw []byte) bool {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = endOfString(raw, i) - 1
		case '{', '[':
			if depth++; depth > maxNesting {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// endOfString returns the index after the string that starts at i.
func endOfString(raw []byte, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// endOfValue returns the index after the value that starts at i in valid JSON.
func endOfValue(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			i = endOfString(raw, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				if depth < 0 {
					return i // the end of what surrounds a bare scalar
				}
				return i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

func afterSpace(raw []byte, i int) int {
	for i < len(raw) && strings.IndexByte(" \t\r\n", raw[i]) >= 0 {
		i++
	}
	return i
}

// kind is the first byte of the value, which says what it is; 0 if it is absent.
func (v value) kind() byte {
	if len(v.raw) == 0 {
		return 0
	}
	return v.raw[0]
}

func (v value) present() bool { return len(v.raw) > 0 }

// object reads the members of v. It fails if v is no object, or one with more
// members than any event has.
func (v value) object() (object, *Error) {
	o := object{path: v.path}
	if v.kind() != '{' {
		return o, malformed(v.path, "must be an object, is "+v.describe())
	}
	raw := v.raw
	for i := afterSpace(raw, 1); i < len(raw) && raw[i] != '}'; {
		end := endOfString(raw, i)
		name := unquote(raw[i:end])
		i = afterSpace(raw, afterSpace(raw, end)+1) // the colon
		end = endOfValue(raw, i)
		if len(o.fields) == maxFields {
			return o, &Error{Code: "TooManyFields", Path: v.path, Message: "has more than " + strconv.Itoa(maxFields) + " fields"}
		}
		o.fields = append(o.fields, field{name: name, raw: raw[i:end]})
		if i = afterSpace(raw, end); i < len(raw) && raw[i] == ',' {
			i = afterSpace(raw, i+1)
		}
	}
	return o, nil
}

// get finds a member: by its exact name, else whatever the case. The last one
// wins, as it does everywhere.
func (o object) get(name string) value {
	found := value{path: join(o.path, name)}
	exact := false
	for _, f := range o.fields {
		switch {
		case f.name == name:
			found.raw, exact = f.raw, true
		case !exact && len(f.name) == len(name) && strings.EqualFold(f.name, name):
			found.raw = f.raw
			found.path = join(o.path, f.name)
		}
	}
	if found.kind() == 'n' {
		found.raw = nil
	}
	return found
}

// has reports whether all the names are members and not null.
func (o object) has(names ...string) bool {
	for _, name := range names {
		if !o.get(name).present() {
			return false
		}
	}
	return true
}

// elements reads the elements of an array, at most limit of them; more is
// reported as false. Their paths are made by [element], when they are needed.
func (v value) elements(limit int) (elements [][]byte, ok bool) {
	if v.kind() != '[' {
		return nil, true
	}
	raw := v.raw
	for i := afterSpace(raw, 1); i < len(raw) && raw[i] != ']'; {
		end := endOfValue(raw, i)
		if len(elements) == limit {
			return elements, false
		}
		elements = append(elements, raw[i:end])
		if i = afterSpace(raw, end); i < len(raw) && raw[i] == ',' {
			i = afterSpace(raw, i+1)
		}
	}
	return elements, true
}

// element is element i of the array v.
func (v value) element(i int, raw []byte) value {
	if len(raw) > 0 && raw[0] == 'n' {
		raw = nil
	}
	return value{raw: raw, path: v.path + "[" + strconv.Itoa(i) + "]"}
}

// scalar is the text of a string, a number or a boolean.
func (v value) scalar() (text string, ok bool) {
	switch v.kind() {
	case 0, '{', '[':
		return "", false
	case '"':
		return unquote(v.raw), true
	}
	return string(v.raw), true
}

func (v value) describe() string {
	switch v.kind() {
	case 0:
		return "missing"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	}
	return "a number"
}

// unquote returns the text of a JSON string that is known to be valid.
func unquote(raw []byte) string {
	if len(raw) < 2 {
		return ""
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return ""
	}
	return s
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func malformed(path, message string) *Error {
	return &Error{Code: "Malformed", Path: path, Message: message}
}
