package reconcile_test

import (
	"testing"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/reconcile"
)

// twoGroups has two groups, each with a stale backend of ours and a missing one.
func twoGroups() clbtest.State {
	return clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{
			group("lb-1", "rsp-a", ours("i-gone"), ours("i-0001")),
			group("lb-2", "rsp-b", ours("i-gone"), ours("i-0003")),
		},
		Instances: append(serving("asg-1", 1, 2), serving("asg-2", 3, 2)...),
	}
}

func TestWhatBelongsWhereIsDecidedByTheRoutes(t *testing.T) {
	for _, test := range []struct {
		name, routes string
		asked        []string
		drift        []string
		codes        []string
	}{
		{
			name: "a group for each",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: two, match: {scalingGroupId: asg-2}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 80}]}`,
			drift: []string{"missing i-0002:80", "stale i-gone:80", "missing i-0004:80", "stale i-gone:80"},
		},
		{
			name: "one of them",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: two, match: {scalingGroupId: asg-2}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 80}]}`,
			asked: []string{"asg-2"},
			drift: []string{"missing i-0004:80", "stale i-gone:80"},
		},
		{
			name: "two that share a group",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: two, match: {scalingGroupId: asg-2}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}`,
			asked: []string{"asg-1"},
			drift: []string{"missing i-0002:80", "missing i-0003:80", "missing i-0004:80", "stale i-gone:80"},
		},
		{
			name: "a pattern may feed the group too",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: all, match: {scalingGroupId: "asg-*"}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}`,
			drift: []string{"missing i-0002:80"},
			codes: []string{"CannotBeListed"},
		},
		{
			name: "a pattern and a request that names what it takes",
			routes: `
  - {name: all, match: {scalingGroupId: "asg-*"}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 80}]}`,
			asked: []string{"asg-2"},
			drift: []string{"missing i-0004:80"},
			codes: []string{"CannotBeListed"},
		},
		{
			name: "a pattern alone",
			routes: `
  - {name: all, match: {scalingGroupId: "asg-*"}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 80}]}`,
		},
		{
			name: "nobody takes what was asked for",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}`,
			asked: []string{"asg-9"},
			codes: []string{"NoRoute"},
		},
		{
			name: "routes by hook: what all want is added, what any wants is kept",
			routes: `
  - {name: blue, match: {scalingGroupId: asg-1, lifecycleHookName: blue}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: rest, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}, {regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 80}]}
  - {name: never, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 81}]}`,
			drift: []string{"missing i-0002:80", "stale i-gone:80", "stale i-0003:80", "stale i-gone:80"},
		},
		{
			name: "metadata may name more ports of an instance, but not more instances",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 81}], metadataTargets: true}`,
			drift: []string{"missing i-0001:81", "missing i-0002:81", "stale i-gone:80"},
		},
		{
			name: "what runs may be added without a scaling group",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: state, match: {source: ecs-state-change}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}`,
			drift: []string{"missing i-0002:80"},
			codes: []string{"CannotBeListed"},
		},
		{
			name: "metadata of a pattern's hooks may name the group in any region",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: all, match: {scalingGroupId: "asg-*"}, metadataTargets: true, allowVServerGroups: [rsp-a]}`,
			drift: []string{"missing i-0002:80"},
			codes: []string{"CannotBeListed"},
		},
		{
			name: "metadata may name the group in any region, and that of the scaling group cannot be told",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: two, match: {scalingGroupId: asg-2}, metadataTargets: true, allowVServerGroups: [rsp-a]}`,
			drift: []string{"missing i-0002:80"},
			codes: []string{"CannotBeListed", "NoRegion"},
		},
		{
			name: "metadata may name the group in any region, and the match says which",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: two, match: {scalingGroupId: asg-2, regionId: cn-hangzhou}, metadataTargets: true, allowVServerGroups: [rsp-a]}`,
			drift: []string{"missing i-0002:80", "stale i-gone:80"},
		},
		{
			name: "a queue message may name the group, for a route is made for them",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: queue, match: {source: request-parameters}, allowVServerGroups: [rsp-a]}`,
			drift: []string{"missing i-0002:80"},
			codes: []string{"CannotBeListed"},
		},
		{
			name: "a queue message may name the group, for nothing else needs the allow-list",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: two, match: {scalingGroupId: asg-2}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-b, port: 80}], allowVServerGroups: [rsp-a]}`,
			drift: []string{"missing i-0002:80", "missing i-0004:80", "stale i-gone:80"},
			codes: []string{"CannotBeListed"},
		},
		{
			name: "an allow-list of another region",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}
  - {name: queue, match: {source: request-parameters, regionId: cn-beijing}, allowVServerGroups: [rsp-a]}`,
			drift: []string{"missing i-0002:80", "stale i-gone:80"},
		},
		{
			name: "only an event knows the server",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, serverId: "{{ .Metadata.eni }}", targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}`,
			codes: []string{"NoServerId"},
		},
		{
			name: "the region of the scaling group cannot be told",
			routes: `
  - {name: one, match: {scalingGroupId: asg-1}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}, {regionId: cn-beijing, vServerGroupId: rsp-a, port: 80}]}`,
			codes: []string{"NoRegion"},
		},
		{
			name: "Amazon's groups are not read",
			routes: `
  - {name: one, match: {source: ec2-lifecycle-hook, scalingGroupId: web}, serverId: "{{ .Metadata.id }}", targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80}]}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, "version: 1\nroutes:"+test.routes+"\n", twoGroups())
			report := w.run(event.Reconcile{ScalingGroupIDs: test.asked})
			equal(t, "drift", found(report), append([]string{}, test.drift...))
			codes := []string{}
			for _, p := range report.Problems {
				codes = append(codes, p.Code)
				if note := p.Code == reconcile.CodeOpen || p.Code == "NoServerId"; p.Failed == note {
					t.Errorf("failed is %t of %+v", p.Failed, p)
				}
			}
			equal(t, "problems", codes, append([]string{}, test.codes...))
		})
	}
}

// The same stale backend, where an instance's id does not say its server's.
func TestWhatCannotBeAskedForIsNotRemoved(t *testing.T) {
	stale := ours("eci-i-0003")
	stale.Type = "eci"
	w := newWorld(t, `
version: 1
routes:
  - {name: one, match: {scalingGroupId: asg-1}, serverId: "eci-{{ .InstanceId }}", targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80, type: eci}]}
`, clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{group("lb-1", "rsp-a", ours("i-x"), stale)},
		Instances:     append(serving("asg-1", 1, 1), clbtest.Instance{InstanceID: "eci-i-0001"}),
	})
	report := w.run(remove)
	equal(t, "drift", found(report), []string{"missing eci-i-0001:80", "stale eci-i-0003:80", "stale i-x:80"})
	equal(t, "changes", ended(report), []string{"add eci-i-0001:80 added"})
}
