package event

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func seed(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("../../events/*/*")
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples (%v)", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, text := range []string{``, `null`, `"`, `[[]]`, `{}`, `{"Records":[null]}`, `{'a':"'"}`, `eyJ9`, "\ufeff1", `{"a":{"b":[1,2,{"c":"\u0000"}]}}`, `VServerGroupId=&BackendServers=[]`} {
		f.Add([]byte(text))
	}
}

// FuzzDecode holds what every caller relies on, whatever comes in: a message
// says exactly one thing, can be named and found again, and carries nothing
// unprintable; decoding twice gives the same.
func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		messages, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, raw) {
			t.Fatal("the input was written to")
		}
		for i, m := range messages {
			says := 0
			for _, said := range []bool{len(m.Notices) > 0, m.Reconcile != nil, m.Ignored != "", m.Err != nil} {
				if said {
					says++
				}
			}
			if says != 1 || m.ID == "" || m.Source == "" || m.Delivery == "" || m.Position != i || len(m.Digest) != 64 {
				t.Fatalf("message %d: %+v", i, m)
			}
			if m.Err != nil && (m.Err.Code == "" || m.Err.Message == "") {
				t.Fatalf("an error without words: %+v", m.Err)
			}
			checkNotices(t, m)
		}
		again, _ := Decode(raw)
		if !reflect.DeepEqual(messages, again) {
			t.Fatal("decoding twice differs")
		}
	})
}

func checkNotices(t *testing.T, m Message) {
	t.Helper()
	if len(m.Notices) > MaxInstances {
		t.Fatalf("%d notices", len(m.Notices))
	}
	for _, n := range m.Notices {
		if n.InstanceID == "" || n.Launch == "" || n.Source != m.Source || n.Kind != Launch && n.Kind != Terminate {
			t.Fatalf("%+v", n)
		}
		texts := []string{n.InstanceID, n.Launch, n.RegionID, n.ScalingGroupID, n.HookName, m.ID}
		if (n.Hook != nil) != (n.Origin == FromHook) {
			t.Fatalf("a hook that is none: %+v", n)
		}
		if n.Hook != nil {
			texts = append(texts, n.Hook.ID, n.Hook.Token, n.Hook.Name, n.Hook.RegionID)
			if n.Hook.Token == "" || n.Hook.Kind != n.Kind || len(n.Hook.InstanceIDs) == 0 {
				t.Fatalf("%+v", n.Hook)
			}
		}
		if n.Target != nil {
			b := n.Target.Backend
			texts = append(texts, n.Target.Group.ID, n.Target.Group.RegionID, b.ServerIP, b.Description)
			if b.Port < 1 || b.Port > 65535 || b.Weight < 0 || b.Weight > 100 || b.ServerID != n.InstanceID || n.Target.Group.ID == "" {
				t.Fatalf("%+v", n.Target)
			}
		}
		for _, text := range texts {
			if !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
				t.Fatalf("%q in %+v", text, n)
			}
		}
	}
}

func TestSingleQuotesHoldWhatTheyHeld(t *testing.T) {
	got := doubleQuoted([]byte(`{'Description':'it\'s "blue"'}`))
	if want := `{"Description":"it's \"blue\""}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzValue compares the reading of JSON in place with that of the standard
// library: the same members, the same elements, the same texts.
func FuzzValue(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = bytes.TrimSpace(raw)
		if _, ok := checkJSON(raw); !ok {
			return
		}
		compareValue(t, value{raw: raw})
	})
}

func compareValue(t *testing.T, v value) {
	t.Helper()
	switch v.kind() {
	case '{':
		var want map[string]json.RawMessage
		if err := json.Unmarshal(v.raw, &want); err != nil {
			t.Fatalf("%v in %q", err, v.raw)
		}
		o, err := v.object()
		if err != nil {
			return // more fields than are taken
		}
		for name, raw := range want {
			got := o.get(name)
			if isNull := string(raw) == "null"; isNull != !got.present() || !isNull && !bytes.Equal(got.raw, raw) {
				t.Fatalf("%q of %q is %q, want %q", name, v.raw, got.raw, raw)
			}
			if got.present() {
				compareValue(t, got)
			}
		}
		for _, field := range o.fields {
			if _, known := want[field.name]; !known {
				t.Fatalf("%q is no member of %q", field.name, v.raw)
			}
		}
	case '[':
		var want []json.RawMessage
		if err := json.Unmarshal(v.raw, &want); err != nil {
			t.Fatalf("%v in %q", err, v.raw)
		}
		elements, _ := v.elements(len(want))
		if len(elements) != len(want) {
			t.Fatalf("%d elements in %q, want %d", len(elements), v.raw, len(want))
		}
		for i := range want {
			if !bytes.Equal(elements[i], want[i]) {
				t.Fatalf("element %d of %q is %q, want %q", i, v.raw, elements[i], want[i])
			}
			if element := v.element(i, elements[i]); element.present() {
				compareValue(t, element)
			}
		}
	case '"':
		var want string
		if err := json.Unmarshal(v.raw, &want); err != nil {
			t.Fatalf("%v in %q", err, v.raw)
		}
		if got, _ := v.scalar(); got != want {
			t.Fatalf("%q reads as %q, want %q", v.raw, got, want)
		}
	}
}

// FuzzBackendServers reads the list in whatever dialect, and expects that what
// is taken is the same when it is written as JSON.
func FuzzBackendServers(f *testing.F) {
	for _, text := range []string{
		`[{'ServerId':'vm-233','Port':'80','Weight':'100'},{'ServerId':'vm-232','Port':'90','Weight':'100'}]`,
		`[{"ServerId":"eni-1","Port":8080,"Type":"eni","ServerIp":"192.0.2.1","Description":"a/b"}]`,
		`[{'Description':'it\'s "so"','serverId':'i-1','port':1}]`, `[]`, `[{}]`, `[{'ServerId':`, `"[]"`, `[1]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		asText, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var r reader
		backends := r.backends(value{raw: asText, path: "BackendServers"}, Launch)
		if r.err != nil {
			if len(backends) > 0 || !strings.HasPrefix(r.err.Path, "BackendServers") {
				t.Fatalf("%+v and %d backends", r.err, len(backends))
			}
			return
		}
		again, err := json.Marshal(backends)
		if err != nil {
			t.Fatal(err)
		}
		var strict reader
		same := strict.backends(value{raw: again, path: "BackendServers"}, Launch)
		if strict.err != nil || !reflect.DeepEqual(backends, same) {
			t.Fatalf("%+v written as JSON is %+v (%v)", backends, same, strict.err)
		}
	})
}
