package clbtest

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

func vServerGroupActions() []action {
	of := []string{"RegionId", "VServerGroupId"}
	withServers := append(slices.Clone(of), "BackendServers")
	return []action{
		{"AddVServerGroupBackendServers", productSLB, withServers, nil, true, (*exchange).addBackendServers},
		{"RemoveVServerGroupBackendServers", productSLB, withServers, nil, true, (*exchange).removeBackendServers},
		{"ModifyVServerGroupBackendServers", productSLB, of, []string{"OldBackendServers", "NewBackendServers"}, true, (*exchange).modifyBackendServers},
		{"SetVServerGroupAttribute", productSLB, of, []string{"VServerGroupName", "BackendServers"}, true, (*exchange).setVServerGroupAttribute},
		{"DescribeVServerGroupAttribute", productSLB, of, nil, false, (*exchange).describeVServerGroupAttribute},
		{"DescribeVServerGroups", productSLB, []string{"RegionId", "LoadBalancerId"}, []string{"IncludeListener", "IncludeRule", "Description", "Tag."}, false, (*exchange).describeVServerGroups},
		{"CreateVServerGroup", productSLB, []string{"RegionId", "LoadBalancerId"}, []string{"VServerGroupName", "BackendServers", "Tag."}, true, (*exchange).createVServerGroup},
		{"DeleteVServerGroup", productSLB, of, nil, true, (*exchange).deleteVServerGroup},
	}
}

// refuseEmptyList is how an empty list is answered, unless a switch lets it pass.
func (e *exchange) refuseEmptyList(empty bool) *failure {
	if empty && e.sim.options.EmptyList != EmptyListNoChange {
		return refuse("MissingParameter", "The list of backend servers is empty.")
	}
	return nil
}

func (e *exchange) addBackendServers() (document, *failure) {
	if fail := e.refuseEmptyList(len(e.servers) == 0); fail != nil {
		return nil, fail
	}
	return e.changeMembers(func(members []Backend, now time.Time) ([]Backend, *failure) {
		if fail := e.checkServers(e.loadBalancer, e.servers, now); fail != nil {
			return nil, fail
		}
		return e.sim.added(members, e.servers)
	})
}

func (e *exchange) removeBackendServers() (document, *failure) {
	if fail := e.refuseEmptyList(len(e.servers) == 0); fail != nil {
		return nil, fail
	}
	return e.changeMembers(func(members []Backend, _ time.Time) ([]Backend, *failure) {
		return removed(members, e.servers), nil
	})
}

func (e *exchange) modifyBackendServers() (document, *failure) {
	if fail := e.refuseEmptyList(len(e.servers) == 0 && len(e.oldServers) == 0); fail != nil {
		return nil, fail
	}
	return e.changeMembers(func(members []Backend, now time.Time) ([]Backend, *failure) {
		if fail := e.checkServers(e.loadBalancer, e.servers, now); fail != nil {
			return nil, fail
		}
		return e.sim.added(removed(members, e.oldServers), e.servers)
	})
}

// changeMembers makes a change of the group's members and answers with the
// complete list after it.
func (e *exchange) changeMembers(next func(members []Backend, now time.Time) ([]Backend, *failure)) (document, *failure) {
	g, lb := e.group, e.loadBalancer
	var members []Backend
	fail := e.change(lb, g, func(now time.Time) (plan, *failure) {
		var fail *failure
		if members, fail = next(g.members, now); fail != nil {
			return plan{}, fail
		}
		delta := len(members) - len(g.members)
		if delta > 0 && lb.members+delta > lb.info.MaxBackends {
			return plan{}, refuse("InstanceBackendServerNumberOverLimit", "")
		}
		return plan{delta: delta, apply: func() { g.members = members }}, nil
	})
	if fail != nil {
		return nil, fail
	}
	return document{{"VServerGroupId", g.id}, {"BackendServers", e.memberList(lb, members)}}, nil
}

// setVServerGroupAttribute changes the name of the group, and the weights and
// descriptions of members. What is no member is ignored.
func (e *exchange) setVServerGroupAttribute() (document, *failure) {
	name, named := e.lookup("VServerGroupName")
	if named && !validName(name) {
		return nil, refuse("InvalidParameter", "The VServerGroupName is not valid.")
	}
	if !named {
		if fail := e.refuseEmptyList(len(e.servers) == 0); fail != nil {
			return nil, fail
		}
	}
	g, lb := e.group, e.loadBalancer
	var members []Backend
	fail := e.change(lb, g, func(time.Time) (plan, *failure) {
		members = weighted(g.members, e.servers)
		if !named {
			name = g.info.VServerGroupName
		}
		return plan{apply: func() { g.members, g.info.VServerGroupName = members, strings.Clone(name) }}, nil
	})
	if fail != nil {
		return nil, fail
	}
	return document{{"VServerGroupId", g.id}, {"VServerGroupName", name}, {"BackendServers", e.memberList(lb, members)}}, nil
}

