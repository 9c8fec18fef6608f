package event_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slb-registrar/shared/event"
)

// wrappings are the ways in which a body may arrive. Each adds an id of its own.
var wrappings = map[string]func(body string, id int) string{
	"base64":      func(body string, _ int) string { return base64.StdEncoding.EncodeToString([]byte(body)) },
	"URL base64":  func(body string, _ int) string { return base64.RawURLEncoding.EncodeToString([]byte(body)) },
	"JSON string": func(body string, _ int) string { return quote(body) },
	"white space": func(body string, _ int) string { return "\ufeff \r\n" + body + "\n" },
	"array":       func(body string, _ int) string { return "[" + quote(body) + "]" },
	"topic": func(body string, id int) string {
		return fmt.Sprintf(`{"TopicName":"t","TopicOwner":"1","MessageId":"MNS-%d","PublishTime":1793600130250,"Message":%s}`, id, quote(body))
	},
	"attributes": func(body string, _ int) string { return fmt.Sprintf(`{"body":%s,"attrs":{"Extend":"x"}}`, quote(body)) },
	"queue": func(body string, id int) string {
		return fmt.Sprintf(`{"requestId":"r","messageId":"Q-%d","messageBody":%s}`, id, quote(body))
	},
	"bare data": func(body string, id int) string {
		return fmt.Sprintf(`{"data":{"messageId":"Q-%d","messageBody":%s}}`, id, quote(body))
	},
	"CloudEvent": func(body string, id int) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"CE-%d","source":"s","type":"mns:Queue:SendMessage","time":"2026-11-02T06:15:31Z","data":{"messageId":"Q-%d","messageBody":%s}}`, id, id, quote(body))
	},
	"custom event": func(body string, id int) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"CE-%d","source":"mine","type":"mine:thing","data":%s}`, id, quote(body))
	},
	"SNS": func(body string, id int) string {
		return fmt.Sprintf(`{"Type":"Notification","MessageId":"SNS-%d","TopicArn":"arn:aws:sns:eu-central-1:1:t","Timestamp":"2026-11-02T06:15:31Z","Message":%s}`, id, quote(body))
	},
	"SNS record": func(body string, id int) string {
		return fmt.Sprintf(`{"Records":[{"EventSource":"aws:sns","Sns":{"Type":"Notification","MessageId":"SNS-%d","Message":%s}}]}`, id, quote(body))
	},
	"SQS": func(body string, id int) string {
		return fmt.Sprintf(`{"Records":[%s]}`, record(fmt.Sprintf("SQS-%d", id), body))
	},
	"destination": func(body string, _ int) string {
		return fmt.Sprintf(`{"requestContext":{"requestId":"r"},"requestPayload":%s}`, quote(body))
	},
}

// identities are what the notices of an input are identified by.
func identities(t testing.TB, input string) []string {
	t.Helper()
	var ids []string
	for _, m := range decode(t, []byte(input)) {
		if m.Err != nil {
			t.Fatalf("%v\nof %s", m.Err, input)
		}
		for _, n := range m.Notices {
			ids = append(ids, n.Launch)
		}
	}
	return ids
}

func TestAnEventKeepsItsIdentityInEveryWrapping(t *testing.T) {
	bodies := []string{
		hook("i-1", "i-2"),
		string(read(t, eventsDir+"/ess-scaling-activity/scale-out-success.json")),
		string(read(t, eventsDir+"/ecs-state-change/running.json")),
		string(read(t, eventsDir+"/ec2-lifecycle-hook/eventbridge-launch.json")),
		string(read(t, eventsDir+"/ec2-scaling-activity/launch-successful.json")),
		string(read(t, eventsDir+"/instance-message/launch.json")),
	}
	names := slices.Sorted(maps.Keys(wrappings))
	rapid.Check(t, func(rt *rapid.T) {
		body := rapid.SampledFrom(bodies).Draw(rt, "body")
		want := identities(t, body)
		wrapped := body
		for i, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 3).Draw(rt, "wrappings") {
			wrapped = wrappings[name](wrapped, i)
		}
		if diff := cmp.Diff(want, identities(t, wrapped)); diff != "" {
			rt.Errorf("%s\nof %s", diff, wrapped)
		}
	})
}

func TestAHookIsTheSameByTopicAndByEventBridge(t *testing.T) {
	topic := identities(t, string(read(t, eventsDir+"/ess-lifecycle-hook/scale-out.json")))
	bridge := identities(t, string(read(t, eventsDir+"/ess-lifecycle-hook/eventbridge-scale-out.json")))
	if diff := cmp.Diff(topic, bridge); diff != "" || len(topic) != 3 {
		t.Error(diff)
	}
}

func TestDifferentLaunchesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, input := range []string{
		hook("i-1"), hook("i-2"),
		strings.Replace(hook("i-1"), "T-1", "T-2", 1),
		`{"kind":"launch","id":"a","instanceIds":["i-1"]}`,
		`{"kind":"launch","id":"b","instanceIds":["i-1"]}`,
		`{"kind":"terminate","id":"a","instanceIds":["i-1"]}`,
		`{"kind":"launch","instanceIds":["i-1"]}`,
		`{"kind":"launch","instanceIds":["i-2"]}`,
		`{"kind":"launch","instanceIds":["i-1"],"time":"2026-11-02T06:15:30Z"}`,
		`{"kind":"launch","instanceIds":["i-1"],"scalingGroupId":"asg-1"}`,
		`{"Records":[` + record("m-1", `{"kind":"launch","instanceIds":["i-1"]}`) + `]}`,
		`{"Records":[` + record("m-2", `{"kind":"launch","instanceIds":["i-1"]}`) + `]}`,
		`{"eventType":"AUTOSCALING:SCALE_OUT_SUCCESS","content":{"scalingActivityId":"asa-1","instanceIds":["i-1"]}}`,
		`{"eventType":"AUTOSCALING:SCALE_OUT_SUCCESS","content":{"scalingActivityId":"asa-2","instanceIds":["i-1"]}}`,
	} {
		for _, id := range identities(t, input) {
			if other, twice := seen[id]; twice {
				t.Errorf("%s\nand %s\nare both %s", other, input, id)
			}
			seen[id] = input
		}
	}
}

func TestWeightsAndSpellingAreNoPartOfTheIdentity(t *testing.T) {
	request := `{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-1","BackendServers":[{"ServerId":"i-1","Port":80,"Weight":%d,"Type":"%s"}]}`
	want := identities(t, fmt.Sprintf(request, 100, "ecs"))
	for _, same := range []string{
		fmt.Sprintf(request, 1, "eni"),
		`{"backendServers":"[{'port':'80','serverId':'i-1'}]","vServerGroupId":"rsp-1","regionId":"cn-hangzhou"}`,
	} {
		if diff := cmp.Diff(want, identities(t, same)); diff != "" {
			t.Errorf("%s: %s", same, diff)
		}
	}
}

func TestTheIDOfAMessageIsTheOneItIsAcknowledgedBy(t *testing.T) {
	bridge := string(read(t, eventsDir+"/ec2-lifecycle-hook/eventbridge-launch.json"))
	m := decode(t, []byte(`{"Records":[`+record("m-1", wrappings["SNS"](bridge, 1))+`]}`))[0]
	if m.ID != "m-1" {
		t.Errorf("the id is %q, want that of the record", m.ID)
	}
	direct := decode(t, []byte(bridge))[0]
	if direct.ID != "aa10b2c3-0001-4d4e-8f50-61728394a501" {
		t.Errorf("the id is %q, want that of the event", direct.ID)
	}
}

func TestAMessageWithoutAnIDIsNamedByItsBody(t *testing.T) {
	one, again, other := decode(t, []byte(hook("i-1")))[0], decode(t, []byte(hook("i-1")))[0], decode(t, []byte(hook("i-2")))[0]
	if one.ID != again.ID || one.Digest != again.Digest || one.ID == other.ID || !strings.HasPrefix(one.ID, "sha256-"+one.Digest[:8]) {
		t.Errorf("got %q, %q and %q", one.ID, again.ID, other.ID)
	}
}

func TestAnEC2RegionIsNeverTakenForOneOfAlibabaCloud(t *testing.T) {
	body := strings.Replace(hook("i-1"), `"regionId":"cn-hangzhou",`, "", 1)
	m := decode(t, []byte(`{"Records":[`+record("m-1", body)+`]}`))[0]
	if got := m.Notices[0].RegionID; got != "" {
		t.Errorf("the region is %q, want none", got)
	}
	arn := strings.Replace(body, `"content"`, `"resourceArn":"acs:ess:cn-shanghai:1:scalingGroup/asg-1","content"`, 1)
	if got := decode(t, []byte(arn))[0].Notices[0].RegionID; got != "cn-shanghai" {
		t.Errorf("the region is %q, want that of the ARN", got)
	}
	flat := `{"LifecycleHookName":"h","LifecycleActionToken":"t","LifecycleTransition":"autoscaling:EC2_INSTANCE_LAUNCHING","AutoScalingGroupName":"g","EC2InstanceId":"i-1"}`
	n := decode(t, []byte(`{"Records":[`+record("m-1", flat)+`]}`))[0].Notices[0]
	if n.RegionID != "eu-central-1" || n.Hook.RegionID != "eu-central-1" || n.Hook.Platform != event.EC2 {
		t.Errorf("got %+v of %+v, want the region of the queue", n, n.Hook)
	}
}
