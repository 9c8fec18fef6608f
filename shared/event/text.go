package event

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
)

// maxLayers of base64: a client's own and one or two of its queue's.
const maxLayers = 4

// parse turns a body into JSON: it may be JSON, base64 of it (standard or URL
// alphabet, padding optional, line breaks ignored), the single-quoted dialect
// of the API's own page, or request parameters written as a query string.
func parse(text []byte, path string) (value, *Error) {
	text = trim(text)
	if len(text) == 0 {
		return value{}, notJSON(path, "is empty")
	}
	plain, reason := parsePlain(text)
	if reason == "" {
		return value{raw: plain, path: path}, nil
	}
	if strings.IndexByte(`{["`, text[0]) >= 0 {
		return value{}, notJSON(path, "is not valid JSON: "+reason)
	}
	for layer := range maxLayers {
		decoded, problem := fromBase64(text)
		if problem != "" && layer == 0 {
			return value{}, notJSON(path, "is neither JSON nor base64 of it: "+problem)
		}
		if problem != "" {
			break
		}
		text = trim(decoded)
		var inner string
		if plain, inner = parsePlain(text); inner == "" {
			return value{raw: plain, path: path}, nil
		}
		reason = inner
	}
	return value{}, notJSON(path, "is base64, but not of valid JSON: "+reason)
}

func notJSON(path, message string) *Error {
	return &Error{Code: "NotJSON", Path: path, Message: message}
}

// parsePlain reads what is not wrapped in base64, or says why it cannot.
func parsePlain(text []byte) (asJSON []byte, reason string) {
	reason, ok := checkJSON(text)
	if ok {
		return text, ""
	}
	if strict := doubleQuoted(text); strict != nil {
		if _, ok := checkJSON(strict); ok {
			return strict, ""
		}
	}
	if parameters := queryParameters(text); parameters != nil {
		return parameters, ""
	}
	return nil, reason
}

// trim removes what editors and tools put around a text.
func trim(text []byte) []byte {
	return bytes.TrimFunc(text, func(c rune) bool { return unicode.IsSpace(c) || c == '\ufeff' })
}

// fromBase64 decodes text, or says why it cannot.
func fromBase64(text []byte) (decoded []byte, problem string) {
	text, padding, _ := bytes.Cut(text, []byte("="))
	if len(bytes.Trim(padding, "= \r\n\t")) > 0 {
		return nil, "text follows the padding"
	}
	clean := make([]byte, 0, len(text))
	for _, c := range text {
		switch c {
		case '\r', '\n', ' ', '\t':
			continue
		case '-':
			c = '+'
		case '_':
			c = '/'
		}
		clean = append(clean, c)
	}
	n, err := base64.RawStdEncoding.Decode(clean, clean)
	switch {
	case err == nil:
		return clean[:n], ""
	case n >= len(clean)/4*3-3:
		return nil, "it is cut off"
	}
	return nil, "it holds characters that base64 does not have"
}

// doubleQuoted rewrites the dialect that the API's page prints, in which
// strings are in single quotes, as JSON. The result is not checked; it is nil
// when there is nothing to rewrite.
func doubleQuoted(text []byte) []byte {
	if bytes.IndexByte(text, '\'') < 0 {
		return nil
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			end := endOfString(text, i)
			out = append(out, text[i:end]...)
			i = end
		case '\'':
			out, i = requote(out, text, i)
		default:
			out = append(out, text[i])
			i++
		}
	}
	return out
}

// requote appends the single-quoted string at i in double quotes, and returns
// the index after it.
func requote(out, text []byte, i int) ([]byte, int) {
	out = append(out, '"')
	for i++; i < len(text) && text[i] != '\''; i++ {
		switch {
		case text[i] == '"':
			out = append(out, '\\', '"')
		case text[i] == '\\' && i+1 < len(text):
			i++
			if text[i] != '\'' {
				out = append(out, '\\')
			}
			out = append(out, text[i])
		default:
			out = append(out, text[i])
		}
	}
	return append(out, '"'), i + 1
}

// queryParameters reads a request as the API's page prints it: parameters
// joined by &, with or without a URL before them. Only those that say what to
// do are kept; a signature or an access key is not even looked at. The result
// is nil if it is no such request from end to end: a line of a log that quotes
// one asks for nothing.
func queryParameters(text []byte) []byte {
	if len(text) == 0 || strings.IndexByte("{[\"'", text[0]) >= 0 {
		return nil
	}
	if !bytes.Contains(text, []byte("VServerGroupId=")) && !bytes.Contains(text, []byte("BackendServers=")) {
		return nil
	}
	query := string(text)
	if i := strings.IndexByte(query, '?'); i >= 0 && strings.HasPrefix(query, "http") {
		query = query[i+1:]
	}
	found := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		pair = strings.TrimSpace(pair)
		name, raw, whole := strings.Cut(pair, "=")
		if pair == "" {
			continue
		}
		if !whole || strings.Trim(name, idAlphabet) != "" {
			return nil
		}
		switch name {
		case "Action", "RegionId", "VServerGroupId", "BackendServers":
			plain, err := url.QueryUnescape(strings.TrimSpace(raw))
			if err != nil {
				plain = raw
			}
			found[name] = plain
		}
	}
	if len(found) == 0 {
		return nil
	}
	asJSON, err := json.Marshal(found)
	if err != nil { // a map of strings always has a JSON form
		return nil
	}
	return asJSON
}
