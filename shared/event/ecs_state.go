package event

import "strings"

// ecsState is the change of an instance's state. It knows no scaling group;
// only a route that names this source takes it.
//
//	{"resourceId": "i-bp1web0001", "resourceType": "ALIYUN::ECS::Instance", "state": "Running"}
type ecsState struct {
	instanceID string
	state      string
}

// cloudMonitor is the envelope of a system event of CloudMonitor. Its time has
// a form of its own, and its resourceId is an ARN where that of the content is
// the bare id.
//
//	{"eventTime": "20261102T141530.250+0800", "id": "3E9B7A10-6C52-4D0F-A1B8-44D27C5E0006", "level": "INFO",
//	 "name": "Instance:StateChange", "product": "ECS", "regionId": "cn-hangzhou",
//	 "resourceId": "acs:ecs:cn-hangzhou:1900770000000042:instance/i-bp1web0001",
//	 "userId": "1900770000000042", "ver": "1.0", "content": {…}}
func (d *decoder) cloudMonitor(m *Message, o object, env envelope) {
	var r reader
	id := r.name(o.get("id"))
	region := r.name(o.get("regionId"))
	product := r.name(o.get("product"))
	name := r.name(o.get("name"))
	if r.err != nil {
		m.fail(r.err)
		return
	}
	env = env.inside(id, when(o.get("eventTime")))
	if region != "" {
		env.region = region
	}
	if strings.HasPrefix(name, "AUTOSCALING:") { // CloudMonitor also passes on what Auto Scaling has to tell
		env.eventType = name
		d.essActivity(m, o, env)
		return
	}
	if !strings.EqualFold(product, "ECS") {
		m.ignore(reasonUnknownEvent)
		return
	}
	m.Source = SourceECSState
	m.name(id)
	if name != "Instance:StateChange" {
		m.ignore(reasonSystemEvent)
		return
	}
	d.dataOf(m, o.get("content"), env, d.ecsState)
}

func (d *decoder) ecsState(m *Message, o object, env envelope) {
	if o.get("content").kind() == '{' { // the envelope of CloudMonitor within that of EventBridge
		env.wraps++
		d.cloudMonitor(m, o, env)
		return
	}
	var r reader
	named := o.get("resourceId")
	if !named.present() && o.has("instanceId") {
		named = o.get("instanceId")
	}
	s := ecsState{instanceID: r.serverID(named), state: r.name(o.get("state"))}
	r.need(o.get("state"), s.state, "it says what has become of the instance")
	if r.err != nil {
		m.fail(r.err)
		return
	}
	var kind Kind
	switch strings.ToLower(s.state) {
	case "running":
		kind = Launch
	case "stopped", "deleted":
		kind = Terminate
	default:
		m.ignore(reasonState)
		return
	}
	launch := byBody(kind, env.region, "", env.at, []string{s.instanceID}) + s.instanceID
	if env.id != "" {
		launch = byID(env.id, kind, s.instanceID)
	}
	d.add(m, []Notice{{
		Kind: kind, Origin: FromStateChange, Source: m.Source, RegionID: env.region, InstanceID: s.instanceID,
		Launch: launch, At: env.at,
	}}, named.path)
}
