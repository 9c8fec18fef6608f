package clbtest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func scalingActions() []action {
	hook := []string{"LifecycleHookId", "LifecycleActionToken"}
	return []action{
		{"CompleteLifecycleAction", productESS, hook, []string{"LifecycleActionResult"}, false, (*exchange).completeLifecycleAction},
		{"RecordLifecycleActionHeartbeat", productESS, hook, []string{"HeartbeatTimeout"}, false, (*exchange).recordHeartbeat},
		{"DescribeLifecycleActions", productESS, []string{"ScalingActivityId"}, []string{"LifecycleActionStatus", "MaxResults", "NextToken"}, false, (*exchange).describeLifecycleActions},
		{"DescribeScalingInstances", productESS, nil, []string{
			"ScalingGroupId", "LifecycleState", "LifecycleStates.", "HealthStatus", "InstanceId.", "CreationType", "CreationTypes.",
			"ScalingActivityId", "ScalingConfigurationId", "PageNumber", "PageSize",
		}, false, (*exchange).describeScalingInstances},
	}
}

// badParameter is the service's own spelling.
func badParameter(name string) *failure {
	return refuse("InvalidParamter", "The specified value of parameter %s is not valid.", name)
}

func (e *exchange) completeLifecycleAction() (document, *failure) {
	result, given := e.lookup("LifecycleActionResult")
	if !given || result == "" {
		result = "CONTINUE"
	}
	if !validResult(result) {
		return nil, badParameter("LifecycleActionResult")
	}
	clientToken := e.get("ClientToken")
	if len(clientToken) > 64 || strings.ContainsFunc(clientToken, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return nil, badParameter("ClientToken")
	}
	return document{}, e.world.hooks.complete(e.get("LifecycleHookId"), e.get("LifecycleActionToken"), result, clientToken, time.Now())
}

func (e *exchange) recordHeartbeat() (document, *failure) {
	timeout := defaultHookTimeout
	if text := e.get("HeartbeatTimeout"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < int(minHookTimeout/time.Second) || seconds > int(maxHookTimeout/time.Second) {
			return nil, badParameter("HeartbeatTimeout")
		}
		timeout = time.Duration(seconds) * time.Second
	}
	return document{}, e.world.hooks.heartbeat(e.get("LifecycleHookId"), e.get("LifecycleActionToken"), timeout, time.Now())
}

// describeLifecycleActions lists the actions of an activity. Those that were
// seeded without one belong to any.
func (e *exchange) describeLifecycleActions() (document, *failure) {
	size, fail := e.number("MaxResults", 10, 1, 50)
	if fail != nil {
		return nil, fail
	}
	from := 0
	if token := e.get("NextToken"); token != "" {
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err == nil {
			from, err = strconv.Atoi(string(text))
		}
		if err != nil || from < 0 {
			return nil, badParameter("NextToken")
		}
	}
	status := e.get("LifecycleActionStatus")
	if status != "" && !slices.Contains([]string{StatusPending, StatusCompleted, StatusTimeout}, status) {
		return nil, badParameter("LifecycleActionStatus")
	}
	activity := e.get("ScalingActivityId")
	all := slices.DeleteFunc(e.world.hooks.list(time.Now()), func(a LifecycleAction) bool {
		return status != "" && a.Status != status || a.ScalingActivityID != "" && a.ScalingActivityID != activity
	})
	page := list{element: "LifecycleAction"}
	for _, a := range all[min(from, len(all)):min(from+size, len(all))] {
		ids := list{element: "InstanceId"}
		for _, id := range a.InstanceIDs {
			ids.items = append(ids.items, id)
		}
		page.items = append(page.items, document{
			{"LifecycleHookId", a.LifecycleHookID},
			{"LifecycleActionToken", a.LifecycleActionToken},
			{"LifecycleActionStatus", a.Status},
			{"LifecycleActionResult", a.Result},
			{"InstanceIds", ids},
		})
	}
	answer := document{{"TotalCount", len(all)}, {"MaxResults", size}, {"LifecycleActions", page}}
	if from+size < len(all) {
		answer = append(answer, field{"NextToken", base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(from + size)))})
	}
	return answer, nil
}

