package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"slb-registrar/shared/clbtest"
)

// place is where the instances of a route go.
type place struct {
	region string
	group  string
	port   int
	weight int
}

// backend is a place taken by a server: what the promise is about.
type backend struct {
	group  string
	server string
	port   int
}

func (b backend) String() string { return fmt.Sprintf("%s:%d in %s", b.server, b.port, b.group) }

// scalingGroup is a route of the configuration.
type scalingGroup struct {
	region string
	id     string
	places []place
	drain  bool
	ready  bool
}

// world is what there is before anything happens.
type world struct {
	balancers []clbtest.LoadBalancer
	scaling   []*scalingGroup
	byHand    []string // groups that request parameters may name
	probe     place    // where every server of the region goes
}

const (
	region        = "cn-hangzhou"
	other         = "cn-beijing"
	balancerCount = 8
	groupsEach    = 4
	scalingCount  = 12
	description   = "slb-registrar"
)

// newWorld makes load balancers with groups that several scaling groups share,
// because that is where changes meet.
func newWorld(random *rand.Rand) *world {
	w := &world{}
	groups := map[string][]string{}
	for i := range balancerCount {
		lb := clbtest.LoadBalancer{RegionID: region, LoadBalancerID: fmt.Sprintf("lb-chaos%d", i), MaxBackends: 1_000_000}
		if i%4 == 3 {
			lb.RegionID = other
		}
		for j := range groupsEach {
			id := fmt.Sprintf("rsp-chaos%d%c", i, 'a'+j)
			lb.VServerGroups = append(lb.VServerGroups, clbtest.VServerGroup{VServerGroupID: id, ListenerPort: 80 + j})
			groups[lb.RegionID] = append(groups[lb.RegionID], id)
		}
		w.balancers = append(w.balancers, lb)
	}
	w.byHand = groups[region][:2]
	w.probe = place{region: region, group: groups[region][3], port: 9100, weight: 100}
	for i := range scalingCount {
		g := &scalingGroup{region: region, id: fmt.Sprintf("asg-chaos%02d", i), drain: i%4 == 1, ready: i%5 == 2}
		if i%6 == 5 {
			g.region = other
		}
		order := random.Perm(len(groups[g.region]))
		for j := range 1 + i%3 {
			g.places = append(g.places, place{
				region: g.region, group: groups[g.region][order[j]], port: 8000 + 10*i + j, weight: 1 + random.IntN(100),
			})
		}
		w.scaling = append(w.scaling, g)
	}
	return w
}

// config is the registrar's configuration for this world, whose endings of a
// hook are the defaults.
func (w *world) config() string {
	var b strings.Builder
	b.WriteString("version: 1\nroutes:\n")
	for _, g := range w.scaling {
		fmt.Fprintf(&b, "  - name: %s\n    match: {scalingGroupId: %s}\n    targets:\n", g.id, g.id)
		for _, p := range g.places {
			fmt.Fprintf(&b, "      - {regionId: %s, vServerGroupId: %s, port: %d, weight: %d}\n", p.region, p.group, p.port, p.weight)
		}
		if g.drain {
			b.WriteString("    onTerminate: {drain: 100ms}\n")
		}
		if g.ready {
			b.WriteString("    ready: {timeout: 60s}\n")
		}
	}
	fmt.Fprintf(&b, "  - name: by-hand\n    match: {source: request-parameters, regionId: %s}\n    allowVServerGroups: [%s]\n", region, strings.Join(w.byHand, ", "))
	fmt.Fprintf(&b, "  - name: every-server\n    match: {source: ecs-state-change, regionId: %s}\n    targets:\n      - {regionId: %s, vServerGroupId: %s, port: %d}\n",
		region, region, w.probe.group, w.probe.port)
	return b.String()
}
