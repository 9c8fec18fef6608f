package reconcile_test

import (
	"testing"
	"testing/synctest"

	"slb-registrar/shared/clbtest"
)

const containers = `
version: 1
routes:
  - name: containers
    match: {scalingGroupId: asg-1}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, port: 80, type: eci}
    serverId: "{{ .InstanceId }}"
`

func TestAnAddressThatTheServiceFillsInIsNoDrift(t *testing.T) {
	for kind, c := range map[string]struct{ config, server string }{"ecs": {oneGroup, "i-1"}, "eci": {containers, "eci-1"}} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorldWith(t, c.config, clbtest.Options{FillServerIP: true, State: clbtest.State{
					LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-1", VServerGroups: []clbtest.VServerGroup{
						{VServerGroupID: "rsp-a", Backends: []clbtest.Backend{{ServerID: c.server, Port: 80, Weight: 100, Type: kind, Description: "slb-registrar"}}}}}},
					Instances: []clbtest.Instance{{InstanceID: c.server, ScalingGroupID: "asg-1"}},
				}})
				if report := w.run(look); len(report.Drift) != 0 {
					t.Errorf("%+v", report.Drift)
				}
				w.run(remove)
				if n := len(w.changed()); n != 0 {
					t.Errorf("%v", w.changed())
				}
			})
		})
	}
}
