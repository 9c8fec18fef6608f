package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"slb-registrar/shared/event"
)

// locate says where in a file the field is that an error of an event names,
// as line and column from 1. A field inside an encoded body is at the place of
// that body. What cannot be found is at the beginning.
func locate(data []byte, e *event.Error) (line, column int) {
	var offset int
	var syntax *json.SyntaxError
	if err := json.Unmarshal(data, new(json.RawMessage)); errors.As(err, &syntax) {
		offset = max(int(syntax.Offset)-1, 0)
	} else {
		offset = find(data, e.Path)
	}
	before := data[:min(offset, len(data))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// find returns the offset of the value with the longest path that is the given
// one or leads to it.
func find(data []byte, path string) int {
	decoder := json.NewDecoder(bytes.NewReader(data))
	best, length := 0, -1
	var walk func(at string) bool
	walk = func(at string) bool {
		start := int(decoder.InputOffset())
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if leads(at, path) && len(at) > length {
			best, length = skipPunctuation(data, start), len(at)
		}
		switch token {
		case json.Delim('{'):
			for decoder.More() {
				key, err := decoder.Token()
				if err != nil {
					return false
				}
				if !walk(strings.TrimPrefix(at+"."+fmt.Sprint(key), ".")) {
					return false
				}
			}
			_, err = decoder.Token()
		case json.Delim('['):
			for i := 0; decoder.More(); i++ {
				if !walk(fmt.Sprintf("%s[%d]", at, i)) {
					return false
				}
			}
			_, err = decoder.Token()
		}
		return err == nil
	}
	walk("")
	return best
}

// leads reports whether the field at lies on the way to path.
func leads(at, path string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(path), strings.ToLower(at))
	return ok && (at == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

// skipPunctuation returns where the value after a key or a comma begins.
func skipPunctuation(data []byte, offset int) int {
	for offset < len(data) && strings.IndexByte(" \t\r\n:,", data[offset]) >= 0 {
		offset++
	}
	return offset
}
