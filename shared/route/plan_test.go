package route

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slb-registrar/functions"
	"slb-registrar/shared/event"
	"slb-registrar/shared/vsg"
)

func launched(group string) event.Notice {
	return event.Notice{
		Kind: event.Launch, Origin: event.FromHook, Source: event.SourceESSHook, RegionID: "cn-hangzhou",
		ScalingGroupID: group, HookName: "register-web", InstanceID: "i-1", Launch: "hook/T/i-1", At: time.Unix(1, 0),
		Hook: &event.Hook{Platform: event.ESS},
	}
}

func code(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestALaunchIsAddedToEveryTargetOfItsRoute(t *testing.T) {
	n := launched("asg-bp1web")
	plan, err := parse(t, documented).Plan(n)
	if err != nil {
		t.Fatal(err)
	}
	want := []vsg.Change{
		{Action: vsg.Add, Group: vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-cige6j5e7p"}, Launch: n.Launch, At: n.At,
			Backend: vsg.Backend{ServerID: "i-1", Port: 80, Weight: 100, Type: vsg.ECS, Description: "slb-registrar"}},
		{Action: vsg.Add, Group: vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-bp1admin"}, LoadBalancerID: "lb-bp1", Launch: n.Launch, At: n.At,
			Backend: vsg.Backend{ServerID: "i-1", Port: 9090, Weight: 0, Type: vsg.ECS, Description: "admin"}},
	}
	if diff := cmp.Diff(want, plan.Changes); diff != "" || plan.Route.Name != "web" {
		t.Errorf("by route %s: %s", plan.Route.Name, diff)
	}
}

func TestATerminationTakesOutExactlyWhatTheLaunchPutIn(t *testing.T) {
	c := parse(t, documented)
	n := launched("asg-bp1web")
	in, err := c.Plan(n)
	if err != nil {
		t.Fatal(err)
	}
	n.Kind = event.Terminate
	out, err := c.Plan(n)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in.Changes {
		in.Changes[i].Action = vsg.Remove
	}
	if diff := cmp.Diff(in.Changes, out.Changes); diff != "" {
		t.Error(diff)
	}
}

func TestTheFirstRouteThatMatchesDecides(t *testing.T) {
	c := parse(t, `version: 1
routes:
- {name: hook, match: {lifecycleHookName: drain-*}, targets: [{regionId: r, vServerGroupId: a, port: 1}]}
- {name: exact, match: {scalingGroupId: asg-1, source: ess-lifecycle-hook}, targets: [{regionId: r, vServerGroupId: b, port: 1}]}
- {name: glob, match: {scalingGroupId: 'asg-?', regionId: 'cn-*'}, targets: [{regionId: r, vServerGroupId: c, port: 1}]}
- {name: bridge, match: {source: 'e*-state-change'}, targets: [{regionId: r, vServerGroupId: d, port: 1}]}
`)
	for name, test := range map[string]struct {
		change func(*event.Notice)
		want   string
	}{
		"exact":           {func(*event.Notice) {}, "exact"},
		"hook goes first": {func(n *event.Notice) { n.HookName = "drain-web" }, "hook"},
		"another source":  {func(n *event.Notice) { n.Source = event.SourceESSActivity }, "glob"},
		"another group":   {func(n *event.Notice) { n.ScalingGroupID = "asg-2" }, "glob"},
		"another region":  {func(n *event.Notice) { n.ScalingGroupID, n.RegionID = "asg-2", "us-east-1" }, ""},
		"no group":        {func(n *event.Notice) { n.ScalingGroupID = "" }, ""},
		"a state change": {func(n *event.Notice) {
			n.ScalingGroupID, n.Source, n.Origin = "", event.SourceECSState, event.FromStateChange
		}, "bridge"},
		"asked, not told":    {func(n *event.Notice) { n.Source, n.HookName = "", "" }, "hook"},
		"a group named else": {func(n *event.Notice) { n.ScalingGroupID = "asg-10" }, ""},
	} {
		n := launched("asg-1")
		test.change(&n)
		plan, err := c.Plan(n)
		switch {
		case test.want == "" && code(err) != "NoRoute":
			t.Errorf("%s: got %+v and %v, want NoRoute", name, plan.Route, err)
		case test.want != "" && (err != nil || plan.Route.Name != test.want):
			t.Errorf("%s: got %+v and %v, want route %s", name, plan.Route, err, test.want)
		}
	}
}

func TestAStateChangeIsOnlyTakenByARouteThatNamesIt(t *testing.T) {
	n := event.Notice{Kind: event.Launch, Origin: event.FromStateChange, Source: event.SourceECSState, RegionID: "cn-hangzhou", InstanceID: "i-1"}
	for match, taken := range map[string]bool{
		"{regionId: cn-hangzhou}":                           false,
		"{source: '*'}":                                     false,
		"{source: '**', regionId: '*'}":                     false,
		"{source: ecs-state-change}":                        true,
		"{source: 'ecs-*', regionId: cn-hangzhou}":          true,
		"{source: ecs-state-change, regionId: cn-shanghai}": false,
		"{source: ecs-state-change, scalingGroupId: '*'}":   false,
	} {
		c := parse(t, small("match: "+match+"\ntargets: ["+target+"]"))
		if _, err := c.Plan(n); (err == nil) != taken {
			t.Errorf("%s: got %v", match, err)
		}
	}
}

func TestTheBackendOfAnEC2InstanceComesFromTheMetadata(t *testing.T) {
	with := func(server string) *Config {
		return parse(t, small("match: {source: 'ec2-*'}\ntargets: [{regionId: cn-hangzhou, vServerGroupId: rsp-1, port: 80, type: "+server+"}]"))
	}
	n := launched("demo-web")
	n.Source, n.RegionID, n.Hook, n.InstanceID = event.SourceEC2Hook, "eu-central-1", &event.Hook{Platform: event.EC2}, "i-0demo"
	_, err := with("ecs").Plan(n)
	if code(err) != "NoServerId" || !strings.Contains(err.Error(), "i-0demo is an instance of Amazon EC2") {
		t.Errorf("without serverId: %v", err)
	}
	eni := parse(t, small("match: {source: 'ec2-*'}\ntargets: [{regionId: cn-hangzhou, vServerGroupId: rsp-1, port: 80, type: eni}]\nserverId: '{{ .Metadata.serverId }}'\nserverIp: '{{ .Metadata.net.ip }}'"))
	for metadata, want := range map[string]string{
		`{"serverId":"eni-1","net":{"ip":"192.0.2.1"}}`: "",
		``:                     "NoServerId",
		`drain`:                "NoServerId",
		`{"other":1}`:          "NoServerId",
		`{"serverId":{"a":1}}`: "NoServerId",
		`{"serverId":""}`:      "NoServerId",
		`{"serverId":"eni 1"}`: "NoServerId",
		`{"serverId":"eni-1"}`: "NoServerIp",
		`{"serverId":"eni-1","net":{"ip":"somewhere"}}`: "NoServerIp",
	} {
		n.Metadata = metadata
		plan, err := eni.Plan(n)
		if code(err) != want {
			t.Errorf("%s: got %v, want %q", metadata, err, want)
		}
		if want == "" {
			got := plan.Changes[0].Backend
			if got.ServerID != "eni-1" || got.ServerIP != "192.0.2.1" || got.Type != vsg.ENI {
				t.Errorf("%s: got %+v", metadata, got)
			}
		}
	}
	for written, want := range map[string]string{"::ffff:192.0.2.1": "192.0.2.1", "2001:DB8:0::1": "2001:db8::1", "fe80::1%eth0": ""} {
		n.Metadata = `{"serverId":"eni-1","net":{"ip":"` + written + `"}}`
		plan, err := eni.Plan(n)
		if want == "" {
			if code(err) != "NoServerIp" {
				t.Errorf("%s: got %v", written, err)
			}
			continue
		}
		if err != nil || plan.Changes[0].Backend.ServerIP != want {
			t.Errorf("%s: got %+v and %v, want %s", written, plan.Changes, err, want)
		}
	}
}

func TestARegionThatIsNoneIsNotAllowedByMetadataEither(t *testing.T) {
	c := parse(t, small("match: {scalingGroupId: '*'}\nmetadataTargets: true\nallowVServerGroups: [rsp-2]"))
	for region, want := range map[string]string{"cn-shanghai": "", "x/evil.example": "GroupNotAllowed", "a b": "GroupNotAllowed"} {
		n := launched("asg-1")
		n.Metadata = `{"targets":[{"regionId":"` + region + `","vServerGroupId":"rsp-2","port":80}]}`
		if _, err := c.Plan(n); code(err) != want {
			t.Errorf("%s: got %v, want %q", region, err, want)
		}
	}
}

func TestAnIDThatIsOfNoInstanceNeedsItsType(t *testing.T) {
	n := launched("asg-bp1web")
	n.InstanceID = "eci-bp1task"
	if _, err := parse(t, documented).Plan(n); code(err) != "TypeMismatch" || !strings.Contains(err.Error(), "type: eci") {
		t.Errorf("got %v", err)
	}
}

func TestMetadataMayNameOnlyGroupsThatTheRouteAllows(t *testing.T) {
	c := parse(t, small("match: {scalingGroupId: '*'}\ntargets: ["+target+"]\nmetadataTargets: true\nallowVServerGroups: [rsp-2]"))
	closed := parse(t, small("match: {scalingGroupId: '*'}\ntargets: ["+target+"]\nallowVServerGroups: [rsp-2]"))
	for metadata, want := range map[string]struct {
		code, path string
		changes    int
	}{
		``:                   {changes: 1},
		`drain`:              {changes: 1},
		`{"serverId":"i-1"}`: {changes: 1},
		`{"targets":[{"vServerGroupId":"rsp-2","port":8080}]}`:                        {changes: 2},
		`{"targets":[{"vServerGroupId":"rsp-1","port":"8080","weight":"5"}]}`:         {changes: 2},
		`{"targets":[{"vServerGroupId":"rsp-1","port":80,"weight":5}]}`:               {changes: 1},
		`{"targets":[{"vServerGroupId":"rsp-3","port":80}]}`:                          {"GroupNotAllowed", "notificationMetadata.targets[0].vServerGroupId", 0},
		`{"targets":[{"regionId":"cn-shanghai","vServerGroupId":"rsp-2","port":80}]}`: {"GroupNotAllowed", "notificationMetadata.targets[0].vServerGroupId", 0},
		`{"targets":[{"vServerGroupId":"rsp-2"}]}`:                                    {"Malformed", "notificationMetadata.targets[0].port", 0},
		`{"targets":[{"vServerGroupId":"rsp-2","port":80,"weight":101}]}`:             {"Malformed", "notificationMetadata.targets[0].weight", 0},
		`{"targets":[{"vServerGroupId":"rsp-2","port":80,"type":"vm"}]}`:              {"Malformed", "notificationMetadata.targets[0].type", 0},
		`{"targets":[{"vServerGroupId":"rsp-2","port":80,"description":"a b"}]}`:      {"Malformed", "notificationMetadata.targets[0].description", 0},
		`{"targets":"rsp-2"}`: {"Malformed", "notificationMetadata", 0},
		`{"targets":[`:        {"Malformed", "notificationMetadata", 0},
	} {
		n := launched("asg-1")
		n.Metadata = metadata
		plan, err := c.Plan(n)
		var e *Error
		switch {
		case want.code == "" && (err != nil || len(plan.Changes) != want.changes):
			t.Errorf("%s: got %d changes and %v, want %d", metadata, len(plan.Changes), err, want.changes)
		case want.code != "" && (!errors.As(err, &e) || e.Code != want.code || e.Path != want.path):
			t.Errorf("%s: got %v, want %s at %s", metadata, err, want.code, want.path)
		}
		if plan, err := closed.Plan(n); err != nil || len(plan.Changes) != 1 {
			t.Errorf("a route without metadataTargets looks at %s: %+v, %v", metadata, plan, err)
		}
	}
}

func TestAMessageMayNameOnlyGroupsThatSomeRouteAllows(t *testing.T) {
	c := parse(t, `version: 1
routes:
- {name: web, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-1, port: 80, loadBalancerId: lb-1}], allowVServerGroups: [rsp-2]}
- {name: by-hand, match: {source: request-parameters, regionId: cn-hangzhou}, allowVServerGroups: [rsp-1, rsp-3]}
- {name: anywhere, match: {source: request-parameters}, allowVServerGroups: [rsp-4]}
`)
	for group, want := range map[vsg.Group]string{
		{RegionID: "cn-hangzhou", ID: "rsp-1"}:    "by-hand", // it matches too
		{RegionID: "cn-hangzhou", ID: "rsp-2"}:    "web",
		{RegionID: "cn-hangzhou", ID: "rsp-3"}:    "by-hand",
		{RegionID: "cn-shanghai", ID: "rsp-4"}:    "anywhere",
		{RegionID: "x/evil.example", ID: "rsp-4"}: "",
		{RegionID: "", ID: "rsp-4"}:               "",
		{RegionID: "cn-shanghai", ID: "rsp-1"}:    "",
		{RegionID: "cn-shanghai", ID: "rsp-2"}:    "",
		{RegionID: "cn-hangzhou", ID: "rsp-5"}:    "",
		{RegionID: "", ID: "rsp-1"}:               "",
	} {
		n := event.Notice{
			Kind: event.Launch, Origin: event.FromUser, Source: event.SourceRequest, RegionID: group.RegionID, InstanceID: "i-1", Launch: "l",
			Target: &event.Target{Group: group, Backend: vsg.Backend{ServerID: "i-1", Port: 81, Weight: 7, Type: vsg.ECS}},
		}
		plan, err := c.Plan(n)
		if want == "" {
			if code(err) != "GroupNotAllowed" {
				t.Errorf("%v: got %+v and %v", group, plan, err)
			}
			continue
		}
		if err != nil || plan.Route.Name != want || len(plan.Changes) != 1 {
			t.Errorf("%v: got %+v and %v, want route %s", group, plan, err, want)
			continue
		}
		got := plan.Changes[0]
		if got.Group != group || got.Backend != (vsg.Backend{ServerID: "i-1", Port: 81, Weight: 7, Type: vsg.ECS, Description: Description}) {
			t.Errorf("%v: got %+v", group, got)
		}
		if wantLB := map[string]string{"rsp-1": "lb-1"}[group.ID]; got.LoadBalancerID != wantLB {
			t.Errorf("%v: the load balancer is %q", group, got.LoadBalancerID)
		}
	}
}

// TestNoNoticeReachesAGroupThatNobodyNames tries anything.
func TestNoNoticeReachesAGroupThatNobodyNames(t *testing.T) {
	c := parse(t, string(functions.Sample))
	named := map[vsg.Group]bool{}
	for _, g := range c.Groups() {
		named[g.Group] = true
	}
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, name) }
		group := pick("group", "rsp-cige6j5e7p", "rsp-bp1canary", "rsp-bp1batch", "rsp-other", "", "*", "rsp-bp1next")
		region := pick("region", "cn-hangzhou", "cn-shanghai", "", "*")
		n := event.Notice{
			Kind:           event.Kind(pick("kind", "launch", "terminate")),
			Origin:         event.Origin(pick("origin", "hook", "user", "notification", "state-change")),
			Source:         pick("source", append(sources, "", "*")...),
			RegionID:       region,
			ScalingGroupID: pick("scaling group", "asg-bp1web", "asg-bp1canary", "asg-bp1eci", "demo-web", "*", ""),
			InstanceID:     pick("instance", "i-1", "eci-1", "eni-1"),
			Metadata:       pick("metadata", "", `{"targets":[{"regionId":"`+region+`","vServerGroupId":"`+group+`","port":1}]}`, `{"serverId":"eni-1","serverIp":"192.0.2.1"}`),
		}
		if rapid.Bool().Draw(rt, "names a target") {
			n.Target = &event.Target{Group: vsg.Group{RegionID: region, ID: group}, Backend: vsg.Backend{ServerID: "i-1", Port: 1, Type: vsg.ECS}}
		}
		plan, err := c.Plan(n)
		if err != nil {
			return
		}
		for _, change := range plan.Changes {
			if !named[change.Group] {
				rt.Errorf("%+v reaches %v", n, change.Group)
			}
		}
	})
}

