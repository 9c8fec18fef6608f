package event

import (
	"slices"
	"strconv"
	"strings"
)

// essActivity is the notification that a scaling activity of Auto Scaling has
// started, ended or failed. Nobody waits for an answer.
//
//	{"userId": "1900770000000042", "regionId": "cn-hangzhou",
//	 "resourceArn": "acs:ess:cn-hangzhou:1900770000000042:scalingGroup/asg-bp1web",
//	 "eventType": "AUTOSCALING:SCALE_OUT_SUCCESS",
//	 "content": {"scalingGroupId": "asg-bp1web", "scalingActivityId": "asa-bp1web02",
//	  "instanceIds": ["i-bp1web0003"], "startTime": "2026-11-02T06:20Z", "endTime": "2026-11-02T06:22Z"}}
//
// By EventBridge the type is ess:ScalingActivity:ScaleOutSuccess and the
// content is at data. The bodies are printed nowhere; the list of instances may
// be missing, and then the notification is a reason to look for oneself.
type essActivity struct {
	regionID    string
	groupID     string
	activityID  string
	instanceIDs []string
}

// What the types of notifications mean. Those that are not here moved nothing.
var (
	activityKinds = map[string]Kind{
		"AUTOSCALING:SCALE_OUT_SUCCESS":              Launch,
		"AUTOSCALING:SCALE_OUT_WARN":                 Launch, // a part of it
		"AUTOSCALING:SCALE_IN_SUCCESS":               Terminate,
		"AUTOSCALING:SCALE_IN_WARN":                  Terminate,
		"ess:ScalingActivity:ScaleOutSuccess":        Launch,
		"ess:ScalingActivity:ScaleOutPartialSuccess": Launch,
		"ess:ScalingActivity:ScaleInSuccess":         Terminate,
		"ess:ScalingActivity:ScaleInPartialSuccess":  Terminate,
	}
	activityPrefixes = []string{"AUTOSCALING:", "ess:ScalingActivity:", "ess:CloudMonitor:AUTOSCALING"}
)

func isESSActivity(o object, env envelope) bool {
	return activityType(o, env) != ""
}

// activityType is the type of the notification, empty if it is none.
func activityType(o object, env envelope) string {
	written, _ := o.get("eventType").scalar()
	for _, eventType := range []string{env.eventType, written} {
		for _, prefix := range activityPrefixes {
			if strings.HasPrefix(eventType, prefix) {
				return strings.TrimPrefix(eventType, "ess:CloudMonitor:")
			}
		}
	}
	return ""
}

func (d *decoder) essActivity(m *Message, o object, env envelope) {
	if isPendingESSHook(o) { // an envelope called it an activity
		d.essHook(m, o, env)
		return
	}
	m.Source = SourceESSActivity
	kind, moved := activityKinds[activityType(o, env)]
	if !moved {
		m.ignore(reasonActivity)
		return
	}
	content := o
	if o.get("content").kind() == '{' {
		var err *Error
		if content, err = o.get("content").object(); err != nil {
			m.fail(err)
			return
		}
	}
	var r reader
	a := essActivity{
		regionID:   r.region(o, content, env),
		groupID:    r.name(content.get("scalingGroupId")),
		activityID: r.name(content.get("scalingActivityId")),
	}
	listed := content.get("instanceIds")
	if listed.present() {
		a.instanceIDs = r.instances(listed)
	}
	if r.err == nil && !listed.present() {
		r.need(content.get("scalingGroupId"), a.groupID, "neither instances nor their scaling group are named")
	}
	if r.err != nil {
		m.fail(r.err)
		return
	}
	if !listed.present() {
		m.compare(a.groupID, content.get("scalingGroupId").path)
		return
	}
	at := whenOf(kind, content.get("endTime"))
	id := a.activityID
	prefix := ""
	switch {
	case id != "":
	case env.id != "":
		id = env.id
	default:
		prefix = byBody(kind, a.regionID, a.groupID, at, a.instanceIDs)
	}
	if at.IsZero() {
		at = env.at
	}
	notices := make([]Notice, len(a.instanceIDs))
	for i, instance := range a.instanceIDs {
		launch := prefix + instance
		if prefix == "" {
			launch = byID(id, kind, instance)
		}
		notices[i] = Notice{
			Kind: kind, Origin: FromNotification, Source: m.Source, RegionID: a.regionID, ScalingGroupID: a.groupID,
			InstanceID: instance, Launch: launch, At: at,
		}
	}
	d.add(m, notices, listed.path)
}

// compare asks for a reconcile run of one more scaling group.
func (m *Message) compare(groupID, path string) {
	if m.Reconcile == nil {
		m.Reconcile = &Reconcile{Repair: true}
	}
	switch named := m.Reconcile.ScalingGroupIDs; {
	case slices.Contains(named, groupID):
	case len(named) == MaxInstances:
		m.fail(malformed(path, "is one of more than "+strconv.Itoa(MaxInstances)+" scaling groups"))
	default:
		m.Reconcile.ScalingGroupIDs = append(m.Reconcile.ScalingGroupIDs, groupID)
	}
}
