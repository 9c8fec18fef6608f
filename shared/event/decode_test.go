package event_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/event"
	"slb-registrar/shared/vsg"
)

// hook is a notification of a lifecycle hook that lists the instances.
func hook(instances ...string) string {
	list, err := json.Marshal(append([]string{}, instances...))
	if err != nil {
		panic(err)
	}
	return `{"userId":"1900770000000042","regionId":"cn-hangzhou","content":{"lifecycleHookId":"ash-1","lifecycleHookName":"register-web",` +
		`"lifecycleActionToken":"T-1","lifecycleTransition":"SCALE_OUT","scalingGroupId":"asg-1","instanceIds":` + string(list) + `}}`
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("i-%06d", i)
	}
	return ids
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

func record(id, body string) string {
	return `{"messageId":"` + id + `","body":` + quote(body) + `,"eventSource":"aws:sqs","awsRegion":"eu-central-1"}`
}

func TestWhatCannotBeReadIsOneRejectedMessage(t *testing.T) {
	whole := base64.StdEncoding.EncodeToString([]byte(hook("i-1")))
	for name, test := range map[string]struct{ input, message string }{
		"nothing":              {"", "is empty"},
		"only spaces":          {" \r\n\t", "is empty"},
		"only a mark":          {"\ufeff", "is empty"},
		"plain text":           {"hello, world", "is neither JSON nor base64 of it"},
		"truncated JSON":       {hook("i-1")[:40], "is not valid JSON: unexpected end of JSON input"},
		"a stray comma":        {`{"a":1,}`, "at byte 8"},
		"base64 cut at a byte": {whole[:104], "not of valid JSON: unexpected end of JSON input"},
		"truncated base64":     {whole[:101], "is cut off"},
		"damaged base64":       {"eyJ" + strings.Repeat("!", 9), "is neither JSON nor base64 of it"},
		"base64 of a text":     {base64.StdEncoding.EncodeToString([]byte("hello, world")), "is base64, but not of valid JSON"},
		"a string of a text":   {`"hello, world"`, "is neither JSON nor base64 of it"},
		"two values":           {hook("i-1") + hook("i-2"), "after top-level value"},
	} {
		t.Run(name, func(t *testing.T) {
			messages := decode(t, []byte(test.input))
			if len(messages) != 1 || messages[0].Err == nil {
				t.Fatalf("got %+v, want one message with an error", messages)
			}
			m := messages[0]
			if m.Err.Code != "NotJSON" || !strings.Contains(m.Err.Message, test.message) {
				t.Errorf("got %s %q, want NotJSON with %q", m.Err.Code, m.Err.Message, test.message)
			}
			if m.Delivery != event.Direct || m.Source != "unknown" || m.ID == "" || len(m.Digest) != 64 {
				t.Errorf("the message cannot be found again: %+v", m)
			}
		})
	}
}

