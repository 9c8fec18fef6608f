package route

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/vsg"
)

// documented is the configuration with every key that there is.
const documented = `version: 1
retention: 360h
whenStoreDown: closed                            # or open
maxBatch: 20                                     # 1–40
routes:
  - name: web
    match: {scalingGroupId: asg-bp1web}          # any of: source, scalingGroupId, lifecycleHookName, regionId; globs allowed
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-cige6j5e7p, port: 80, weight: 100, type: ecs}
      - {regionId: cn-hangzhou, vServerGroupId: rsp-bp1admin, loadBalancerId: lb-bp1, port: 9090, weight: 0, description: admin}
    metadataTargets: false                       # may NotificationMetadata name targets?
    allowVServerGroups: []                       # which groups metadata and queue messages may name besides the targets
    serverId: "{{ .InstanceId }}"
    serverIp: ""
    ready: {timeout: 60s}
    onTerminate: {drain: 30s}
    complete: {success: CONTINUE, failure: leave, failureWhen: any}
`

// small is a configuration to vary: the route may be replaced.
func small(route string) string {
	return "version: 1\nroutes:\n  - " + strings.ReplaceAll(route, "\n", "\n    ") + "\n"
}

const target = `{regionId: cn-hangzhou, vServerGroupId: rsp-1, port: 80}`

func parse(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse("registrar.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\nof %s", err, text)
	}
	return c
}

