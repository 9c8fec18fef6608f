package event

import "strings"

// cloudEvent is the envelope of Alibaba Cloud EventBridge:
//
//	{"id": "0d9f1c7e-52aa-4c1b-b0b5-7f6e21d4c003", "source": "acs.ess", "specversion": "1.0",
//	 "type": "ess:LifecycleHook:ScaleOut", "subject": "acs:ess:cn-hangzhou:…",
//	 "time": "2026-11-02T06:15:30.250Z", "aliyunpublishtime": "2026-11-02T06:15:30.410Z",
//	 "aliyunregionid": "cn-hangzhou", "data": {…}}
//
// data is an object or a text that holds one.
func (d *decoder) cloudEvent(m *Message, o object, env envelope) {
	var r reader
	id := r.name(o.get("id"))
	eventType := r.name(o.get("type"))
	region := r.name(o.get("aliyunregionid"))
	if r.err != nil {
		m.fail(r.err)
		return
	}
	m.name(id)
	at := when(o.get("time"))
	if at.IsZero() {
		at = when(o.get("aliyunpublishtime"))
	}
	env = env.inside(id, at)
	env.eventType = eventType
	if region != "" {
		env.region = region
	}
	data := o.get("data")
	switch {
	case eventType == "ess:LifecycleHook:Test":
		m.Source = SourceESSHook
		m.ignore(reasonHookTest)
	case strings.HasPrefix(eventType, "ess:LifecycleHook:"):
		m.Source = SourceESSHook
		d.dataOf(m, data, env, d.essHook)
	case isESSActivity(o, env):
		m.Source = SourceESSActivity
		d.dataOf(m, data, env, d.essActivity)
	case strings.HasPrefix(eventType, "ecs:"):
		m.Source = SourceECSState
		if eventType != "ecs:Instance:StateChange" {
			m.ignore(reasonSystemEvent)
			return
		}
		d.dataOf(m, data, env, d.ecsState)
	case !data.present():
		m.ignore(reasonUnknownEvent)
	default:
		d.value(m, data, env)
	}
}

// dataOf reads data that must be an object, or a text of one, of a known kind.
func (d *decoder) dataOf(m *Message, data value, env envelope, read func(*Message, object, envelope)) {
	for range maxWrapping {
		if data.kind() != '"' {
			break
		}
		var err *Error
		if data, err = parse([]byte(unquote(data.raw)), data.path); err != nil {
			m.fail(err)
			return
		}
	}
	if !data.present() {
		m.fail(&Error{Code: "MissingField", Path: data.path, Message: "is missing: it holds the event"})
		return
	}
	o, err := data.object()
	if err != nil {
		m.fail(err)
		return
	}
	read(m, o, env)
}