func TestAnErrorNamesThePathOfTheField(t *testing.T) {
	request := func(backend string) string {
		return `{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-1","BackendServers":[{"ServerId":"i-1","Port":80},` + backend + `]}`
	}
	topic := func(message string) string {
		return `{"TopicName":"t","MessageId":"m-1","Message":` + quote(message) + `}`
	}
	for name, test := range map[string]struct{ input, code, path string }{
		"no token":                {strings.Replace(hook("i-1"), `"lifecycleActionToken":"T-1",`, "", 1), "MissingField", "content.lifecycleActionToken"},
		"no hook":                 {strings.Replace(hook("i-1"), `"lifecycleHookId":"ash-1",`, "", 1), "MissingField", "content.lifecycleHookId"},
		"no transition":           {strings.Replace(hook("i-1"), `"lifecycleTransition":"SCALE_OUT",`, "", 1), "MissingField", "content.lifecycleTransition"},
		"another transition":      {strings.Replace(hook("i-1"), "SCALE_OUT", "SCALE_UP", 1), "Malformed", "content.lifecycleTransition"},
		"no list":                 {strings.Replace(hook(), `,"instanceIds":[]`, "", 1), "MissingField", "content.instanceIds"},
		"no instances":            {hook(), "NoInstances", "content.instanceIds"},
		"10,000 instances":        {hook(numbered(10_000)...), "TooManyInstances", "content.instanceIds"},
		"1,001 in a text":         {`{"lifecycleHookId":"a","lifecycleActionToken":"t","lifecycleTransition":"SCALE_IN","instanceIds":"` + strings.Join(numbered(1001), ",") + `"}`, "TooManyInstances", "instanceIds"},
		"a list of numbers":       {strings.Replace(hook(), `[]`, `["i-1",{"id":2}]`, 1), "Malformed", "content.instanceIds[1]"},
		"a list with a gap":       {strings.Replace(hook(), `[]`, `["i-1",null]`, 1), "MissingField", "content.instanceIds[1]"},
		"a number for a list":     {strings.Replace(hook(), `[]`, `7`, 1), "Malformed", "content.instanceIds"},
		"a list for a name":       {strings.Replace(hook("i-1"), `"asg-1"`, `["asg-1"]`, 1), "Malformed", "content.scalingGroupId"},
		"in a topic":              {topic(hook()), "NoInstances", "Message.content.instanceIds"},
		"no JSON in a topic":      {topic("{nothing"), "NotJSON", "Message"},
		"in a queue":              {`[{"messageId":"m-0","messageBody":` + quote(hook("i-1")) + `},{"messageId":"m-1","messageBody":` + quote(hook()) + `}]`, "NoInstances", "[1].messageBody.content.instanceIds"},
		"in SQS":                  {`{"Records":[` + record("m-0", hook("i-1")) + `,` + record("m-1", hook()) + `]}`, "NoInstances", "Records[1].body.content.instanceIds"},
		"no body in SQS":          {`{"Records":[{"messageId":"m-0","eventSource":"aws:sqs"}]}`, "MissingField", "Records[0].body"},
		"a record of nothing":     {`{"Records":[7]}`, "Malformed", "Records[0]"},
		"a port of 0":             {request(`{"ServerId":"i-2","Port":0}`), "Malformed", "BackendServers[1].Port"},
		"a port of 65536":         {request(`{"ServerId":"i-2","Port":"65536"}`), "Malformed", "BackendServers[1].Port"},
		"a port of eighty":        {request(`{"ServerId":"i-2","Port":"eighty"}`), "Malformed", "BackendServers[1].Port"},
		"half a port":             {request(`{"ServerId":"i-2","Port":80.5}`), "Malformed", "BackendServers[1].Port"},
		"no port":                 {request(`{"ServerId":"i-2"}`), "MissingField", "BackendServers[1].Port"},
		"a weight of 101":         {request(`{"ServerId":"i-2","Port":80,"Weight":101}`), "Malformed", "BackendServers[1].Weight"},
		"a weight of -1":          {request(`{"ServerId":"i-2","Port":80,"Weight":"-1"}`), "Malformed", "BackendServers[1].Weight"},
		"another type":            {request(`{"ServerId":"i-2","Port":80,"Type":"vm"}`), "Malformed", "BackendServers[1].Type"},
		"an address that is none": {request(`{"ServerId":"eni-2","Port":80,"Type":"eni","ServerIp":"not an ip"}`), "Malformed", "BackendServers[1].ServerIp"},
		"an address with a zone":  {request(`{"ServerId":"eni-2","Port":80,"Type":"eni","ServerIp":"fe80::1%eth0"}`), "Malformed", "BackendServers[1].ServerIp"},
		"words for a mark":        {request(`{"ServerId":"i-2","Port":80,"Description":"has spaces!"}`), "Malformed", "BackendServers[1].Description"},
		"an interface as ECS":     {request(`{"ServerId":"eni-2","Port":80}`), "Malformed", "BackendServers[1].Type"},
		"a container as ECS":      {request(`{"ServerId":"eci-2","Port":80,"Type":"ecs"}`), "Malformed", "BackendServers[1].Type"},
		"no server":               {request(`{"Port":80}`), "MissingField", "BackendServers[1].ServerId"},
		"no group":                {`{"RegionId":"cn-hangzhou","BackendServers":[{"ServerId":"i-1","Port":80}]}`, "MissingField", "VServerGroupId"},
		"no region":               {`{"VServerGroupId":"rsp-1","BackendServers":[{"ServerId":"i-1","Port":80}]}`, "MissingField", "RegionId"},
		"no backends":             {`{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-1"}`, "MissingField", "BackendServers"},
		"an empty list":           {`{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-1","BackendServers":"[]"}`, "NoInstances", "BackendServers"},
		"a broken list":           {`{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-1","BackendServers":"[{'ServerId':'i-1'"}`, "NotJSON", "BackendServers"},
		"another action":          {`{"Action":"DeleteVServerGroup","RegionId":"cn-hangzhou","VServerGroupId":"rsp-1"}`, "Malformed", "Action"},
		"no kind":                 {`{"regionId":"cn-hangzhou","instanceIds":["i-1"]}`, "MissingField", "kind"},
		"another kind":            {`{"kind":"reboot","instanceIds":["i-1"]}`, "Malformed", "kind"},
		"an empty event":          {`{"specversion":"1.0","type":"ess:LifecycleHook:ScaleOut","id":"e-1"}`, "MissingField", "data"},
		"no state":                {`{"product":"ECS","name":"Instance:StateChange","id":"e-1","content":{"resourceId":"i-1"}}`, "MissingField", "content.state"},
		"no EC2 token":            {`{"LifecycleHookName":"h","LifecycleTransition":"autoscaling:EC2_INSTANCE_LAUNCHING","AutoScalingGroupName":"g","EC2InstanceId":"i-1"}`, "MissingField", "LifecycleActionToken"},
		"no EC2 instance":         {`{"detail-type":"EC2 Instance Launch Successful","source":"aws.autoscaling","detail":{"AutoScalingGroupName":"g"}}`, "MissingField", "detail.EC2InstanceId"},
		"a reconcile of text":     {`{"triggerName":"t","triggerTime":"now","payload":"{\"reconcile\":{\"repair\":\"often\"}}"}`, "Malformed", "payload.reconcile.repair"},
		"nothing to reconcile":    {`{"eventType":"AUTOSCALING:SCALE_OUT_SUCCESS","content":{}}`, "MissingField", "content.scalingGroupId"},
	} {
		t.Run(name, func(t *testing.T) {
			messages := decode(t, []byte(test.input))
			m := messages[len(messages)-1]
			if m.Err == nil || m.Err.Code != test.code || m.Err.Path != test.path {
				t.Errorf("got %v (%+v), want %s at %s", m.Err, m, test.code, test.path)
			}
			if len(m.Notices) > 0 || m.Reconcile != nil || m.Ignored != "" {
				t.Errorf("a message with an error also says %+v", m)
			}
		})
	}
}