func TestTheDocumentedConfigurationIsReadWhole(t *testing.T) {
	id, err := ParseTemplate("{{ .InstanceId }}")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Version: 1, Retention: 360 * time.Hour, WhenStoreDown: Closed, MaxBatch: 20,
		Routes: []Route{{
			Name:  "web",
			Match: Match{ScalingGroupID: "asg-bp1web"},
			Targets: []Target{
				{Group: vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-cige6j5e7p"}, Port: 80, Weight: 100, Type: vsg.ECS, Description: "slb-registrar"},
				{Group: vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-bp1admin"}, LoadBalancerID: "lb-bp1", Port: 9090, Weight: 0, Type: vsg.ECS, Description: "admin"},
			},
			ServerID:    id,
			Ready:       &Ready{Timeout: time.Minute},
			OnTerminate: OnTerminate{Drain: 30 * time.Second},
			Complete:    Complete{Success: Continue, Failure: Leave, FailureWhen: Any},
		}},
	}
	if diff := cmp.Diff(want, parse(t, documented), cmp.AllowUnexported(Template{}, part{})); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	c := parse(t, small("match: {source: '*'}\ntargets: ["+target+"]"))
	r := c.Routes[0]
	if c.Retention != DefaultRetention || c.WhenStoreDown != Closed || c.MaxBatch != vsg.BatchLimit {
		t.Errorf("got %+v", c)
	}
	if r.Name != "route-1" || r.Ready != nil || r.OnTerminate.Drain != 0 || r.Complete != (Complete{Success: Continue, Failure: Leave, FailureWhen: Any}) {
		t.Errorf("got %+v", r)
	}
	if got := r.Targets[0]; got.Weight != 100 || got.Type != vsg.ECS || got.Description != Description {
		t.Errorf("got %+v", got)
	}
}

func TestAWeightOfZeroIsNotTakenForNone(t *testing.T) {
	c := parse(t, small("match: {source: '*'}\ntargets: [{regionId: r, vServerGroupId: g, port: 1, weight: 0}]"))
	if got := c.Routes[0].Targets[0].Weight; got != 0 {
		t.Errorf("the weight is %d", got)
	}
}

// faults are configurations with one fault each, and the place and the words
// that the error must have.
func faults() map[string]struct{ text, want string } {
	withTarget := func(change string) string {
		return small("match: {source: '*'}\ntargets:\n  - " + change)
	}
	withRoute := func(extra string) string {
		return small("match: {source: '*'}\ntargets: [" + target + "]\n" + extra)
	}
	return map[string]struct{ text, want string }{
		"misspelled key":       {"version: 1\nretension: 1h\nroutes: []", `:2:1: has an unknown key "retension": did you mean retention?`},
		"wrong case":           {withRoute("serverID: x"), `:5:5: routes[0] has an unknown key "serverID": did you mean serverId?`},
		"unknown in target":    {withTarget("{regionId: r, vServerGroupId: g, port: 1, wieght: 5}"), `did you mean weight?`},
		"unknown in match":     {small("match: {scalingGroup: x}\ntargets: [" + target + "]"), `did you mean scalingGroupId?`},
		"no version":           {"routes: [{match: {source: '*'}, targets: [" + target + "]}]", `:1:1: lacks version`},
		"another version":      {"version: 2\nroutes: [{match: {source: '*'}, targets: [" + target + "]}]", `:1:10: version must be from 1 to 1, is 2`},
		"no routes":            {"version: 1", `lacks routes`},
		"empty routes":         {"version: 1\nroutes: []", `lacks routes`},
		"routes as a mapping":  {"version: 1\nroutes: {web: 1}", `:2:9: routes must be a list`},
		"route as a text":      {"version: 1\nroutes: [web]", `:2:10: routes[0] must be a mapping`},
		"port of 0":            {withTarget("{regionId: r, vServerGroupId: g, port: 0}"), `:5:48: routes[0].targets[0].port must be from 1 to 65535, is 0`},
		"port of 65536":        {withTarget("{regionId: r, vServerGroupId: g, port: 65536}"), `port must be from 1 to 65535, is 65536`},
		"port as a text":       {withTarget("{regionId: r, vServerGroupId: g, port: http}"), `port must be a whole number from 1 to 65535, is http`},
		"half a port":          {withTarget("{regionId: r, vServerGroupId: g, port: 80.5}"), `port must be a whole number`},
		"huge port":            {withTarget("{regionId: r, vServerGroupId: g, port: 99999999999999999999}"), `port must be`},
		"no port":              {withTarget("{regionId: r, vServerGroupId: g}"), `routes[0].targets[0] lacks port`},
		"no group":             {withTarget("{regionId: r, port: 80}"), `lacks vServerGroupId`},
		"no region":            {withTarget("{vServerGroupId: g, port: 80}"), `lacks regionId`},
		"group with a space":   {withTarget("{regionId: r, vServerGroupId: 'a b', port: 80}"), `must be an id such as rsp-cige6j5e7p, is "a b"`},
		"empty group":          {withTarget("{regionId: r, vServerGroupId: '', port: 80}"), `must be an id such as`},
		"group as a number":    {withTarget("{regionId: r, vServerGroupId: 12, port: 80}"), `must be text, is 12: put it in quotes`},
		"weight of 101":        {withTarget("{regionId: r, vServerGroupId: g, port: 1, weight: 101}"), `weight must be from 0 to 100, is 101`},
		"weight of -1":         {withTarget("{regionId: r, vServerGroupId: g, port: 1, weight: -1}"), `weight must be from 0 to 100, is -1`},
		"another type":         {withTarget("{regionId: r, vServerGroupId: g, port: 1, type: vm}"), `type must be ecs or eni or eci, is "vm"`},
		"long description":     {withTarget("{regionId: r, vServerGroupId: g, port: 1, description: " + strings.Repeat("d", 81) + "}"), `must have 1 to 80 characters`},
		"odd description":      {withTarget("{regionId: r, vServerGroupId: g, port: 1, description: 'a b'}"), `letters, digits, and - / . _`},
		"empty description":    {withTarget("{regionId: r, vServerGroupId: g, port: 1, description: ''}"), `must have 1 to 80 characters`},
		"maxBatch of 0":        {"version: 1\nmaxBatch: 0\nroutes: [{match: {source: '*'}, targets: [" + target + "]}]", `:2:11: maxBatch must be from 1 to 40, is 0`},
		"maxBatch of 41":       {"version: 1\nmaxBatch: 41\nroutes: [{match: {source: '*'}, targets: [" + target + "]}]", `maxBatch must be from 1 to 40, is 41`},
		"retention in days":    {"version: 1\nretention: 15d\nroutes: [{match: {source: '*'}, targets: [" + target + "]}]", `:2:12: retention must be a duration with its unit, for example 90s, 5m or 360h, is "15d"`},
		"retention of a bool":  {"version: 1\nretention: true\nroutes: [{match: {source: '*'}, targets: [" + target + "]}]", `retention must be a duration`},
		"another store policy": {"version: 1\nwhenStoreDown: opened\nroutes: [{match: {source: '*'}, targets: [" + target + "]}]", `must be closed or open, is "opened": did you mean open?`},
		"no match":             {small("targets: [" + target + "]"), `routes[0].match must say what the route takes`},
		"empty match":          {small("match: {}\ntargets: [" + target + "]"), `routes[0].match must say what the route takes`},
		"empty pattern":        {small("match: {source: '*', regionId: ''}\ntargets: [" + target + "]"), `must not be empty`},
		"another source":       {small("match: {source: ess-lifecycle-hooks}\ntargets: [" + target + "]"), `did you mean ess-lifecycle-hook?`},
		"nothing to do":        {small("match: {source: '*'}"), `does nothing`},
		"drain as a number":    {withRoute("onTerminate: {drain: 30}"), `drain must be a duration`},
		"a day of drain":       {withRoute("onTerminate: {drain: -1s}"), `drain must be from 0s to 6h0m0s, is -1s`},
		"ready without time":   {withRoute("ready: {}"), `ready lacks timeout`},
		"another result":       {withRoute("complete: {success: continue}"), `must be CONTINUE or ABANDON or ROLLBACK or leave, is "continue": did you mean CONTINUE?`},
		"another when":         {withRoute("complete: {failureWhen: some}"), `must be any or all`},
		"metadata as a text":   {withRoute("metadataTargets: sometimes"), `must be true or false, is sometimes`},
		"misspelled name":      {withRoute(`serverId: "{{ .InstanceID }}"`), `did you mean .InstanceId?`},
		"a name without a dot": {withRoute(`serverId: "{{ InstanceId }}"`), `write {{ .InstanceId }}`},
		"an open template":     {withRoute(`serverId: "{{ .InstanceId"`), `{{ without }} after it`},
		"a function":           {withRoute(`serverId: "{{ printf .InstanceId }}"`), `is no name`},
		"an odd name":          {withRoute("name: a b"), `name must have 1 to 80 characters`},
		"an odd group allowed": {withRoute("allowVServerGroups: ['*']"), `allowVServerGroups[0] must be an id`},
	}
}

// onlyGo are faults that the JSON Schema cannot tell.
func onlyGo() map[string]struct{ text, want string } {
	withRoute := func(extra string) string {
		return small("match: {source: '*'}\ntargets: [" + target + "]\n" + extra)
	}
	return map[string]struct{ text, want string }{
		"the same target twice": {small("match: {source: '*'}\ntargets: [" + target + ", " + target + "]"), `routes[0].targets[1] is the same group and port`},
		"the same name twice":   {"version: 1\nroutes:\n- {name: a, match: {source: '*'}, targets: [" + target + "]}\n- {name: a, match: {source: '*'}, targets: [" + target + "]}", `:4:3: routes[1] has the name a`},
		"eni without serverId":  {small("match: {source: '*'}\ntargets: [{regionId: r, vServerGroupId: g, port: 1, type: eni}]"), `serverId must say where it is found`},
		"serverIp for ecs":      {withRoute(`serverIp: "{{ .Metadata.ip }}"`), `is only for targets of type eni or eci`},
		"two load balancers":    {"version: 1\nroutes: [{match: {source: '*'}, targets: [{regionId: r, vServerGroupId: g, port: 1, loadBalancerId: lb-1}, {regionId: r, vServerGroupId: g, port: 2, loadBalancerId: lb-2}]}]", `is lb-2, but another target says that the group belongs to lb-1`},
		"no time to retain":     {"version: 1\nretention: 0s\nroutes: [{match: {source: '*'}, targets: [" + target + "]}]", `retention must be from 1s`},
		"a week of drain":       {withRoute("onTerminate: {drain: 168h}"), `drain must be from 0s to 6h0m0s`},
		"no time to get ready":  {withRoute("ready: {timeout: 0s}"), `timeout must be from 1s`},
		"a key twice":           {"version: 1\nversion: 1\n", `:2:1: is not valid YAML: mapping key "version" already defined`},
		"not closed":            {"version: 1\nroutes: [", `:2:9: is not valid YAML`},
		"a tab":                 {"version: 1\n\troutes: []", `is not valid YAML`},
		"nothing":               {"", `is empty`},
		"only a comment":        {"# nothing\n", `is empty`},
		"two documents":         {documented + "---\n" + documented, `a second document begins here`},
		"an unknown alias":      {"version: 1\nroutes: *all\n", `is not defined before`},
		"too large":             {strings.Repeat("#", maxSize+1), `more than`},
	}
}

func TestEachFaultOfAConfigurationIsNamedWithItsPlace(t *testing.T) {
	all := faults()
	for name, fault := range onlyGo() {
		all[name] = fault
	}
	for name, fault := range all {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("registrar.yaml", []byte(fault.text))
			var invalid *Invalid
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v\nof %s", err, fault.text)
			}
			if !strings.Contains(err.Error(), fault.want) {
				t.Errorf("got  %v\nwant %s\nof %s", err, fault.want, fault.text)
			}
			for _, p := range invalid.Problems {
				if p.File != "registrar.yaml" {
					t.Errorf("the file is not named: %+v", p)
				}
			}
		})
	}
}

