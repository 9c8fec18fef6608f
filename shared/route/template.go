package route

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Template makes a text of an event. It knows {{ .InstanceId }},
// {{ .Metadata }}, the text of the hook's NotificationMetadata, and
// {{ .Metadata.key }}, a value in it when it is a JSON object; keys may be
// chained for objects within. There are no functions and no conditions, and so
// nothing that an event could do with it. The zero value is no template.
type Template struct {
	text  string
	parts []part
}

// part is literal text, or the name of a value.
type part struct {
	literal string
	name    []string
}

// String is the template as it was written.
func (t Template) String() string { return t.text }

// IsZero reports whether there is no template.
func (t Template) IsZero() bool { return t.text == "" }

// ParseTemplate reads a template.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	rest := text
	for {
		before, after, found := strings.Cut(rest, "{{")
		if before != "" {
			if strings.ContainsAny(before, "{}") {
				return Template{}, fmt.Errorf("a brace stands alone: names are written as {{ .InstanceId }}")
			}
			t.parts = append(t.parts, part{literal: before})
		}
		if !found {
			return t, nil
		}
		inner, remainder, closed := strings.Cut(after, "}}")
		if !closed {
			return Template{}, fmt.Errorf("{{ without }} after it")
		}
		name, err := parseName(strings.TrimSpace(inner))
		if err != nil {
			return Template{}, err
		}
		t.parts = append(t.parts, part{name: name})
		rest = remainder
	}
}

func parseName(text string) ([]string, error) {
	trimmed, dotted := strings.CutPrefix(text, ".")
	names := strings.Split(trimmed, ".")
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, " \t\r\n|()\"{}") {
			return nil, fmt.Errorf("{{ %s }} is no name: write {{ .InstanceId }} or {{ .Metadata.key }}", text)
		}
	}
	switch {
	case !dotted:
		return nil, fmt.Errorf("{{ %s }} lacks its dot: write {{ .%s }}", text, text)
	case names[0] == "Metadata", names[0] == "InstanceId" && len(names) == 1:
		return names, nil
	}
	return nil, fmt.Errorf("{{ %s }} is not known: there are {{ .InstanceId }} and {{ .Metadata.key }}%s", text, didYouMean("."+names[0], []string{".InstanceId", ".Metadata"}))
}

// render fills t in, or says what is missing.
func (t Template) render(instanceID, metadata string) (string, error) {
	var out strings.Builder
	for _, p := range t.parts {
		switch {
		case len(p.name) == 0:
			out.WriteString(p.literal)
		case p.name[0] == "InstanceId":
			out.WriteString(instanceID)
		default:
			text, err := metadataValue(metadata, p.name[1:])
			if err != nil {
				return "", err
			}
			out.WriteString(text)
		}
	}
	return out.String(), nil
}

// metadataValue finds a value in the metadata.
func metadataValue(metadata string, keys []string) (string, error) {
	if len(keys) == 0 {
		if metadata == "" {
			return "", fmt.Errorf("the event has no metadata")
		}
		return strings.TrimSpace(metadata), nil
	}
	name := strings.Join(keys, ".")
	if strings.TrimSpace(metadata) == "" {
		return "", fmt.Errorf("the event has no metadata, and so no %s in it", name)
	}
	raw := json.RawMessage(metadata)
	for _, key := range keys {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil || object == nil {
			return "", fmt.Errorf("the metadata is no JSON object with %s in it", name)
		}
		found, ok := object[key]
		if !ok {
			return "", fmt.Errorf("the metadata has no %s", name)
		}
		raw = found
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
		return text, nil
	}
	if raw[0] == '{' || raw[0] == '[' || raw[0] == 'n' {
		return "", fmt.Errorf("%s in the metadata is no text", name)
	}
	return string(raw), nil
}