func TestOneMalformedMessageLeavesTheOthersAlone(t *testing.T) {
	messages := decode(t, []byte(`{"Records":[`+strings.Join([]string{
		record("good", hook("i-1")), record("no-json", "{"), record("unknown", `{"hello":"world"}`), record("empty", hook()), record("good-2", hook("i-2")),
	}, ",")+`]}`))
	var got []string
	for _, m := range messages {
		switch {
		case m.Err != nil:
			got = append(got, m.ID+" rejected")
		case m.Ignored != "":
			got = append(got, m.ID+" ignored")
		default:
			got = append(got, m.ID+" "+m.Notices[0].InstanceID)
		}
	}
	want := []string{"good i-1", "no-json rejected", "unknown ignored", "empty rejected", "good-2 i-2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAThousandInstancesAreTaken(t *testing.T) {
	messages := decode(t, []byte(hook(numbered(1000)...)))
	if n := len(messages[0].Notices); n != 1000 || messages[0].Err != nil {
		t.Errorf("got %d notices and %v, want 1000", n, messages[0].Err)
	}
}

func TestInstancesAreReadFromEveryFormOfAList(t *testing.T) {
	for name, list := range map[string]string{
		"array":        `["i-1","i-2"]`,
		"JSON text":    `"[\"i-1\",\"i-2\"]"`,
		"quoted text":  `"['i-1','i-2']"`,
		"commas":       `"i-1,i-2"`,
		"more commas":  `" i-1 , i-2, "`,
		"with repeats": `["i-1","i-2","i-1"]`,
	} {
		m := decode(t, []byte(strings.Replace(hook(), "[]", list, 1)))[0]
		if m.Err != nil || len(m.Notices) != 2 || m.Notices[0].InstanceID != "i-1" || m.Notices[1].InstanceID != "i-2" {
			t.Errorf("%s: got %+v", name, m)
			continue
		}
		if diff := cmp.Diff([]string{"i-1", "i-2"}, m.Notices[0].Hook.InstanceIDs); diff != "" {
			t.Errorf("%s: the hook lists %s", name, diff)
		}
	}
}

func TestEveryDialectOfBackendServersMeansTheSame(t *testing.T) {
	want := []vsg.Backend{
		{ServerID: "vm-233", Port: 80, Weight: 100, Type: vsg.ECS},
		{ServerID: "eni-1", ServerIP: "192.0.2.1", Port: 90, Weight: 0, Type: vsg.ENI, Description: "blue/green"},
	}
	list := map[string]string{
		"single quotes": `[{'ServerId':'vm-233','Port':'80'},{'ServerId':'eni-1','ServerIp':'192.0.2.1','Port':'90','Weight':'0','Type':'eni','NodeName':'it\'s "blue"','Description':'blue/green'}]`,
		"JSON":          `[{"ServerId":"vm-233","Port":80,"Weight":100,"Type":"ecs"},{"ServerId":"eni-1","ServerIp":"192.0.2.1","Port":90,"Weight":0,"Type":"eni","Description":"blue/green"}]`,
		"lower camel":   `[{"serverId":"vm-233","serverIp":"192.0.2.9","port":80,"weight":100,"type":"ecs","NodeName":"n","TargetRef":null,"Invalid":false},{"serverId":"eni-1","serverIp":"192.0.2.1","port":90,"weight":0,"type":"eni","description":"blue/green"}]`,
		"with repeats":  `[{"ServerId":"vm-233","Port":80},{"ServerId":"vm-233","Port":80,"Weight":1},{"ServerId":"eni-1","ServerIp":"192.0.2.1","Port":90,"Weight":0,"Type":"ENI","Description":"blue/green"}]`,
	}
	for name, text := range list {
		bodies := map[string]string{"text": `{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-1","BackendServers":` + quote(text) + `}`}
		bodies["array"] = `{'RegionId':'cn-hangzhou','VServerGroupId':'rsp-1','BackendServers':` + text + `}`
		bodies["query"] = "Action=AddVServerGroupBackendServers&RegionId=cn-hangzhou&Signature=c2VjcmV0&VServerGroupId=rsp-1\n&BackendServers=" + text
		for form, body := range bodies {
			m := decode(t, []byte(body))[0]
			if m.Err != nil {
				t.Errorf("%s as %s: %v", name, form, m.Err)
				continue
			}
			var got []vsg.Backend
			for _, n := range m.Notices {
				if n.Kind != event.Launch || n.Target.Group != (vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-1"}) {
					t.Errorf("%s as %s: %+v", name, form, n)
				}
				got = append(got, n.Target.Backend)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s as %s: %s", name, form, diff)
			}
		}
	}
}

func TestARemovalIsNotRefusedForTheMarkThatABackendHas(t *testing.T) {
	m := decode(t, []byte(`{"Action":"RemoveVServerGroupBackendServers","RegionId":"cn-hangzhou","VServerGroupId":"rsp-1","BackendServers":[{"ServerId":"i-1","Port":80,"Description":"made by hand"}]}`))[0]
	if m.Err != nil || len(m.Notices) != 1 {
		t.Errorf("got %+v (%v)", m.Notices, m.Err)
	}
}

func TestAnAddressHasOneForm(t *testing.T) {
	for written, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:DB8:0:0::1": "2001:db8::1", "2001:db8::1": "2001:db8::1",
	} {
		m := decode(t, []byte(`{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-1","BackendServers":[{"ServerId":"eni-1","Port":80,"Type":"eni","ServerIp":"`+written+`"}]}`))[0]
		if m.Err != nil || m.Notices[0].Target.Backend.ServerIP != want {
			t.Errorf("%s: got %+v (%v), want %s", written, m.Notices, m.Err, want)
		}
	}
}