func TestAllFaultsAreNamedAtOnceInTheOrderOfTheFile(t *testing.T) {
	_, err := Parse("f", []byte("version: 1\nmaxBatch: 50\nretention: 1y\nroutes:\n- match: {source: '*'}\n  targets: [{regionId: r, vServerGroupId: g, port: 0, weight: 101}]\n"))
	var invalid *Invalid
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	var paths []string
	for _, p := range invalid.Problems {
		paths = append(paths, p.Path)
	}
	if diff := cmp.Diff([]string{"maxBatch", "retention", "routes[0].targets[0].port", "routes[0].targets[0].weight"}, paths); diff != "" {
		t.Error(diff)
	}
}

func TestAnchorsMayBeUsedAgain(t *testing.T) {
	c := parse(t, "version: 1\nroutes:\n- {name: a, match: {source: '*'}, targets: &all ["+target+"]}\n- {name: b, match: {source: '*'}, targets: *all}\n")
	if diff := cmp.Diff(c.Routes[0].Targets, c.Routes[1].Targets); diff != "" {
		t.Error(diff)
	}
}

func TestAConfigurationIsLoadedFromAPathOrFromItsOwnText(t *testing.T) {
	file := filepath.Join(t.TempDir(), "registrar.yaml")
	if err := os.WriteFile(file, []byte(documented), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{file, documented, `{"version": 1, "routes": [{"match": {"source": "*"}, "targets": [{"regionId": "r", "vServerGroupId": "g", "port": 80}]}]}`} {
		if _, err := Load(from); err != nil {
			t.Errorf("%.30q: %v", from, err)
		}
	}
	var invalid *Invalid
	if _, err := Load(file + ".missing"); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "registrar.yaml.missing: does not exist") {
		t.Errorf("got %v", err)
	}
	if _, err := Load(filepath.Dir(file)); !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
}

func TestTheLongestWaitIsThatOfTheSlowestRouteEachWay(t *testing.T) {
	c := &Config{Routes: []Route{{Ready: &Ready{Timeout: time.Minute}}, {OnTerminate: OnTerminate{Drain: 30 * time.Second}}, {Ready: &Ready{Timeout: time.Second}}}}
	if got := c.LongestWait(); got != 90*time.Second {
		t.Errorf("got %v", got)
	}
}