func TestEveryGroupIsListedOnce(t *testing.T) {
	c := parse(t, `version: 1
routes:
- {name: a, match: {scalingGroupId: a}, targets: [{regionId: r1, vServerGroupId: g1, port: 1}, {regionId: r1, vServerGroupId: g1, port: 2, loadBalancerId: lb-1}, {regionId: r2, vServerGroupId: g1, port: 1}], allowVServerGroups: [g1, g2]}
- {name: b, match: {regionId: r3}, targets: [{regionId: r1, vServerGroupId: g1, port: 3}]}
- {name: c, match: {regionId: r3}, allowVServerGroups: [g3]}
- {name: d, match: {regionId: 'r*'}, allowVServerGroups: [g4]}
`)
	want := []GroupRef{
		{Group: vsg.Group{RegionID: "r1", ID: "g1"}, LoadBalancerID: "lb-1", Target: true, Routes: []string{"a", "b"}},
		{Group: vsg.Group{RegionID: "r2", ID: "g1"}, Target: true, Routes: []string{"a"}},
		{Group: vsg.Group{RegionID: "r1", ID: "g2"}, Routes: []string{"a"}},
		{Group: vsg.Group{RegionID: "r2", ID: "g2"}, Routes: []string{"a"}},
		{Group: vsg.Group{RegionID: "r3", ID: "g3"}, Routes: []string{"c"}},
		{Group: vsg.Group{RegionID: "", ID: "g4"}, Routes: []string{"d"}},
	}
	if diff := cmp.Diff(want, c.Groups()); diff != "" {
		t.Error(diff)
	}
}