func TestRecordsAreAcknowledgedAsTheirQueueAllows(t *testing.T) {
	standard := record("m-1", hook("i-1"))
	fifo := strings.Replace(standard, `"awsRegion"`, `"eventSourceARN":"arn:aws:sqs:eu-central-1:1:q.fifo","awsRegion"`, 1)
	grouped := strings.Replace(standard, `"awsRegion"`, `"attributes":{"MessageGroupId":"g"},"awsRegion"`, 1)
	fair := strings.Replace(grouped, `"awsRegion"`, `"eventSourceARN":"arn:aws:sqs:eu-central-1:1:q","awsRegion"`, 1)
	sns := `{"EventSource":"aws:sns","Sns":{"Type":"Notification","MessageId":"n-1","Message":` + quote(hook("i-1")) + `}}`
	for name, test := range map[string]struct {
		input string
		want  event.Delivery
	}{
		"one event":      {hook("i-1"), event.Direct},
		"an array":       {"[" + hook("i-1") + "]", event.Batch},
		"a queue":        {`{"Records":[` + standard + `]}`, event.SQS},
		"a FIFO queue":   {`{"Records":[` + fifo + `]}`, event.SQSFIFO},
		"a FIFO group":   {`{"Records":[` + grouped + `]}`, event.SQSFIFO},
		"a fair queue":   {`{"Records":[` + fair + `]}`, event.SQS},
		"a topic":        {`{"Records":[` + sns + `]}`, event.Direct},
		"several topics": {`{"Records":[` + sns + "," + sns + `]}`, event.Batch},
	} {
		if got := decode(t, []byte(test.input))[0]; got.Delivery != test.want || got.Err != nil {
			t.Errorf("%s: delivery is %q (%v), want %q", name, got.Delivery, got.Err, test.want)
		}
	}
}

