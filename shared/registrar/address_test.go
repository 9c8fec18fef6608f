package registrar_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

func TestMemberIsKnownByTheAddressThatTheServiceFillsIn(t *testing.T) {
	for _, c := range []struct {
		kind   vsg.Type
		server string
	}{{vsg.ECS, "i-1"}, {vsg.ECI, "eci-1"}, {vsg.ENI, "eni-1"}} {
		for _, duplicate := range duplicates {
			t.Run(fmt.Sprintf("%s, duplicates %s", c.kind, duplicate), func(t *testing.T) {
				story(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					r := newRig(t, clbtest.Options{AutoCreate: true, FillServerIP: true, Duplicate: duplicate}, registrar.Options{})
					backend := vsg.Backend{ServerID: c.server, Port: 80, Weight: 100, Type: c.kind}
					of := func(action vsg.Action) vsg.Change {
						return vsg.Change{Action: action, Group: vsg.Group{RegionID: region, ID: "rsp-a"}, Backend: backend, Launch: string(action)}
					}
					for _, step := range []struct {
						action vsg.Action
						want   vsg.Status
					}{{vsg.Add, vsg.Added}, {vsg.Remove, vsg.Removed}, {vsg.Add, vsg.Added}, {vsg.SetWeight, vsg.Weighted}} {
						if outcomes, _ := r.Apply(ctx, r.api(), []vsg.Change{of(step.action)}); outcomes[0].Status != step.want {
							t.Errorf("%s ended as %+v", step.action, outcomes[0])
						}
					}
					fresh := registrar.New(registrar.Options{})
					if outcomes, _ := fresh.Apply(ctx, r.api(), []vsg.Change{of(vsg.Add)}); outcomes[0].Status != vsg.Already {
						t.Errorf("to a process that never saw it, it is %+v", outcomes[0])
					}
					if calls := r.calls(addAction); len(calls) != 2 {
						t.Errorf("%v", calls)
					}
				})
			})
		}
	}
}

func TestInterfaceWithoutAnAddressIsNotMistakenForOneOfSeveral(t *testing.T) {
	members := []vsg.Backend{{ServerID: "eni-1", ServerIP: "192.0.2.1", Port: 80}, {ServerID: "eni-1", ServerIP: "192.0.2.2", Port: 80}, {ServerID: "eni-1", ServerIP: "192.0.2.3", Port: 80}}
	for ip, want := range map[string]*vsg.Backend{"": nil, "192.0.2.2": &members[1], "192.0.2.9": nil} {
		if got := vsg.Find(members, vsg.Backend{ServerID: "eni-1", ServerIP: ip, Port: 80}); got != want {
			t.Errorf("%q is %+v", ip, got)
		}
	}
	if got := vsg.Find(members[:1], vsg.Backend{ServerID: "eni-1", Port: 80}); got != &members[0] {
		t.Errorf("the only one is %+v", got)
	}
}
