package event

import "strings"

// instanceMessage is the message of somebody who launches instances without
// Auto Scaling, or wants to repeat what it told. Its JSON Schema is
// functions/instance-message.schema.json.
//
//	{"kind": "launch", "id": "deploy-42", "time": "2026-11-02T06:15:30Z", "regionId": "cn-hangzhou",
//	 "scalingGroupId": "asg-bp1web", "instanceIds": ["i-bp1web0001", "i-bp1web0002"],
//	 "metadata": {"serverId": "eni-bp1web0001"}}
//
// kind is launch or terminate. With an id of its own a message that is sent
// twice takes effect once; without one the queue's id of the message serves.
type instanceMessage struct {
	kind        Kind
	id          string
	regionID    string
	groupID     string
	hookName    string
	metadata    string
	instanceIDs []string
}

func isInstanceMessage(o object) bool {
	kind, _ := o.get("kind").scalar()
	kind = strings.ToLower(kind)
	if o.has("BackendServers") {
		return false // a request with a field of its sender's own
	}
	return kind == string(Launch) || kind == string(Terminate) || o.has("instanceIds")
}

func (d *decoder) instanceMessage(m *Message, o object, env envelope) {
	m.Source = SourceInstance
	var r reader
	im := instanceMessage{
		kind:     Kind(strings.ToLower(r.name(o.get("kind")))),
		id:       r.name(o.get("id")),
		regionID: r.name(o.get("regionId")),
		groupID:  r.name(o.get("scalingGroupId")),
		hookName: r.name(o.get("lifecycleHookName")),
		metadata: r.metadata(o.get("metadata")),
	}
	r.need(o.get("kind"), string(im.kind), "it says launch or terminate")
	if im.kind != Launch && im.kind != Terminate {
		r.fail("Malformed", o.get("kind").path, "must be launch or terminate")
	}
	im.instanceIDs = r.instances(o.get("instanceIds"))
	if r.err != nil {
		m.fail(r.err)
		return
	}
	if im.regionID == "" {
		im.regionID = env.region
	}
	at := whenOf(im.kind, o.get("time"))
	prefix := ""
	switch {
	case im.id != "":
	case env.id != "":
		im.id = env.id
	default:
		prefix = byBody(im.kind, im.regionID, im.groupID, at, im.instanceIDs)
	}
	if at.IsZero() {
		at = env.at
	}
	notices := make([]Notice, len(im.instanceIDs))
	for i, instance := range im.instanceIDs {
		launch := prefix + instance
		if prefix == "" {
			launch = byID(im.id, im.kind, instance)
		}
		notices[i] = Notice{
			Kind: im.kind, Origin: FromUser, Source: m.Source, RegionID: im.regionID, ScalingGroupID: im.groupID,
			HookName: im.hookName, InstanceID: instance, Launch: launch, At: at, Metadata: im.metadata,
		}
	}
	d.add(m, notices, o.get("instanceIds").path)
}
