package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const stamp = "2006-01-02T15:04:05.000Z07:00"

// object is JSON in the making. Marshalling one cannot fail.
type object map[string]any

func (o object) text() string {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (a *activity) token() string           { return fmt.Sprintf("CHAOS-%08X", a.number) }
func (a *activity) hookID() string          { return "ash-" + a.scaling.id }
func (a *activity) scalingActivity() string { return "asa-" + a.name() }

// message is the body that tells of a: what the queue or the event bus carries.
func (a *activity) message() string {
	switch a.form {
	case noise:
		return a.body
	case hookQueue, hookPlain:
		return object{"regionId": a.scaling.region, "content": a.hookContent()}.text()
	case hookBridge:
		kind := "ess:LifecycleHook:ScaleIn"
		if a.launch {
			kind = "ess:LifecycleHook:ScaleOut"
		}
		return a.cloudEvent("acs.ess", kind, a.scaling.region, a.hookContent()).text()
	case notice:
		kind := "AUTOSCALING:SCALE_IN_SUCCESS"
		if a.launch {
			kind = "AUTOSCALING:SCALE_OUT_SUCCESS"
		}
		return object{"regionId": a.scaling.region, "eventType": kind, "content": object{
			"scalingGroupId": a.scaling.id, "scalingActivityId": a.scalingActivity(), "instanceIds": a.instances,
		}}.text()
	case instances:
		kind := "terminate"
		if a.launch {
			kind = "launch"
		}
		return object{"kind": kind, "id": a.name(), "time": a.at.Format(time.RFC3339Nano), "regionId": a.scaling.region,
			"scalingGroupId": a.scaling.id, "instanceIds": a.instances}.text()
	case parameters:
		return a.parameters()
	case stateOf:
		state := "Stopped"
		if a.launch {
			state = "Running"
		}
		return object{"id": a.name(), "name": "Instance:StateChange", "product": "ECS", "regionId": region,
			"eventTime": a.at.UTC().Format("20060102T150405.000-0700"),
			"content":   object{"resourceId": a.instances[0], "resourceType": "ALIYUN::ECS::Instance", "state": state}}.text()
	}
	panic("a form without a message: " + string(a.form))
}

func (a *activity) hookContent() object {
	transition := "SCALE_IN"
	if a.launch {
		transition = "SCALE_OUT"
	}
	return object{
		"lifecycleHookId": a.hookID(), "lifecycleHookName": "chaos", "lifecycleActionToken": a.token(),
		"lifecycleTransition": transition, "defaultResult": "ABANDON", "scalingGroupId": a.scaling.id,
		"scalingActivityId": a.scalingActivity(), "instanceIds": a.instances,
	}
}

// parameters are those of the API, in the dialect of its own page.
func (a *activity) parameters() string {
	action := "RemoveVServerGroupBackendServers"
	if a.launch {
		action = "AddVServerGroupBackendServers"
	}
	p := a.places[0]
	var list []string
	for _, server := range a.instances {
		list = append(list, fmt.Sprintf("{'ServerId':'%s','Port':'%d','Weight':'%d'}", server, p.port, p.weight))
	}
	return object{"Action": action, "RegionId": p.region, "VServerGroupId": p.group, "BackendServers": "[" + strings.Join(list, ",") + "]"}.text()
}

func (a *activity) cloudEvent(source, kind, region string, data object) object {
	return object{"id": a.name(), "source": source, "specversion": "1.0", "type": kind, "time": a.at.UTC().Format(stamp),
		"datacontenttype": "application/json;charset=utf-8", "aliyunregionid": region, "data": data}
}

// inSQS is the message as a record of Amazon SQS, inMNS as what EventBridge
// makes of a message of Alibaba Cloud's queue. The same message may come either
// way, with the same id and time.
func (a *activity) inSQS(receives int) object {
	return object{
		"messageId": a.name(), "receiptHandle": "r", "body": a.wrapped(), "eventSource": "aws:sqs",
		"eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:register", "awsRegion": "eu-central-1",
		"attributes": object{"SentTimestamp": strconv.FormatInt(a.at.UnixMilli(), 10), "ApproximateReceiveCount": strconv.Itoa(receives)},
	}
}

func (a *activity) inMNS() object {
	return a.cloudEvent("MNS-Function-register", "mns:Queue:SendMessage", region, object{
		"requestId": a.name(), "messageId": a.name(), "messageBody": a.wrapped(),
	})
}

// wrapped is the message as its producer may send it: plain or in base64.
func (a *activity) wrapped() string {
	text := a.message()
	if a.number%3 == 1 && !a.poison {
		return base64.StdEncoding.EncodeToString([]byte(text))
	}
	return text
}
