package clbtest

import (
	"strconv"
	"unicode/utf8"
)

// document is an answer before it is written as JSON or XML: an object whose
// fields keep their order. A value is a string, an int, an int64, a bool, a
// document or a list; pointers to strings, ints and documents are for lists with
// thousands of elements, which would allocate for every value. It is written by
// hand because the service's two formats have one shape, and because this is
// what a simulator spends its time on.
type document []field

type field struct {
	name  string
	value any
}

// list is how the service writes lists: an object (BackendServers) that holds
// the elements under their own name (BackendServer).
type list struct {
	element string
	items   []any     // documents or strings
	members []Backend // after them; described one at a time, since there can be thousands
	vpc     string    // that the members are in, if any
	// detailed adds what only a description of the group has.
	detailed bool
}

// each visits the elements. What it hands out is gone after the visit.
func (l list) each(visit func(value any)) {
	for _, item := range l.items {
		visit(item)
	}
	scratch := make(document, 0, 8)
	for i := range l.members {
		scratch = l.members[i].describe(scratch[:0], l.vpc, l.detailed)
		visit(&scratch)
	}
}

// appendJSON writes a value. With quoted numbers and truth values become
// strings, as old pages of the documentation print them.
func appendJSON(dst []byte, value any, quoted bool) []byte {
	switch v := value.(type) {
	case string:
		return appendJSONString(dst, v)
	case *string:
		return appendJSONString(dst, *v)
	case int:
		return appendJSONNumber(dst, int64(v), quoted)
	case *int:
		return appendJSONNumber(dst, int64(*v), quoted)
	case int64:
		return appendJSONNumber(dst, v, quoted)
	case bool:
		if quoted {
			return appendJSONString(dst, strconv.FormatBool(v))
		}
		return strconv.AppendBool(dst, v)
	case list:
		dst = append(dst, '{')
		dst = appendJSONString(dst, v.element)
		dst = append(dst, ':', '[')
		first := len(dst)
		v.each(func(item any) {
			if len(dst) > first {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, item, quoted)
		})
		return append(dst, ']', '}')
	case *document:
		return appendJSON(dst, *v, quoted)
	case document:
		dst = append(dst, '{')
		for i, f := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONString(dst, f.name)
			dst = append(dst, ':')
			dst = appendJSON(dst, f.value, quoted)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

func appendJSONNumber(dst []byte, n int64, quoted bool) []byte {
	if quoted {
		dst = append(dst, '"')
		dst = strconv.AppendInt(dst, n, 10)
		return append(dst, '"')
	}
	return strconv.AppendInt(dst, n, 10)
}

const hexDigits = "0123456789abcdef"

func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if isPlain(s) {
		dst = append(dst, s...)
		return append(dst, '"')
	}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xf])
		default: // an invalid byte arrives here as U+FFFD
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// isPlain says whether s can be written as it is, which nearly everything can.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

const xmlHeader = "<?xml version='1.0' encoding='UTF-8'?>"

// appendXML writes <name>value</name>.
func appendXML(dst []byte, name string, value any) []byte {
	dst = append(dst, '<')
	dst = append(dst, name...)
	dst = append(dst, '>')
	switch v := value.(type) {
	case string:
		dst = appendXMLText(dst, v)
	case *string:
		dst = appendXMLText(dst, *v)
	case int:
		dst = strconv.AppendInt(dst, int64(v), 10)
	case *int:
		dst = strconv.AppendInt(dst, int64(*v), 10)
	case int64:
		dst = strconv.AppendInt(dst, v, 10)
	case bool:
		dst = strconv.AppendBool(dst, v)
	case list:
		v.each(func(item any) { dst = appendXML(dst, v.element, item) })
	case *document:
		dst = appendXMLFields(dst, *v)
	case document:
		dst = appendXMLFields(dst, v)
	}
	dst = append(dst, '<', '/')
	dst = append(dst, name...)
	return append(dst, '>')
}

func appendXMLFields(dst []byte, d document) []byte {
	for _, f := range d {
		dst = appendXML(dst, f.name, f.value)
	}
	return dst
}

func appendXMLText(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r < 0x20 && r != '\n' && r != '\t', r == 0xFFFE, r == 0xFFFF:
			dst = append(dst, "\uFFFD"...) // XML has no way to write it
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