func TestAnEmptyBatchIsNoMessage(t *testing.T) {
	for _, input := range []string{"[]", `{"Records":[]}`} {
		if messages := decode(t, []byte(input)); len(messages) != 0 {
			t.Errorf("%s: got %+v", input, messages)
		}
	}
}

func TestWhenItHappenedIsReadInEveryForm(t *testing.T) {
	want := time.Date(2026, 11, 2, 6, 15, 30, 0, time.UTC)
	for name, written := range map[string]string{
		"RFC 3339":           `"2026-11-02T06:15:30Z"`,
		"with a zone":        `"2026-11-02T14:15:30.000+08:00"`,
		"of CloudMonitor":    `"20261102T141530.000+0800"`,
		"without a fraction": `"20261102T141530+0800"`,
		"milliseconds":       `1793600130000`,
		"as text":            `"1793600130000"`,
	} {
		m := decode(t, []byte(`{"kind":"launch","instanceIds":["i-1"],"time":`+written+`}`))[0]
		if m.Err != nil || !m.Notices[0].At.Equal(want) {
			t.Errorf("%s: got %v (%v), want %v", name, m.Notices, m.Err, want)
		}
	}
	minute := decode(t, []byte(`{"kind":"launch","instanceIds":["i-1"],"time":"2026-11-02T06:15Z"}`))[0]
	if !minute.Notices[0].At.Equal(want.Truncate(time.Minute)) {
		t.Errorf("to the minute: got %v", minute.Notices[0].At)
	}
	for _, written := range []string{`"yesterday"`, `1793600130`, `99999999999999999999`, `{"at":1}`, `""`} {
		m := decode(t, []byte(`{"kind":"launch","instanceIds":["i-1"],"time":`+written+`}`))[0]
		if m.Err != nil || !m.Notices[0].At.IsZero() {
			t.Errorf("%s: got %+v (%v), want an event at no known time", written, m.Notices, m.Err)
		}
	}
}

