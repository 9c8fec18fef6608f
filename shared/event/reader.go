package event

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// reader reads the fields of a body and keeps the first error, so that a
// source can name its fields one after the other and look at the end.
type reader struct {
	err *Error
}

func (r *reader) fail(code, path, message string) {
	if r.err == nil {
		r.err = &Error{Code: code, Path: path, Message: message}
	}
}

// need fails if the text that was read from v is empty.
func (r *reader) need(v value, text, why string) {
	if text == "" {
		r.fail("MissingField", v.path, "is missing: "+why)
	}
}

// name reads an id or a name that somebody else gave. What is not printable
// has no place in one, and would end up in a log.
func (r *reader) name(v value) string {
	return r.text(v, maxName)
}

func (r *reader) text(v value, limit int) string {
	if !v.present() {
		return ""
	}
	text, ok := v.scalar()
	if !ok {
		r.fail("Malformed", v.path, "must be a string, is "+v.describe())
		return ""
	}
	if len(text) > limit && utf8.RuneCountInString(text) > limit {
		r.fail("Malformed", v.path, "has more than "+strconv.Itoa(limit)+" characters")
		return ""
	}
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
		r.fail("Malformed", v.path, "holds a character that cannot be printed")
		return ""
	}
	return text
}

// metadata reads NotificationMetadata. It is the user's own text: any
// character may be in it, and an object is taken for its JSON.
func (r *reader) metadata(v value) string {
	text, ok := v.scalar()
	if !ok && v.present() {
		var compact bytes.Buffer
		if json.Compact(&compact, v.raw) == nil {
			text = compact.String()
		}
	}
	if len(text) > maxMetadata && utf8.RuneCountInString(text) > maxMetadata {
		r.fail("Malformed", v.path, "has more than "+strconv.Itoa(maxMetadata)+" characters")
		return ""
	}
	return text
}

const idAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// serverID reads the id of an instance, an interface or a container instance.
func (r *reader) serverID(v value) string {
	if v.kind() == 'n' {
		v.raw = nil
	}
	id := r.name(v)
	r.need(v, id, "it names the instance")
	if strings.Trim(id, idAlphabet) != "" {
		r.fail("Malformed", v.path, "is no id of an instance: only letters, digits, - _ and . are in one")
	}
	return id
}

// instances reads a list of instance ids: an array, or a text that holds an
// array or a list with commas, as templates substitute it. Each id once.
func (r *reader) instances(v value) []string {
	var list []string
	switch v.kind() {
	case 0:
		r.fail("MissingField", v.path, "is missing: it lists the instances")
		return nil
	case '[':
		list = r.instanceArray(v)
	case '"':
		text := strings.TrimSpace(unquote(v.raw))
		if strings.HasPrefix(text, "[") {
			inner, err := parse([]byte(text), v.path)
			if err != nil {
				r.fail(err.Code, err.Path, err.Message)
				return nil
			}
			list = r.instanceArray(inner)
			break
		}
		list = r.instanceList(v, text)
	default:
		r.fail("Malformed", v.path, "must be a list of instance ids, is "+v.describe())
		return nil
	}
	if len(list) == 0 {
		r.fail("NoInstances", v.path, "lists no instance")
	}
	return list
}

func (r *reader) instanceArray(v value) []string {
	elements, ok := v.elements(MaxInstances)
	if !ok {
		r.tooMany(v.path)
		return nil
	}
	list := make([]string, 0, len(elements))
	seen := make(map[string]bool, len(elements))
	for i, element := range elements {
		var one reader
		id := one.serverID(value{raw: element})
		if one.err != nil { // its path is made only now, because lists are long
			r.fail(one.err.Code, v.element(i, element).path, one.err.Message)
			return nil
		}
		if !seen[id] {
			seen[id] = true
			list = append(list, id)
		}
	}
	return list
}

func (r *reader) instanceList(v value, text string) []string {
	if strings.Count(text, ",") >= MaxInstances {
		r.tooMany(v.path)
		return nil
	}
	var list []string
	seen := map[string]bool{}
	for id := range strings.SplitSeq(text, ",") {
		if id = strings.TrimSpace(id); id == "" {
			continue
		}
		id = r.serverID(value{raw: []byte(strconv.Quote(id)), path: v.path})
		if r.err != nil {
			return nil
		}
		if !seen[id] {
			seen[id] = true
			list = append(list, id)
		}
	}
	return list
}

func (r *reader) tooMany(path string) {
	e := tooManyInstances(path)
	r.fail(e.Code, e.Path, e.Message)
}

func tooManyInstances(path string) *Error {
	return &Error{Code: "TooManyInstances", Path: path, Message: "names more than " + strconv.Itoa(MaxInstances) + " instances, the most that one message may"}
}

const toTheMinute = "2006-01-02T15:04Z07:00"

// The forms in which sources write times.
var layouts = []string{
	time.RFC3339Nano,
	toTheMinute,                    // Auto Scaling
	"20060102T150405.999999-0700",  // CloudMonitor
	"20060102T150405Z0700",         // the same without a fraction
	"2006-01-02 15:04:05Z07:00",    // as people write it
	"2006-01-02T15:04:05.999-0700", // without the colon in the zone
}

// when reads a time: a text in one of the layouts, or the milliseconds since
// 1970. What is none is no reason to refuse an event: it is taken as unknown.
func when(v value) time.Time {
	text, ok := v.scalar()
	if !ok || text == "" {
		return time.Time{}
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return plausible(time.UnixMilli(ms))
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return plausible(t)
		}
	}
	return time.Time{}
}

// whenOf reads when an instance came or went. A removal that is told to the
// minute counts as the last moment of it, so that a launch of the same minute,
// told to the second, is not taken for the later one: instances are launched
// before they go.
func whenOf(kind Kind, v value) time.Time {
	at := when(v)
	text, _ := v.scalar()
	if _, err := time.Parse(toTheMinute, text); err != nil || kind != Terminate || at.IsZero() {
		return at
	}
	return at.Add(time.Minute - time.Microsecond)
}

// plausible drops times that can only be a mistake, such as seconds where
// milliseconds are expected.
func plausible(t time.Time) time.Time {
	if t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}
	}
	return t.UTC()
}

// names reads an array of names.
func (r *reader) names(v value) []string {
	elements, ok := v.elements(MaxInstances)
	if !ok || v.kind() != '[' {
		r.fail("Malformed", v.path, "must be an array of at most "+strconv.Itoa(MaxInstances)+" names")
		return nil
	}
	names := make([]string, 0, len(elements))
	for i, element := range elements {
		names = append(names, r.name(v.element(i, element)))
	}
	return names
}

// boolean reads true or false, absent being what the caller says.
func (r *reader) boolean(v value, absent bool) bool {
	text, _ := v.scalar()
	switch {
	case !v.present():
		return absent
	case text == "true":
		return true
	case text == "false":
		return false
	}
	r.fail("Malformed", v.path, "must be true or false")
	return false
}

// integer reads a number, or a text that holds one.
func (r *reader) integer(v value, low, high, absent int) int {
	if !v.present() {
		return absent
	}
	text, _ := v.scalar()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < low || n > high {
		r.fail("Malformed", v.path, "must be a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
	}
	return n
}
