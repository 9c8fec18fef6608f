package event

import "strings"

// essHook is the notification of an Auto Scaling lifecycle hook, as it comes
// from an MNS topic or queue:
//
//	{"userId": "1900770000000042", "regionId": "cn-hangzhou",
//	 "resourceArn": "acs:ess:cn-hangzhou:1900770000000042:scalingGroup/asg-bp1web",
//	 "content": {"lifecycleHookId": "ash-bp1web", "lifecycleHookName": "register-web",
//	  "lifecycleActionToken": "5A1F6C20-77B3-4D19-8E52-91C0D4E7AA01",
//	  "lifecycleTransition": "SCALE_OUT", "defaultResult": "ABANDON",
//	  "scalingGroupId": "asg-bp1web", "scalingGroupName": "web", "scalingActivityId": "asa-bp1web",
//	  "requestId": "C0D5E1B2-0A47-4B6C-9F3D-2E8815A7BB02",
//	  "instanceIds": ["i-bp1web0001", "i-bp1web0002"], "notificationMetadata": "{\"serverId\":\"…\"}"}}
//
// EventBridge puts the content at data, or the whole at data; a template of OOS
// can only send the content without a wrapper. One token is for all instances:
// they go on together or not at all.
type essHook struct {
	regionID      string
	transition    string
	hookID        string
	hookName      string
	token         string
	defaultResult string
	groupID       string
	activityID    string
	metadata      string
	instanceIDs   []string
}

// isESSHook reports whether o is such a notification, with its wrapper or without.
func isESSHook(o object) bool {
	for _, name := range []string{"lifecycleHookId", "lifecycleActionToken", "lifecycleTransition"} {
		if o.has(name) {
			return true
		}
	}
	content, err := o.get("content").object()
	return err == nil && (content.has("lifecycleHookId") || content.has("lifecycleActionToken"))
}

// isPendingESSHook reports whether o holds the token of such a hook. Its body
// may have the fields of other kinds too; only a hook of EC2, which has no id,
// has a token of the same name.
func isPendingESSHook(o object) bool {
	if o.has("lifecycleActionToken") && (o.has("lifecycleHookId") || !isEC2(o)) {
		return true
	}
	content, err := o.get("content").object()
	return err == nil && content.has("lifecycleActionToken")
}

func (d *decoder) essHook(m *Message, o object, env envelope) {
	m.Source = SourceESSHook
	content := o
	if o.get("content").kind() == '{' {
		var err *Error
		if content, err = o.get("content").object(); err != nil {
			m.fail(err)
			return
		}
	}
	h, err := readESSHook(o, content, env)
	if err != nil {
		m.fail(err)
		return
	}
	kind := Launch
	if h.transition == "SCALE_IN" {
		kind = Terminate
	}
	at := whenOf(kind, o.get("time"))
	if at.IsZero() {
		at = env.at
	}
	hook := &Hook{
		Platform: ESS, Kind: kind, RegionID: h.regionID, ID: h.hookID, Name: h.hookName, Token: h.token,
		ScalingGroupID: h.groupID, ScalingActivityID: h.activityID, DefaultResult: h.defaultResult, InstanceIDs: h.instanceIDs,
	}
	notices := make([]Notice, len(h.instanceIDs))
	for i, id := range h.instanceIDs {
		notices[i] = Notice{
			Kind: kind, Origin: FromHook, Source: m.Source, RegionID: h.regionID, ScalingGroupID: h.groupID, HookName: h.hookName,
			InstanceID: id, Launch: byToken(h.token, id), At: at, Metadata: h.metadata, Hook: hook,
		}
	}
	d.add(m, notices, content.get("instanceIds").path)
}

func readESSHook(o, content object, env envelope) (essHook, *Error) {
	var r reader
	h := essHook{
		regionID:      r.region(o, content, env),
		transition:    strings.ToUpper(r.name(content.get("lifecycleTransition"))),
		hookID:        r.name(content.get("lifecycleHookId")),
		hookName:      r.name(content.get("lifecycleHookName")),
		token:         r.name(content.get("lifecycleActionToken")),
		defaultResult: r.name(content.get("defaultResult")),
		groupID:       r.name(content.get("scalingGroupId")),
		activityID:    r.name(content.get("scalingActivityId")),
		metadata:      r.metadata(either(content, o, "notificationMetadata")),
	}
	if h.transition == "" {
		h.transition = transitionOf(env.eventType)
	}
	r.need(content.get("lifecycleHookId"), h.hookID, "without it the hook cannot be completed")
	r.need(content.get("lifecycleActionToken"), h.token, "without it the hook cannot be completed")
	transition := content.get("lifecycleTransition")
	r.need(transition, h.transition, "it says SCALE_OUT or SCALE_IN (a template of OOS has to write it out, there is no variable for it)")
	if h.transition != "SCALE_OUT" && h.transition != "SCALE_IN" {
		r.fail("Malformed", transition.path, "must be SCALE_OUT or SCALE_IN")
	}
	h.instanceIDs = r.instances(content.get("instanceIds"))
	return h, r.err
}

// either is the field of a content, or of what is around it.
func either(content, around object, name string) value {
	if v := content.get(name); v.present() {
		return v
	}
	return around.get(name)
}

// region is the region of what Auto Scaling tells: its own words for it, else
// the envelope's, else that of the resource it is about.
func (r *reader) region(o, content object, env envelope) string {
	if region := r.name(either(content, o, "regionId")); region != "" {
		return region
	}
	if env.region != "" {
		return env.region
	}
	return regionOfARN(r.name(either(content, o, "resourceArn")))
}

func transitionOf(eventType string) string {
	switch eventType {
	case "ess:LifecycleHook:ScaleOut":
		return "SCALE_OUT"
	case "ess:LifecycleHook:ScaleIn":
		return "SCALE_IN"
	}
	return ""
}

// regionOfARN is the fourth part of acs:ess:cn-hangzhou:…, or of arn:aws:sns:….
func regionOfARN(arn string) string {
	parts := strings.SplitN(arn, ":", 5)
	switch {
	case len(parts) == 5 && parts[0] == "acs":
		return parts[2]
	case len(parts) == 5 && parts[0] == "arn":
		return parts[3]
	}
	return ""
}