func TestAHookThatWaitsIsFoundWhateverElseItsBodyHolds(t *testing.T) {
	const content = `"lifecycleHookId":"ash-1","lifecycleActionToken":"T-1","lifecycleTransition":"SCALE_OUT","scalingGroupId":"asg-1","instanceIds":["i-1"]`
	for name, body := range map[string]string{
		"type of a notification":      `{"regionId":"cn-hangzhou","eventType":"AUTOSCALING:LIFECYCLE_HOOK","content":{` + content + `}}`,
		"type of an activity":         `{"regionId":"cn-hangzhou","eventType":"AUTOSCALING:SCALE_OUT_SUCCESS",` + content + `}`,
		"envelope of CloudMonitor":    `{"regionId":"cn-hangzhou","product":"ESS","name":"LifecycleHook","content":{` + content + `}}`,
		"notification by CloudEvent":  `{"specversion":"1.0","id":"e-1","type":"ess:CloudMonitor:AUTOSCALING:LIFECYCLE_HOOK","aliyunregionid":"cn-hangzhou","data":{` + content + `}}`,
		"the name of a group of EC2":  `{"regionId":"cn-hangzhou","AutoScalingGroupName":"web",` + content + `}`,
		"a product and a name inside": `{"regionId":"cn-hangzhou","product":"ECS","name":"Instance:StateChange",` + content + `}`,
	} {
		m := decode(t, []byte(body))[0]
		if m.Err != nil || m.Source != event.SourceESSHook || len(m.Notices) != 1 || m.Notices[0].Hook == nil || m.Notices[0].Hook.Token != "T-1" {
			t.Errorf("%s: got %+v (%v)", name, m, m.Err)
		}
	}
	incomplete := `{"eventType":"AUTOSCALING:LIFECYCLE_HOOK","content":{` + strings.Replace(content, `"lifecycleHookId":"ash-1",`, "", 1) + `}}`
	if m := decode(t, []byte(incomplete))[0]; m.Err == nil || m.Err.Path != "content.lifecycleHookId" {
		t.Errorf("a hook that lacks its id: got %+v (%v)", m, m.Err)
	}
}

func TestATimerIsTakenOnlyFromTheTrigger(t *testing.T) {
	const body = `{"triggerName":"t","triggerTime":"2026-11-02T06:30:00Z","payload":"{\"remove\":true,\"maxRemovePercent\":100}"}`
	for name, input := range map[string]string{"an object": body, "a JSON string": quote(body), "base64": base64.StdEncoding.EncodeToString([]byte(body))} {
		if m := decode(t, []byte(input))[0]; m.Reconcile == nil || !m.Reconcile.Remove {
			t.Errorf("%s: got %+v (%v), want the run that it asks for", name, m, m.Err)
		}
	}
	for name, wrap := range wrappings {
		switch name {
		case "base64", "URL base64", "JSON string", "white space":
			continue
		}
		for _, m := range decode(t, []byte(wrap(body, 1))) {
			if m.Err != nil || m.Source != event.SourceTimer || m.Reconcile != nil || m.Ignored == "" {
				t.Errorf("%s: got %+v (%v), want it to be ignored", name, m, m.Err)
			}
		}
	}
}

