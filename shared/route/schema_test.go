package route

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"slb-registrar/functions"
	"slb-registrar/shared/event"
)

const (
	configSchema  = "../../functions/registrar.schema.json"
	messageSchema = "../../functions/instance-message.schema.json"
)

func compile(t testing.TB, file string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON is a YAML text as the validator wants it.
func asJSON(t testing.TB, text string) any {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v\nof %s", err, text)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheSchemaAcceptsWhatTheProgramAccepts(t *testing.T) {
	schema := compile(t, configSchema)
	for name, text := range map[string]string{
		"documented": documented,
		"sample":     string(functions.Sample),
		"least":      small("match: {source: '*'}\ntargets: [" + target + "]"),
		"allow-list": small("match: {regionId: cn-*}\nallowVServerGroups: [rsp-1]"),
		"metadata":   small("match: {lifecycleHookName: 'web?'}\nmetadataTargets: true"),
		"templates":  small("match: {source: ec2-*}\ntargets: [{regionId: r, vServerGroupId: g, port: 1, type: eni}]\nserverId: 'eni-{{.Metadata.a.b}}'\nserverIp: '{{ .Metadata }}'"),
		"no drain":   small("match: {source: '*'}\ntargets: [" + target + "]\nonTerminate: {drain: 0}"),
		"fractions":  small("match: {source: '*'}\ntargets: [" + target + "]\nready: {timeout: 1m1.5s}"),
	} {
		t.Run(name, func(t *testing.T) {
			parse(t, text)
			if err := schema.Validate(asJSON(t, text)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheSchemaRefusesWhatTheProgramRefuses(t *testing.T) {
	schema := compile(t, configSchema)
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			if err := schema.Validate(asJSON(t, fault.text)); err == nil {
				t.Errorf("the schema accepts %s", fault.text)
			}
		})
	}
}

// TestTheSchemaKnowsEveryKey compares the keys of the schema with those that
// the parser names when it meets one that it does not know.
func TestTheSchemaKnowsEveryKey(t *testing.T) {
	raw, err := os.ReadFile(configSchema)
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Defs       map[string]json.RawMessage `json:"$defs"`
	}
	read := func(raw json.RawMessage) (n node) {
		if err := json.Unmarshal(raw, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	root := read(raw)
	route := read(root.Defs["route"])
	known := func(text string) []string {
		_, err := Parse("f", []byte(text))
		_, list, found := strings.Cut(err.Error(), ": there are ")
		if !found {
			t.Fatalf("no list of keys in %v", err)
		}
		list, _, _ = strings.Cut(list, "\n")
		return slices.Sorted(slices.Values(strings.Split(list, ", ")))
	}
	for name, test := range map[string]struct {
		text  string
		props map[string]json.RawMessage
	}{
		"root":        {"???????????????: 1", root.Properties},
		"route":       {"version: 1\nroutes: [{???????????????: 1}]", route.Properties},
		"match":       {"version: 1\nroutes: [{match: {????????????????????: 1}}]", read(root.Defs["match"]).Properties},
		"target":      {"version: 1\nroutes: [{match: {source: '*'}, targets: [{regionId: r, vServerGroupId: g, port: 1, ????????????????????: 1}]}]", read(root.Defs["target"]).Properties},
		"ready":       {"version: 1\nroutes: [{match: {source: '*'}, ready: {timeout: 1s, ????????????????????: 1}}]", read(route.Properties["ready"]).Properties},
		"onTerminate": {"version: 1\nroutes: [{match: {source: '*'}, onTerminate: {????????????????????: 1}}]", read(route.Properties["onTerminate"]).Properties},
		"complete":    {"version: 1\nroutes: [{match: {source: '*'}, complete: {????????????????????: 1}}]", read(route.Properties["complete"]).Properties},
	} {
		if diff := cmp.Diff(known(test.text), slices.Sorted(maps.Keys(test.props))); diff != "" {
			t.Errorf("%s: -parser +schema %s", name, diff)
		}
	}
}

func TestTheSchemaKnowsEverySource(t *testing.T) {
	raw, err := os.ReadFile(configSchema)
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if !strings.Contains(string(raw), `"`+source+`"`) {
			t.Errorf("the schema does not know the source %s", source)
		}
	}
}

func TestTheSchemaOfInstanceMessagesAgreesWithTheDecoder(t *testing.T) {
	schema := compile(t, messageSchema)
	for text, valid := range map[string]bool{
		`{"kind":"launch","instanceIds":["i-1"]}`: true,
		`{"kind":"terminate","instanceIds":["i-1","i-2"],"id":"a","time":"2026-11-02T06:15:30Z","regionId":"cn-hangzhou","scalingGroupId":"asg-1","metadata":{"a":1}}`: true,
		`{"kind":"launch","instanceIds":["i-1"],"time":1793600130250,"metadata":"drain","more":[]}`:                                                                    true,
		`{"instanceIds":["i-1"]}`:                                                       false,
		`{"kind":"reboot","instanceIds":["i-1"]}`:                                       false,
		`{"kind":"launch"}`:                                                             false,
		`{"kind":"launch","instanceIds":[]}`:                                            false,
		`{"kind":"launch","instanceIds":[""]}`:                                          false,
		`{"kind":"launch","instanceIds":["a b"]}`:                                       false,
		`{"kind":"launch","instanceIds":7}`:                                             false,
		`{"kind":"launch","instanceIds":["i-1"],"id":["a"]}`:                            false,
		`{"kind":"launch","instanceIds":["` + strings.Repeat(`i-1","`, 1000) + `i-1"]}`: false,
	} {
		messages, err := event.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if taken := messages[0].Err == nil; taken != valid || messages[0].Source != event.SourceInstance {
			t.Errorf("the decoder says %v of %.80s", messages[0].Err, text)
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); (err == nil) != valid {
			t.Errorf("the schema says %v of %.80s", err, text)
		}
	}
}

func TestTheEmbeddedSampleIsTheFile(t *testing.T) {
	raw, err := os.ReadFile("../../functions/registrar.yaml")
	if err != nil || !reflect.DeepEqual(raw, functions.Sample) {
		t.Errorf("functions.Sample differs from functions/registrar.yaml (%v)", err)
	}
}
