package event

// timer is a tick of a timer trigger, which asks for a reconcile run:
//
//	{"triggerTime": "2026-11-02T06:30:00Z", "triggerName": "reconcile",
//	 "payload": "{\"reconcile\": {\"scalingGroupIds\": [\"asg-bp1web\"], \"repair\": true, \"remove\": false, \"maxRemovePercent\": 10}}"}
//
// The payload is the user's own text. Without one, or with one that is no JSON
// object, everything that the routes name is compared and what is missing is
// added; nothing is removed unless it says so.
func (d *decoder) timer(m *Message, o object) {
	m.Source = SourceTimer
	m.Reconcile = &Reconcile{Repair: true}
	payload := o.get("payload")
	text, isText := payload.scalar()
	if isText {
		if trimmed := trim([]byte(text)); len(trimmed) == 0 || trimmed[0] != '{' {
			return
		}
		var err *Error
		if payload, err = parse([]byte(text), payload.path); err != nil {
			m.fail(err)
			return
		}
	}
	if payload.kind() != '{' {
		return
	}
	settings, err := payload.object()
	if err != nil {
		m.fail(err)
		return
	}
	if nested := settings.get("reconcile"); nested.present() {
		switch nested.kind() {
		case '{':
			if settings, err = nested.object(); err != nil {
				m.fail(err)
				return
			}
		case '[':
			m.fail(malformed(nested.path, "must be an object with scalingGroupIds, repair, remove and maxRemovePercent"))
			return
		}
	}
	var r reader
	if groups := settings.get("scalingGroupIds"); groups.present() {
		m.Reconcile.ScalingGroupIDs = r.names(groups)
	}
	m.Reconcile.Repair = r.boolean(settings.get("repair"), true)
	m.Reconcile.Remove = r.boolean(settings.get("remove"), false)
	m.Reconcile.MaxRemovePercent = r.integer(settings.get("maxRemovePercent"), 1, 100, 0)
	if r.err != nil {
		m.fail(r.err)
	}
}