func TestWhatIsNoRequestFromEndToEndIsNone(t *testing.T) {
	const parameters = `RegionId=cn-hangzhou&VServerGroupId=rsp-1&BackendServers=[{'ServerId':'i-1','Port':80}]`
	for _, input := range []string{
		`{"note": "see&` + parameters + `&x`,
		`{"note": "see&` + parameters,
		`["&` + parameters,
		`"&` + parameters,
		`'&` + parameters,
		`see&` + parameters,
		parameters + `&x`,
		`some words&` + parameters + `&a=b`,
	} {
		if m := decode(t, []byte(input))[0]; m.Err == nil || m.Err.Code != "NotJSON" {
			t.Errorf("%s: taken as %+v", input, m)
		}
	}
	for _, input := range []string{parameters, "https://slb.aliyuncs.com/?" + parameters + "&Signature=a%3D", parameters + "&\n"} {
		if m := decode(t, []byte(input))[0]; m.Err != nil || len(m.Notices) != 1 {
			t.Errorf("%s: got %v", input, m.Err)
		}
	}
}

func TestARemovalToTheMinuteMayHaveBeenAtItsEnd(t *testing.T) {
	end := time.Date(2026, 11, 2, 6, 15, 59, 999999000, time.UTC)
	for body, want := range map[string]time.Time{
		`{"eventType":"AUTOSCALING:SCALE_IN_SUCCESS","content":{"scalingActivityId":"asa-1","instanceIds":["i-1"],"endTime":"2026-11-02T06:15Z"}}`:    end,
		`{"eventType":"AUTOSCALING:SCALE_IN_SUCCESS","content":{"scalingActivityId":"asa-1","instanceIds":["i-1"],"endTime":"2026-11-02T06:15:00Z"}}`: end.Truncate(time.Minute),
		`{"eventType":"AUTOSCALING:SCALE_OUT_SUCCESS","content":{"scalingActivityId":"asa-1","instanceIds":["i-1"],"endTime":"2026-11-02T06:15Z"}}`:   end.Truncate(time.Minute),
		`{"kind":"terminate","instanceIds":["i-1"],"time":"2026-11-02T14:15+08:00"}`:                                                                  end,
		strings.Replace(strings.Replace(hook("i-1"), "SCALE_OUT", "SCALE_IN", 1), `"content"`, `"time":"2026-11-02T06:15Z","content"`, 1):             end,
	} {
		m := decode(t, []byte(body))[0]
		if m.Err != nil || !m.Notices[0].At.Equal(want) {
			t.Errorf("%s: got %+v (%v), want it at %v", body, m.Notices, m.Err, want)
		}
	}
}

func TestANotificationNamesItsRegionAsAHookDoes(t *testing.T) {
	for name, fields := range map[string]string{
		"beside the content": `"regionId":"cn-hangzhou","content":{`,
		"in the content":     `"content":{"regionId":"cn-hangzhou",`,
		"in its resource":    `"resourceArn":"acs:ess:cn-hangzhou:1900770000000042:scalingGroup/asg-1","content":{`,
		"resource inside":    `"content":{"resourceArn":"acs:ess:cn-hangzhou:1900770000000042:scalingGroup/asg-1",`,
	} {
		m := decode(t, []byte(`{"eventType":"AUTOSCALING:SCALE_OUT_SUCCESS",`+fields+`"instanceIds":["i-1"]}}`))[0]
		if m.Err != nil || m.Notices[0].RegionID != "cn-hangzhou" {
			t.Errorf("%s: got %+v (%v)", name, m.Notices, m.Err)
		}
	}
}