func validName(name string) bool {
	n := utf8.RuneCountInString(name)
	return n >= 1 && n <= 80
}

func (e *exchange) describeVServerGroupAttribute() (document, *failure) {
	g, lb := e.group, e.loadBalancer
	lb.mu.Lock()
	lb.advance(time.Now())
	info, members, deleted := g.info, g.members, g.deleted
	lb.mu.Unlock()
	if deleted {
		return nil, refuseWith(http.StatusNotFound, "InvalidParameter", "The specified VServerGroupId does not exist.")
	}
	servers := e.memberList(lb, members)
	servers.detailed = true
	return document{
		{"VServerGroupId", g.id},
		{"VServerGroupName", info.VServerGroupName},
		{"LoadBalancerId", lb.id},
		{"CreateTime", utc(info.CreateTime)},
		{"ServiceManagedMode", "Unmanaged"},
		{"BackendServers", servers},
		{"Tags", tagList(info.Tags, "TagKey", "TagValue")},
	}, nil
}

func (e *exchange) describeVServerGroups() (document, *failure) {
	want, fail := e.tags()
	if fail != nil {
		return nil, fail
	}
	lb := e.loadBalancer
	withListener, withRule := e.get("IncludeListener") == "true", e.get("IncludeRule") == "true"
	groups := list{element: "VServerGroup"}
	lb.mu.Lock()
	defer lb.mu.Unlock()
	lb.advance(time.Now())
	if lb.deleted {
		return nil, refuse("InvalidLoadBalancerId.NotFound", "")
	}
	for _, g := range lb.groups {
		if !hasTags(g.info.Tags, want) || !strings.Contains(g.info.VServerGroupName, e.get("Description")) {
			continue
		}
		listeners := list{element: "Listener"}
		if withListener && g.info.ListenerPort != 0 {
			listeners.items = append(listeners.items, document{{"Port", g.info.ListenerPort}, {"Protocol", g.protocol()}})
		}
		associated := document{}
		if withListener {
			associated = append(associated, field{"Listeners", listeners})
		}
		if withRule {
			associated = append(associated, field{"Rules", list{element: "Rule"}})
		}
		groups.items = append(groups.items, document{
			{"VServerGroupId", g.id},
			{"VServerGroupName", g.info.VServerGroupName},
			{"ServerCount", len(g.members)},
			{"CreateTime", utc(g.info.CreateTime)},
			{"ServiceManagedMode", "Unmanaged"},
			{"AssociatedObjects", associated},
			{"Tags", tagList(g.info.Tags, "TagKey", "TagValue")},
		})
	}
	return document{{"VServerGroups", groups}}, nil
}

func (e *exchange) createVServerGroup() (document, *failure) {
	name, named := e.lookup("VServerGroupName")
	if named && !validName(name) {
		return nil, refuse("InvalidParameter", "The VServerGroupName is not valid.")
	}
	tags, fail := e.tags()
	if fail != nil {
		return nil, fail
	}
	lb := e.loadBalancer
	var g *group
	var members []Backend // the answer's, for others may change the group by then
	fail = e.change(lb, nil, func(now time.Time) (plan, *failure) {
		if fail := e.checkServers(lb, e.servers, now); fail != nil {
			return plan{}, fail
		}
		var fail *failure
		if members, fail = e.sim.added(nil, e.servers); fail != nil {
			return plan{}, fail
		}
		if lb.members+len(members) > lb.info.MaxBackends {
			return plan{}, refuse("InstanceBackendServerNumberOverLimit", "")
		}
		g = e.world.newGroup(lb, VServerGroup{VServerGroupID: newID("rsp-"), VServerGroupName: strings.Clone(name), Tags: tags}, now)
		g.members = members
		e.call.VServerGroupID = g.id
		return plan{delta: len(members), apply: func() {
			lb.groups = append(lb.groups, g)
			e.world.groups.Store(g.key, g)
		}}, nil
	})
	if fail != nil {
		return nil, fail
	}
	return document{{"VServerGroupId", g.id}, {"BackendServers", e.memberList(lb, members)}}, nil
}

func (e *exchange) deleteVServerGroup() (document, *failure) {
	g, lb := e.group, e.loadBalancer
	fail := e.change(lb, g, func(time.Time) (plan, *failure) {
		if g.info.ListenerPort != 0 {
			return plan{}, refuse("RspoolVipExist", "")
		}
		return plan{delta: -len(g.members), apply: func() {
			g.deleted = true
			lb.groups = slices.DeleteFunc(lb.groups, func(other *group) bool { return other == g })
			e.world.groups.Delete(g.key)
		}}, nil
	})
	return document{}, fail
}

func (g *group) protocol() string {
	if g.info.ListenerProtocol == "" {
		return "http"
	}
	return g.info.ListenerProtocol
}
