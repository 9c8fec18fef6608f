package route

import (
	"fmt"
	"strings"

	"slb-registrar/shared/event"
	"slb-registrar/shared/vsg"
)

// Plan is what a notice means.
type Plan struct {
	Route   *Route
	Changes []vsg.Change
}

// Error says why a notice cannot be routed. Nothing of the configuration but
// names is in it.
type Error struct {
	Code    string // NoRoute, NoTargets, NoServerId, NoServerIp, GroupNotAllowed, TypeMismatch, Malformed
	Message string
	Path    string // in the event, where a field is at fault
}

// Error puts the path first, as the errors of package event do.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Plan finds the first route for n and what it asks for. The error is always
// an *[Error]; trying again does not help until the configuration changes.
func (c *Config) Plan(n event.Notice) (Plan, error) {
	if n.Target != nil {
		return c.planTarget(n)
	}
	r := c.first(n)
	if r == nil {
		return Plan{}, &Error{Code: "NoRoute", Message: "no route matches " + describe(n)}
	}
	targets := r.Targets
	if r.MetadataTargets {
		more, err := r.metadataTargets(n)
		if err != nil {
			return Plan{Route: r}, err
		}
		targets = append(targets[:len(targets):len(targets)], more...)
	}
	if len(targets) == 0 {
		return Plan{Route: r}, &Error{Code: "NoTargets", Message: fmt.Sprintf("route %s has no targets for %s", r.Name, describe(n))}
	}
	id, ip, err := r.server(n)
	if err != nil {
		return Plan{Route: r}, err
	}
	plan := Plan{Route: r}
	seen := map[vsg.Group]map[vsg.Identity]bool{}
	for _, t := range targets {
		b := vsg.Backend{ServerID: id, Port: t.Port, Weight: t.Weight, Type: t.Type, Description: t.Description}
		if t.Type != vsg.ECS {
			b.ServerIP = ip
		}
		if err := typeFits(b); err != nil {
			return Plan{Route: r}, err
		}
		if seen[t.Group] == nil {
			seen[t.Group] = map[vsg.Identity]bool{}
		}
		if !seen[t.Group][b.Identity()] { // the route's own come first, and win
			seen[t.Group][b.Identity()] = true
			plan.Changes = append(plan.Changes, c.change(n, t.Group, b))
		}
	}
	return plan, nil
}

// first is the first route that takes n.
func (c *Config) first(n event.Notice) *Route {
	for i := range c.Routes {
		if c.Routes[i].Match.takes(n) {
			return &c.Routes[i]
		}
	}
	return nil
}

// planTarget allows or refuses a group that the message names itself. A route
// that also matches the message goes before one that only names the group.
func (c *Config) planTarget(n event.Notice) (Plan, error) {
	var found *Route
	for i := range c.Routes {
		r := &c.Routes[i]
		if !r.names(n.Target.Group) {
			continue
		}
		if r.Match.takes(n) {
			found = r
			break
		}
		if found == nil {
			found = r
		}
	}
	if found == nil {
		return Plan{}, &Error{
			Code: "GroupNotAllowed", Path: "VServerGroupId",
			Message: fmt.Sprintf("group %s of %s is neither a target nor in allowVServerGroups of any route", n.Target.Group.ID, n.Target.Group.RegionID),
		}
	}
	b := n.Target.Backend
	if b.Description == "" {
		b.Description = Description
	}
	return Plan{Route: found, Changes: []vsg.Change{c.change(n, n.Target.Group, b)}}, nil
}

func (c *Config) change(n event.Notice, g vsg.Group, b vsg.Backend) vsg.Change {
	action := vsg.Add
	if n.Kind == event.Terminate {
		action = vsg.Remove
	}
	return vsg.Change{Action: action, Group: g, Backend: b, LoadBalancerID: c.loadBalancer(g), Launch: n.Launch, At: n.At}
}

// server finds the id and the address of the backend.
func (r *Route) server(n event.Notice) (id, ip string, err error) {
	switch {
	case !r.ServerID.IsZero():
		if id, err = r.ServerID.render(n.InstanceID, n.Metadata); err != nil {
			return "", "", &Error{Code: "NoServerId", Message: fmt.Sprintf("serverId of route %s: %v", r.Name, err)}
		}
	case strings.HasPrefix(n.Source, "ec2-"):
		return "", "", &Error{Code: "NoServerId", Message: fmt.Sprintf(
			"%s is an instance of Amazon EC2, which is no backend server of CLB by itself: serverId of route %s has to say which one it is, for example \"{{ .Metadata.serverId }}\"", n.InstanceID, r.Name)}
	default:
		id = n.InstanceID
	}
	if !validID(id) {
		return "", "", &Error{Code: "NoServerId", Message: fmt.Sprintf("serverId of route %s gives %q, which is no id of a server", r.Name, id)}
	}
	if r.ServerIP.IsZero() {
		return id, "", nil
	}
	if ip, err = r.ServerIP.render(n.InstanceID, n.Metadata); err != nil {
		return "", "", &Error{Code: "NoServerIp", Message: fmt.Sprintf("serverIp of route %s: %v", r.Name, err)}
	}
	canonical, ok := vsg.CanonicalIP(ip)
	if !ok {
		return "", "", &Error{Code: "NoServerIp", Message: fmt.Sprintf("serverIp of route %s gives %q, which is no IP address without a zone", r.Name, ip)}
	}
	return id, canonical, nil
}

// typeFits refuses what the service would refuse with less clear words.
func typeFits(b vsg.Backend) error {
	for _, t := range []vsg.Type{vsg.ENI, vsg.ECI} {
		if b.Type == vsg.ECS && strings.HasPrefix(b.ServerID, string(t)+"-") {
			return &Error{Code: "TypeMismatch", Message: fmt.Sprintf("%s is no ECS instance: its target needs type: %s, and its route a serverId", b.ServerID, t)}
		}
	}
	return nil
}

func describe(n event.Notice) string {
	var parts []string
	note := func(name, text string) {
		if text != "" {
			parts = append(parts, fmt.Sprintf("%s %q", name, text))
		}
	}
	note("source", n.Source)
	note("scalingGroupId", n.ScalingGroupID)
	note("lifecycleHookName", n.HookName)
	note("regionId", n.RegionID)
	return strings.Join(parts, ", ")
}
