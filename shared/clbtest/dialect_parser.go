package clbtest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a value may be nested. A backend server is flat; what
// nests at all is an unknown field of some client.
const maxDepth = 32

var errTooDeep = errors.New("it is nested too deeply")

// element is one object of the list.
type element []elementMember

// elementMember is one field of it. The value of an object or array is skipped.
type elementMember struct {
	name, text   string
	scalar, null bool
}

// parseList reads a list of objects the way the service's lenient JSON parser
// does: either kind of quotes, and names without any.
func parseList(text string) ([]element, error) {
	p := &dialectParser{text: text}
	if !p.accept('[') {
		return nil, p.expected("'['")
	}
	var elements []element
	if !p.accept(']') {
		for {
			e, err := p.object(1)
			if err != nil {
				return nil, err
			}
			elements = append(elements, e)
			if p.accept(',') {
				continue
			}
			if p.accept(']') {
				break
			}
			return nil, p.expected("',' or ']'")
		}
	}
	if p.space(); p.pos < len(p.text) {
		return nil, p.expected("the end")
	}
	return elements, nil
}

type dialectParser struct {
	text string
	pos  int
}

func (p *dialectParser) expected(what string) error {
	return fmt.Errorf("%s expected at position %d", what, p.pos+1)
}

func (p *dialectParser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *dialectParser) peek() byte {
	p.space()
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *dialectParser) accept(c byte) bool {
	if p.peek() != c || p.pos >= len(p.text) {
		return false
	}
	p.pos++
	return true
}

// object reads {name: value, …}.
func (p *dialectParser) object(depth int) (element, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	if !p.accept('{') {
		return nil, p.expected("'{'")
	}
	var e element
	if p.accept('}') {
		return e, nil
	}
	for {
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		if !p.accept(':') {
			return nil, p.expected("':'")
		}
		m, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		m.name = name
		e = append(e, m)
		switch {
		case p.accept(','):
		case p.accept('}'):
			return e, nil
		default:
			return nil, p.expected("',' or '}'")
		}
	}
}

func (p *dialectParser) name() (string, error) {
	if c := p.peek(); c == '"' || c == '\'' {
		return p.quoted()
	}
	if word := p.word(); word != "" {
		return word, nil
	}
	return "", p.expected("a name")
}

func (p *dialectParser) value(depth int) (elementMember, error) {
	switch p.peek() {
	case '"', '\'':
		text, err := p.quoted()
		return elementMember{text: text, scalar: true}, err
	case '{':
		_, err := p.object(depth + 1)
		return elementMember{}, err
	case '[':
		return elementMember{}, p.array(depth + 1)
	}
	word := p.word()
	switch {
	case word == "null":
		return elementMember{scalar: true, null: true}, nil
	case word == "true", word == "false", isNumber(word):
		return elementMember{text: strings.Clone(word), scalar: true}, nil
	}
	return elementMember{}, p.expected("a value")
}

func (p *dialectParser) array(depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	p.accept('[')
	if p.accept(']') {
		return nil
	}
	for {
		if _, err := p.value(depth); err != nil {
			return err
		}
		switch {
		case p.accept(','):
		case p.accept(']'):
			return nil
		default:
			return p.expected("',' or ']'")
		}
	}
}

// word reads what stands without quotes: a name, a number, true, false, null.
func (p *dialectParser) word() string {
	p.space()
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if c < utf8.RuneSelf && (c == '_' || c == '$' || c == '-' || c == '+' || c == '.' ||
			'0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z') {
			p.pos++
			continue
		}
		break
	}
	return p.text[start:p.pos]
}

func isNumber(word string) bool {
	if word == "" || strings.IndexByte("-0123456789", word[0]) < 0 {
		return false
	}
	_, err := strconv.ParseFloat(word, 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

// quoted reads a string between either kind of quotes.
func (p *dialectParser) quoted() (string, error) {
	quote := p.text[p.pos]
	p.pos++
	if end := strings.IndexByte(p.text[p.pos:], quote); end >= 0 && strings.IndexByte(p.text[p.pos:p.pos+end], '\\') < 0 {
		s := p.text[p.pos : p.pos+end]
		p.pos += end + 1
		return strings.Clone(s), nil // not to keep the whole request alive
	}
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch c {
		case quote:
			return b.String(), nil
		case '\\':
			if err := p.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", p.expected("a closing quote")
}

func (p *dialectParser) escape(b *strings.Builder) error {
	if p.pos >= len(p.text) {
		return p.expected("an escaped character")
	}
	c := p.text[p.pos]
	p.pos++
	switch c {
	case '"', '\'', '\\', '/':
		b.WriteByte(c)
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case 'u':
		if p.pos+4 > len(p.text) {
			return p.expected("four hexadecimal digits")
		}
		n, err := strconv.ParseUint(p.text[p.pos:p.pos+4], 16, 16)
		if err != nil {
			return p.expected("four hexadecimal digits")
		}
		p.pos += 4
		b.WriteRune(rune(n)) // half a surrogate pair becomes U+FFFD
	default:
		return p.expected("a known escape")
	}
	return nil
}