func TestAMessageWithAKindIsReadAsOneWhateverElseItHolds(t *testing.T) {
	m := decode(t, []byte(`{"kind":"terminate","instanceIds":["i-1"],"vServerGroupId":"rsp-1","action":"AddVServerGroupBackendServers"}`))[0]
	if m.Err != nil || m.Source != event.SourceInstance || len(m.Notices) != 1 || m.Notices[0].Kind != event.Terminate {
		t.Errorf("got %+v (%v)", m, m.Err)
	}
	m = decode(t, []byte(`{"kind":"launch","RegionId":"cn-hangzhou","VServerGroupId":"rsp-1","BackendServers":[{"ServerId":"i-1","Port":80}]}`))[0]
	if m.Err != nil || m.Source != event.SourceRequest {
		t.Errorf("a request with a field of its own: got %+v (%v)", m, m.Err)
	}
}

func TestARunIsNeverDroppedForWhatElseAMessageHolds(t *testing.T) {
	partial := func(group string) string {
		return `{"eventType":"AUTOSCALING:SCALE_OUT_WARN","content":{"scalingGroupId":"` + group + `"}}`
	}
	for name, elements := range map[string][]string{
		"a launch after it":  {partial("asg-1"), hook("i-1")},
		"a launch before it": {hook("i-1"), partial("asg-1")},
	} {
		m := decode(t, []byte(`{"Records":[`+record("m-1", "["+strings.Join(elements, ",")+"]")+`]}`))[0]
		if m.Err == nil || m.Err.Code != "Mixed" {
			t.Errorf("%s: got %+v (%v), want it to be refused in words", name, m, m.Err)
		}
	}
	m := decode(t, []byte(`{"Records":[`+record("m-1", "["+partial("asg-1")+","+partial("asg-2")+","+partial("asg-1")+"]")+`]}`))[0]
	if m.Err != nil || m.Reconcile == nil {
		t.Fatalf("got %+v (%v)", m, m.Err)
	}
	if diff := cmp.Diff([]string{"asg-1", "asg-2"}, m.Reconcile.ScalingGroupIDs); diff != "" {
		t.Error(diff)
	}
}

func TestTheEventsOwnTimeGoesBeforeThatOfItsEnvelope(t *testing.T) {
	body := `{"kind":"launch","instanceIds":["i-1"]%s}`
	envelope := `{"Records":[{"messageId":"m-1","eventSource":"aws:sqs","attributes":{"SentTimestamp":"1793600130000"},"body":%s}]}`
	for own, want := range map[string]string{"": "2026-11-02T06:15:30Z", `,"time":"2026-11-02T06:00:00Z"`: "2026-11-02T06:00:00Z"} {
		m := decode(t, fmt.Appendf(nil, envelope, quote(fmt.Sprintf(body, own))))[0]
		if got := m.Notices[0].At.Format(time.RFC3339); got != want {
			t.Errorf("with %q: got %s, want %s", own, got, want)
		}
	}
}

func TestOneHookIsOnePointerForAllItsNotices(t *testing.T) {
	m := decode(t, []byte(hook("i-1", "i-2", "i-3")))[0]
	for _, n := range m.Notices {
		if n.Hook == nil || n.Hook != m.Notices[0].Hook {
			t.Errorf("%s has a hook of its own", n.InstanceID)
		}
	}
}

func TestInputThatIsTooLargeIsNotLookedAt(t *testing.T) {
	messages, err := event.Decode(make([]byte, event.MaxInput+1))
	if err == nil || len(messages) != 0 {
		t.Errorf("got %d messages and %v", len(messages), err)
	}
}

func TestEachSourceHasASample(t *testing.T) {
	have := samples(t)
	for _, source := range []string{
		event.SourceESSHook, event.SourceESSActivity, event.SourceECSState, event.SourceEC2Hook,
		event.SourceEC2Activity, event.SourceRequest, event.SourceInstance, event.SourceTimer,
	} {
		if len(have[source]) == 0 {
			t.Errorf("%s holds no sample", filepath.Join(eventsDir, source))
		}
	}
}
