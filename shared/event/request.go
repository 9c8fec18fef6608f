package event

import (
	"strconv"
	"strings"
	"time"

	"slb-registrar/shared/vsg"
)

// request is the parameters of the API's own calls, as somebody puts them into
// a queue:
//
//	{"Action": "AddVServerGroupBackendServers", "RegionId": "cn-hangzhou", "VServerGroupId": "rsp-cige6j5e7p",
//	 "BackendServers": "[{'ServerId':'vm-233','Port':'80','Weight':'100'}]"}
//
// The list is an array or a text of one, in single quotes or double ones; names
// are in any case; numbers may be texts. Action may also be
// RemoveVServerGroupBackendServers; Add is meant when it is missing. The call is
// not passed on: its backends are routed, claimed and batched like all others.
type request struct {
	kind     Kind
	group    vsg.Group
	backends []vsg.Backend
}

func isRequest(o object) bool {
	if o.has("VServerGroupId") || o.has("BackendServers") {
		return true
	}
	action, _ := o.get("Action").scalar()
	return strings.Contains(action, "VServerGroup")
}

func (d *decoder) request(m *Message, o object, env envelope) {
	m.Source = SourceRequest
	q, err := readRequest(o)
	if err != nil {
		m.fail(err)
		return
	}
	var prefix string
	if env.id == "" {
		members := make([]string, len(q.backends))
		for i, b := range q.backends {
			members[i] = q.group.ID + " " + b.ServerID + " " + b.ServerIP + " " + strconv.Itoa(b.Port)
		}
		prefix = byBody(q.kind, q.group.RegionID, "", time.Time{}, members)
	}
	notices := make([]Notice, len(q.backends))
	for i, b := range q.backends {
		launch := prefix + b.ServerID
		if prefix == "" {
			launch = byID(env.id, q.kind, b.ServerID)
		}
		notices[i] = Notice{
			Kind: q.kind, Origin: FromUser, Source: m.Source, RegionID: q.group.RegionID, InstanceID: b.ServerID,
			Launch: launch, At: env.at, Target: &Target{Group: q.group, Backend: b},
		}
	}
	d.add(m, notices, o.get("BackendServers").path)
}

func readRequest(o object) (request, *Error) {
	var r reader
	q := request{
		kind:  Launch,
		group: vsg.Group{RegionID: r.name(o.get("RegionId")), ID: r.name(o.get("VServerGroupId"))},
	}
	switch action := r.name(o.get("Action")); action {
	case "", "AddVServerGroupBackendServers":
	case "RemoveVServerGroupBackendServers":
		q.kind = Terminate
	default:
		r.fail("Malformed", o.get("Action").path, "must be AddVServerGroupBackendServers or RemoveVServerGroupBackendServers")
	}
	r.need(o.get("RegionId"), q.group.RegionID, "it names the region of the load balancer, for example cn-hangzhou")
	r.need(o.get("VServerGroupId"), q.group.ID, "it names the VServer group, for example rsp-cige6j5e7p")
	q.backends = r.backends(o.get("BackendServers"), q.kind)
	return q, r.err
}

// backends reads BackendServers. Of equal backends the first one counts, as it
// does for the service.
func (r *reader) backends(v value, kind Kind) []vsg.Backend {
	r.need(v, string(v.raw), "it lists the backend servers")
	if v.kind() == '"' {
		inner, err := parse([]byte(unquote(v.raw)), v.path)
		if err != nil {
			r.fail(err.Code, err.Path, err.Message)
			return nil
		}
		v = inner
	}
	elements, ok := v.elements(MaxInstances)
	switch {
	case !ok:
		r.tooMany(v.path)
	case v.present() && v.kind() != '[':
		r.fail("Malformed", v.path, "must be a list of backend servers, is "+v.describe())
	case len(elements) == 0:
		r.fail("NoInstances", v.path, "lists no backend server")
	}
	if r.err != nil {
		return nil
	}
	seen := make(map[vsg.Identity]bool, len(elements))
	backends := make([]vsg.Backend, 0, len(elements))
	for i, element := range elements {
		b := r.backend(v.element(i, element), kind)
		if r.err != nil {
			return nil
		}
		if !seen[b.Identity()] {
			seen[b.Identity()] = true
			backends = append(backends, b)
		}
	}
	return backends
}

// backend reads one of them. What the service would refuse is refused here,
// because it would refuse the whole call, with the backends of other messages.
func (r *reader) backend(v value, kind Kind) vsg.Backend {
	o, err := v.object()
	if err != nil {
		r.fail(err.Code, err.Path, err.Message)
		return vsg.Backend{}
	}
	r.need(o.get("Port"), string(o.get("Port").raw), "it is the port that the backend server listens on")
	b := vsg.Backend{
		ServerID:    r.serverID(o.get("ServerId")),
		ServerIP:    r.address(o.get("ServerIp")),
		Port:        r.integer(o.get("Port"), vsg.MinPort, vsg.MaxPort, 0),
		Weight:      r.integer(o.get("Weight"), vsg.MinWeight, vsg.MaxWeight, vsg.DefaultWeight),
		Type:        vsg.Type(strings.ToLower(r.name(o.get("Type")))),
		Description: r.text(o.get("Description"), vsg.MaxDescription),
	}
	switch b.Type {
	case "":
		b.Type = vsg.ECS
	case vsg.ECS, vsg.ENI, vsg.ECI:
	default:
		r.fail("Malformed", o.get("Type").path, "must be ecs, eni or eci")
	}
	if b.Type == vsg.ECS {
		if strings.HasPrefix(b.ServerID, "eni-") || strings.HasPrefix(b.ServerID, "eci-") {
			r.fail("Malformed", o.get("Type").path, "must be "+b.ServerID[:3]+", as the ServerId is no ECS instance's")
		}
		b.ServerIP = "" // an ECS instance is known by its id alone, whatever the sender adds
	}
	if kind == Launch && b.Description != "" && !vsg.ValidDescription(b.Description) {
		r.fail("Malformed", o.get("Description").path, vsg.DescriptionRule)
	}
	return b
}

// address reads an IP address, in the one form in which it is compared.
func (r *reader) address(v value) string {
	text := r.name(v)
	if text == "" {
		return ""
	}
	ip, ok := vsg.CanonicalIP(text)
	if !ok {
		r.fail("Malformed", v.path, "must be an IP address without a zone")
	}
	return ip
}