func TestEverySampleEventMeetsItsRoute(t *testing.T) {
	c := parse(t, string(functions.Sample))
	files, err := filepath.Glob("../../events/*/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := event.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			for _, n := range m.Notices {
				_, err := c.Plan(n)
				if m.Source == event.SourceEC2Activity { // it carries no metadata that could say which backend it is
					if code(err) != "NoRoute" {
						t.Errorf("%s: got %v, want NoRoute", file, err)
					}
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", file, err)
				}
			}
		}
	}
}

func TestAGlobAgreesWithTheSlowAndObviousOne(t *testing.T) {
	var slow func(p, s string) bool
	slow = func(p, s string) bool {
		switch {
		case p == "":
			return s == ""
		case p[0] == '*':
			return slow(p[1:], s) || s != "" && slow(p, s[1:])
		case s != "" && (p[0] == '?' || p[0] == s[0]):
			return slow(p[1:], s[1:])
		}
		return false
	}
	rapid.Check(t, func(rt *rapid.T) {
		pattern := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?")), 0, 8, -1).Draw(rt, "pattern")
		text := rapid.StringOfN(rapid.SampledFrom([]rune("abc")), 0, 8, -1).Draw(rt, "text")
		if got, want := glob(pattern, text), slow(pattern, text); got != want {
			rt.Errorf("glob(%q, %q) = %v", pattern, text, got)
		}
	})
	if glob(strings.Repeat("*a", 1000), strings.Repeat("a", 100_000)+"b") {
		t.Error("the pattern must end with a")
	}
}
