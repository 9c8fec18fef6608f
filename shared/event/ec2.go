package event

import "strings"

// ec2Action is a lifecycle action of EC2 Auto Scaling, or the news that a
// launch or a termination is done. A hook sends it flat to SQS and SNS:
//
//	{"LifecycleHookName": "register-web", "AccountId": "700100200300", "RequestId": "e1f2a3b4-…",
//	 "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "AutoScalingGroupName": "demo-web",
//	 "Service": "AWS Auto Scaling", "Time": "2026-11-02T06:40:00.125Z", "EC2InstanceId": "i-0demo00000000001",
//	 "LifecycleActionToken": "b7c8d9e0-…", "NotificationMetadata": "{\"serverId\":\"eni-bp1demo\"}",
//	 "Origin": "EC2", "Destination": "AutoScalingGroup"}
//
// and EventBridge as the detail of its envelope. One token is for one instance.
// Without Origin and Destination it is an ordinary launch or termination.
type ec2Action struct {
	transition    string
	event         string // of a notification of the group: autoscaling:EC2_INSTANCE_LAUNCH
	groupName     string
	hookName      string
	instanceID    string
	token         string
	activityID    string
	requestID     string
	destination   string
	defaultResult string
	metadata      string
}

// isEC2 reports whether o is such an action without an envelope.
func isEC2(o object) bool {
	return o.has("EC2InstanceId") || o.has("AutoScalingGroupName") || o.has("AutoScalingGroupARN")
}

// eventBridge is the envelope of Amazon EventBridge:
//
//	{"version": "0", "id": "aa10b2c3-0001-4d4e-8f50-61728394a50b",
//	 "detail-type": "EC2 Instance-launch Lifecycle Action", "source": "aws.autoscaling", "account": "700100200300",
//	 "time": "2026-11-02T06:15:30Z", "region": "eu-central-1", "resources": ["arn:aws:autoscaling:…"], "detail": {…}}
func (d *decoder) eventBridge(m *Message, o object, env envelope) {
	var r reader
	id := r.name(o.get("id"))
	region := r.name(o.get("region"))
	detailType := r.name(o.get("detail-type"))
	source := r.name(o.get("source"))
	if r.err != nil {
		m.fail(r.err)
		return
	}
	m.name(id)
	env = env.inside(id, when(o.get("time")))
	if region != "" {
		env.awsRegion = region
	}
	detail := o.get("detail")
	if source != "aws.autoscaling" {
		if strings.HasPrefix(source, "aws.") {
			m.ignore(reasonUnknownEvent)
			return
		}
		d.value(m, detail, env)
		return
	}
	env.eventType = detailType
	d.dataOf(m, detail, env, d.ec2)
}

// What the kinds of news mean: the detail-type of EventBridge, the Event of a
// notification, the LifecycleTransition of a hook.
var ec2Kinds = map[string]Kind{
	"EC2 Instance-launch Lifecycle Action":    Launch,
	"EC2 Instance-terminate Lifecycle Action": Terminate,
	"EC2 Instance Launch Successful":          Launch,
	"EC2 Instance Terminate Successful":       Terminate,
	"autoscaling:EC2_INSTANCE_LAUNCH":         Launch,
	"autoscaling:EC2_INSTANCE_TERMINATE":      Terminate,
	"autoscaling:EC2_INSTANCE_LAUNCHING":      Launch,
	"autoscaling:EC2_INSTANCE_TERMINATING":    Terminate,
}

func (d *decoder) ec2(m *Message, o object, env envelope) {
	m.Source = SourceEC2Hook
	var r reader
	a := ec2Action{
		transition:    r.name(o.get("LifecycleTransition")),
		event:         r.name(o.get("Event")),
		groupName:     r.name(o.get("AutoScalingGroupName")),
		hookName:      r.name(o.get("LifecycleHookName")),
		token:         r.name(o.get("LifecycleActionToken")),
		activityID:    r.name(o.get("ActivityId")),
		requestID:     r.name(o.get("RequestId")),
		destination:   r.name(o.get("Destination")),
		defaultResult: r.name(o.get("DefaultResult")),
		metadata:      r.metadata(o.get("NotificationMetadata")),
	}
	if a.event == "autoscaling:TEST_NOTIFICATION" {
		m.ignore(reasonHookTest)
		return
	}
	hooked := a.transition != "" || a.token != "" || a.hookName != "" || strings.HasSuffix(env.eventType, "Lifecycle Action")
	if !hooked {
		m.Source = SourceEC2Activity
	}
	told := o.get("LifecycleTransition")
	for _, name := range []string{"LifecycleTransition", "Event"} {
		if v := o.get(name); v.present() {
			told = v
			break
		}
	}
	news, _ := told.scalar()
	if news == "" {
		news = env.eventType
	}
	kind, known := ec2Kinds[news]
	switch {
	case r.err != nil:
	case news == "":
		r.fail("MissingField", o.get("LifecycleTransition").path, "is missing: it says whether the instance comes or goes")
	case !known && hooked:
		r.fail("Malformed", told.path, "must be autoscaling:EC2_INSTANCE_LAUNCHING or autoscaling:EC2_INSTANCE_TERMINATING")
	case !known:
		m.ignore(reasonActivity)
		return
	case kind == Launch && a.destination == "WarmPool":
		m.ignore(reasonWarmPool)
		return
	}
	a.instanceID = r.serverID(o.get("EC2InstanceId"))
	if hooked {
		r.need(o.get("LifecycleActionToken"), a.token, "without it the hook cannot be completed")
		r.need(o.get("LifecycleHookName"), a.hookName, "without it the hook cannot be completed")
		r.need(o.get("AutoScalingGroupName"), a.groupName, "without it the hook cannot be completed")
	}
	if r.err != nil {
		m.fail(r.err)
		return
	}
	d.add(m, []Notice{a.notice(o, m.Source, kind, hooked, env)}, o.get("EC2InstanceId").path)
}

func (a ec2Action) notice(o object, source string, kind Kind, hooked bool, env envelope) Notice {
	at := when(o.get("Time"))
	n := Notice{
		Kind: kind, Origin: FromNotification, Source: source, RegionID: env.awsRegion, ScalingGroupID: a.groupName,
		HookName: a.hookName, InstanceID: a.instanceID, Metadata: a.metadata,
	}
	switch {
	case hooked:
		n.Origin = FromHook
		n.Launch = byToken(a.token, a.instanceID)
		n.Hook = &Hook{
			Platform: EC2, Kind: kind, RegionID: env.awsRegion, Name: a.hookName, Token: a.token,
			ScalingGroupID: a.groupName, DefaultResult: a.defaultResult, InstanceIDs: []string{a.instanceID},
		}
	case a.activityID != "":
		n.Launch = byID(a.activityID, kind, a.instanceID)
	case a.requestID != "":
		n.Launch = byID(a.requestID, kind, a.instanceID)
	case env.id != "":
		n.Launch = byID(env.id, kind, a.instanceID)
	default:
		n.Launch = byBody(kind, env.awsRegion, a.groupName, at, []string{a.instanceID}) + a.instanceID
	}
	if at.IsZero() {
		at = env.at
	}
	n.At = at
	return n
}
