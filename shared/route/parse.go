package route

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"slb-registrar/shared/vsg"
)

// Load reads a configuration from where a setting says: a path, or the YAML
// itself. What has more than one line, or begins as a mapping in braces does,
// is taken for YAML.
func Load(pathOrYAML string) (*Config, error) {
	text := strings.TrimSpace(pathOrYAML)
	if strings.Contains(text, "\n") || strings.HasPrefix(text, "{") {
		return Parse("inline", []byte(pathOrYAML))
	}
	data, err := readFile(text)
	if err != nil {
		message := "cannot be read: " + err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			message = "does not exist"
		}
		return nil, &Invalid{Problems: []Problem{{File: text, Message: message}}}
	}
	return Parse(text, data)
}

// maxFile is far more than thousands of routes take. A path may name what has no
// end, and a function has little memory.
const maxFile = 4 << 20

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return data, err
}

// Parse reads a configuration and checks it. The error is an *[Invalid], which
// names the file as name.
func Parse(name string, data []byte) (*Config, error) {
	d, root, err := parseDocument(name, data)
	if err != nil {
		return nil, err
	}
	c := d.config(root)
	if err := d.err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (d *document) config(root place) *Config {
	f := d.fields(root, "version", "retention", "whenStoreDown", "maxBatch", "routes")
	c := &Config{
		Version:       d.whole(f["version"], 1, 1, 0),
		Retention:     d.duration(f["retention"], time.Second, 10*365*24*time.Hour, DefaultRetention),
		WhenStoreDown: WhenStoreDown(d.oneOf(f["whenStoreDown"], string(Closed), string(Closed), string(Open))),
		MaxBatch:      d.whole(f["maxBatch"], 1, vsg.MaxBatchLimit, vsg.BatchLimit),
	}
	if len(d.problems) == 0 && f["version"].node == nil {
		d.report(root, "lacks version: write version: 1")
	}
	routes := d.list(f["routes"])
	if len(routes) == 0 && len(d.problems) == 0 {
		d.report(root, "lacks routes: write at least one")
	}
	names := map[string]bool{}
	for i, p := range routes {
		r := d.route(p)
		if r.Name == "" {
			r.Name = fmt.Sprintf("route-%d", i+1)
		}
		if names[r.Name] {
			d.report(p, "has the name %s, which another route has", r.Name)
		}
		names[r.Name] = true
		c.Routes = append(c.Routes, r)
	}
	d.agreeOnLoadBalancers(routes, c)
	return c
}

// agreeOnLoadBalancers refuses two load balancers for one group: changes of a
// load balancer go one after the other, and so it has to be known for sure.
func (d *document) agreeOnLoadBalancers(routes []place, c *Config) {
	owner := map[vsg.Group]string{}
	for i, r := range c.Routes {
		for j, t := range r.Targets {
			if t.LoadBalancerID == "" {
				continue
			}
			if other := owner[t.Group]; other != "" && other != t.LoadBalancerID {
				at := place{node: routes[i].node, path: fmt.Sprintf("%s.targets[%d].loadBalancerId", routes[i].path, j)}
				d.report(at, "is %s, but another target says that the group belongs to %s", t.LoadBalancerID, other)
			}
			owner[t.Group] = t.LoadBalancerID
		}
	}
}

func (d *document) route(p place) Route {
	f := d.fields(p, "name", "match", "targets", "metadataTargets", "allowVServerGroups", "serverId", "serverIp", "ready", "onTerminate", "complete")
	r := Route{
		Name:            d.label(f["name"]),
		Match:           d.match(p, f["match"]),
		MetadataTargets: d.yes(f["metadataTargets"]),
		ServerID:        d.template(f["serverId"]),
		ServerIP:        d.template(f["serverIp"]),
		Complete:        d.complete(f["complete"]),
	}
	for _, allowed := range d.list(f["allowVServerGroups"]) {
		if allowed.node == nil {
			d.report(f["allowVServerGroups"], "holds an empty entry: each is the id of a VServer group")
		}
		r.AllowVServerGroups = append(r.AllowVServerGroups, d.id(allowed, "rsp-cige6j5e7p"))
	}
	if ready := f["ready"]; ready.node != nil {
		g := d.fields(ready, "timeout")
		r.Ready = &Ready{Timeout: d.duration(g["timeout"], time.Second, maxWait, 0)}
		if g["timeout"].node == nil {
			d.report(ready, "lacks timeout: how long to wait for healthy backends, for example 60s")
		}
	}
	if terminate := f["onTerminate"]; terminate.node != nil {
		g := d.fields(terminate, "drain")
		r.OnTerminate.Drain = d.duration(g["drain"], 0, maxWait, 0)
	}
	r.Targets = d.targets(f["targets"], r)
	if len(d.problems) == 0 && len(r.Targets) == 0 && !r.MetadataTargets && len(r.AllowVServerGroups) == 0 {
		d.report(p, "does nothing: give it targets, metadataTargets or allowVServerGroups")
	}
	if !r.ServerIP.IsZero() && len(r.Targets) > 0 && !r.MetadataTargets && !hasAddress(r.Targets) {
		d.report(f["serverIp"], "is only for targets of type eni or eci: an ecs instance is known by its id")
	}
	return r
}

func hasAddress(targets []Target) bool {
	for _, t := range targets {
		if t.Type != vsg.ECS {
			return true
		}
	}
	return false
}

// label reads a text that other people see: the name of a route, the
// description of a backend.
func (d *document) label(p place) string {
	before := len(d.problems)
	name := d.text(p)
	if p.node != nil && len(d.problems) == before && !vsg.ValidDescription(name) {
		d.report(p, vsg.DescriptionRule)
	}
	return name
}

func (d *document) match(route, p place) Match {
	before := len(d.problems)
	f := d.fields(p, "source", "scalingGroupId", "lifecycleHookName", "regionId")
	m := Match{
		Source:            d.pattern(f["source"]),
		ScalingGroupID:    d.pattern(f["scalingGroupId"]),
		LifecycleHookName: d.pattern(f["lifecycleHookName"]),
		RegionID:          d.pattern(f["regionId"]),
	}
	if source := m.Source; source != "" && !isGlob(source) && !knownSource(source) {
		d.report(f["source"], "is no kind of event: there are %s%s", strings.Join(sources, ", "), didYouMean(source, sources))
	}
	if m == (Match{}) && len(d.problems) == before {
		if p.node == nil {
			p = place{node: route.node, path: joinPath(route.path, "match")}
		}
		d.report(p, "must say what the route takes: any of source, scalingGroupId, lifecycleHookName, regionId")
	}
	return m
}

// pattern reads what an event's field is compared with.
func (d *document) pattern(p place) string {
	before := len(d.problems)
	text := d.text(p)
	if p.node != nil && text == "" && len(d.problems) == before {
		d.report(p, "must not be empty: leave it out to take everything")
	}
	return text
}

func (d *document) targets(p place, r Route) []Target {
	var targets []Target
	type spot struct {
		group vsg.Group
		port  int
	}
	seen := map[spot]bool{}
	for _, at := range d.list(p) {
		f := d.fields(at, "regionId", "vServerGroupId", "loadBalancerId", "port", "weight", "type", "description")
		t := Target{
			Group:          vsg.Group{RegionID: d.id(f["regionId"], "cn-hangzhou"), ID: d.id(f["vServerGroupId"], "rsp-cige6j5e7p")},
			LoadBalancerID: d.id(f["loadBalancerId"], "lb-bp1b6c719dfa08ex"),
			Port:           d.whole(f["port"], vsg.MinPort, vsg.MaxPort, 0),
			Weight:         d.whole(f["weight"], vsg.MinWeight, vsg.MaxWeight, vsg.DefaultWeight),
			Type:           vsg.Type(d.oneOf(f["type"], string(vsg.ECS), string(vsg.ECS), string(vsg.ENI), string(vsg.ECI))),
			Description:    d.label(f["description"]),
		}
		for _, name := range []string{"regionId", "vServerGroupId", "port"} {
			if f[name].node == nil {
				d.report(at, "lacks %s", name)
			}
		}
		if t.Description == "" {
			t.Description = Description
		}
		if (t.Type == vsg.ENI || t.Type == vsg.ECI) && r.ServerID.IsZero() {
			d.report(f["type"], "is %s, whose id does not come with the event: the route's serverId must say where it is found, for example \"{{ .Metadata.serverId }}\"", t.Type)
		}
		if seen[spot{t.Group, t.Port}] {
			d.report(at, "is the same group and port as a target before it")
		}
		seen[spot{t.Group, t.Port}] = true
		targets = append(targets, t)
	}
	return targets
}

func (d *document) template(p place) Template {
	text := d.text(p)
	t, err := ParseTemplate(text)
	if err != nil {
		d.report(p, "is no template: %v", err)
	}
	return t
}

func (d *document) complete(p place) Complete {
	f := d.fields(p, "success", "failure", "failureWhen")
	result := func(name string, absent Result) Result {
		return Result(d.oneOf(f[name], string(absent), string(Continue), string(Abandon), string(Rollback), string(Leave)))
	}
	return Complete{
		Success:     result("success", Continue),
		Failure:     result("failure", Leave),
		FailureWhen: FailureWhen(d.oneOf(f["failureWhen"], string(Any), string(Any), string(All))),
	}
}