func (e *exchange) describeScalingInstances() (document, *failure) {
	number, fail := e.number("PageNumber", 1, 1, 1<<30)
	if fail != nil {
		return nil, fail
	}
	size, fail := e.number("PageSize", 10, 1, 50)
	if fail != nil {
		return nil, fail
	}
	states := e.repeated("LifecycleStates")
	if state := e.get("LifecycleState"); state != "" {
		states = append(states, state)
	}
	creations := e.repeated("CreationTypes")
	if creation := e.get("CreationType"); creation != "" {
		creations = append(creations, creation)
	}
	ids, health := e.repeated("InstanceId"), e.get("HealthStatus")
	now := time.Now()
	waiting := map[string]bool{}
	for _, a := range e.world.hooks.list(now) {
		for _, id := range a.InstanceIDs {
			waiting[id] = waiting[id] || a.Status == StatusPending
		}
	}
	var all []document
	for _, in := range e.world.listInstances() {
		d := in.describe(now, waiting[in.InstanceID])
		switch {
		case in.ScalingGroupID == "", // not one of Auto Scaling's
			!allows(e.get("ScalingGroupId"), in.ScalingGroupID),
			!allows(e.get("ScalingActivityId"), in.ScalingActivityID),
			!allows(health, d.text("HealthStatus")),
			len(states) > 0 && !slices.Contains(states, d.text("LifecycleState")),
			len(creations) > 0 && !slices.Contains(creations, d.text("CreationType")),
			len(ids) > 0 && !slices.Contains(ids, in.InstanceID):
			continue
		}
		all = append(all, d)
	}
	page := list{element: "ScalingInstance"}
	from := min((number-1)*size, len(all))
	for _, d := range all[from:min(from+size, len(all))] {
		page.items = append(page.items, d)
	}
	return document{
		{"TotalCount", len(all)}, {"PageNumber", number}, {"PageSize", size}, {"TotalSpotCount", 0}, {"ScalingInstances", page},
	}, nil
}

func allows(filter, value string) bool { return filter == "" || filter == value }

// describe is an instance as Auto Scaling lists it.
func (i *instance) describe(now time.Time, waiting bool) document {
	state, health := i.LifecycleState, "Healthy"
	switch {
	case state != "":
	case waiting:
		state = "Pending:Wait"
	case !i.isRunning(now):
		state = "Pending"
	default:
		state = "InService"
	}
	if !i.isRunning(now) || i.unhealthy {
		health = "Unhealthy"
	}
	created := i.running.UTC().Format("2006-01-02T15:04Z") // Auto Scaling leaves out the seconds
	return document{
		{"InstanceId", i.InstanceID},
		{"ScalingGroupId", i.ScalingGroupID},
		{"ScalingActivityId", i.ScalingActivityID},
		{"LifecycleState", state},
		{"HealthStatus", health},
		{"WarmupState", "NoNeedWarmup"},
		{"CreationType", "AutoCreated"},
		{"CreationTime", created},
		{"CreatedTime", created},
		{"PrivateIpAddress", i.PrivateIPAddress},
		{"ZoneId", i.ZoneID},
		{"LoadBalancerWeight", 50},
		{"WeightedCapacity", 1},
		{"Entrusted", false},
	}
}

// text returns a field of a document that is a string.
func (d document) text(name string) string {
	for _, f := range d {
		if f.name == name {
			s, _ := f.value.(string)
			return s
		}
	}
	return ""
}

// number reads a parameter that is a number within bounds.
func (e *exchange) number(name string, byDefault, least, most int) (int, *failure) {
	text := e.get(name)
	if text == "" {
		return byDefault, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		if e.action.product == productSLB {
			return 0, refuse("InvalidParameter", "The specified value of parameter %s is not valid.", name)
		}
		return 0, badParameter(name)
	}
	return n, nil
}

// repeated reads name.1, name.2 and so on.
func (e *exchange) repeated(name string) []string {
	var values []string
	for i := 1; ; i++ {
		v, ok := e.lookup(fmt.Sprintf("%s.%d", name, i))
		if !ok {
			return values
		}
		values = append(values, v)
	}
}
