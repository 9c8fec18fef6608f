package event_test

import (
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"slb-registrar/shared/event"
)

// mega is about a million of something short.
func mega(text string) string { return strings.Repeat(text, 1<<20/len(text)) }

func numberedBatch(n int) string {
	var b strings.Builder
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"messageId":"m-%d","messageBody":"{}"}`, i)
	}
	b.WriteByte(']')
	return b.String()
}

func nested(depth int) string {
	body := hook("i-1")
	for range depth {
		body = base64.StdEncoding.EncodeToString([]byte(body))
	}
	return body
}

// lists is a batch of eight megabytes of instances, each listed as given.
func lists(list string) string {
	each := `{"kind":"launch","instanceIds":` + list + `},`
	return "[" + strings.TrimSuffix(strings.Repeat(each, 8<<20/len(each)), ",") + "]"
}

func hostile() map[string]string {
	wrapped := hook("i-1")
	for range 20 {
		wrapped = `{"requestContext":{},"requestPayload":` + wrapped + `}`
	}
	return map[string]string{
		"deep arrays":          strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20),
		"deep objects":         strings.Repeat(`{"a":`, 1<<18) + "1" + strings.Repeat("}", 1<<18),
		"deep and unclosed":    strings.Repeat("[", 1<<20),
		"deep in a string":     quote(strings.Repeat("[", 1<<18) + strings.Repeat("]", 1<<18)),
		"many wrappers":        wrapped,
		"base64 of base64":     nested(20),
		"100,000 messages":     numberedBatch(100_000),
		"a million commas":     "[" + mega("1,") + "1]",
		"a million fields":     "{" + mega(`"a":1,`) + `"b":1}`,
		"a million instances":  `{"kind":"launch","instanceIds":[` + mega(`"i",`) + `"i"]}`,
		"a million in a text":  `{"kind":"launch","instanceIds":"` + mega("i,") + `"}`,
		"many messages of ids": "[" + strings.TrimSuffix(strings.Repeat(`{"kind":"launch","instanceIds":["`+strings.Join(numbered(900), `","`)+`"]},`, 200), ",") + "]",
		"lists with commas":    lists(`"` + strings.Join(numbered(1000), ",") + `"`),
		"lists as arrays":      lists(`["` + strings.Join(numbered(1000), `","`) + `"]`),
		"an array of lists":    `{"Records":[` + record("m-1", lists(`"`+strings.Join(numbered(1000), ",")+`"`)) + `]}`,
		"a long id":            hook(mega("i")),
		"a long token":         strings.Replace(hook("i-1"), "T-1", mega("t"), 1),
		"long metadata":        `{"kind":"launch","instanceIds":["i-1"],"metadata":"` + mega("m") + `"}`,
		"a long key":           `{"` + mega("k") + `":1,"kind":"launch","instanceIds":["i-1"]}`,
		"a long number":        `{"kind":"launch","instanceIds":["i-1"],"time":` + mega("9") + `}`,
		"many escapes":         `{"kind":"launch","instanceIds":["` + mega(`\u0000`) + `"]}`,
		"NULs":                 mega("\x00"),
		"half a rune":          mega("\xc3"),
		"single quotes":        "{" + mega("'"),
		"an open quote":        "['" + mega(`\`),
		"ampersands":           "VServerGroupId=&" + mega("&"),
		"many backends":        `{"RegionId":"r","VServerGroupId":"g","BackendServers":[` + mega(`{"ServerId":"i","Port":1},`) + `{}]}`,
		"spaces":               mega(" ") + "1",
		"padding":              mega("="),
		"an empty string":      `""`,
		"strings of nothing":   "[" + strings.TrimSuffix(strings.Repeat(`"",`, 9000), ",") + "]",
	}
}

func TestHostileInputCostsASmallMultipleOfItsSize(t *testing.T) {
	for name, input := range hostile() {
		t.Run(name, func(t *testing.T) {
			raw := []byte(input)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			messages, err := event.Decode(raw)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			// Everything allocated on the way, whether or not it was freed again,
			// beside what the largest batches of messages and notices are themselves.
			allocated := after.TotalAlloc - before.TotalAlloc
			if limit := uint64(16*len(raw) + 64<<20); allocated > limit {
				t.Errorf("%d bytes of input took %d bytes, more than %d", len(raw), allocated, limit)
			}
			// Every id that is read is a step that allocates, so that their number
			// is that of the steps, on a busy machine as on an idle one.
			if steps := after.Mallocs - before.Mallocs; steps > 20*event.MaxNotices {
				t.Errorf("%d bytes of input took %d allocations", len(raw), steps)
			}
			for _, m := range messages {
				if m.Err == nil && m.Ignored == "" && len(m.Notices) == 0 && m.Reconcile == nil {
					t.Errorf("message %d says nothing", m.Position)
				}
			}
		})
	}
}

func TestMoreMessagesThanAnyPlatformDeliversAreRefusedAsOne(t *testing.T) {
	messages := decode(t, []byte(numberedBatch(event.MaxMessages+1)))
	if len(messages) != 1 || messages[0].Err == nil || messages[0].Err.Code != "TooManyMessages" {
		t.Errorf("got %d messages, the first %+v", len(messages), messages[0])
	}
	if messages = decode(t, []byte(numberedBatch(event.MaxMessages))); len(messages) != event.MaxMessages {
		t.Errorf("got %d messages, want all %d", len(messages), event.MaxMessages)
	}
}

func TestABatchNamesNoMoreInstancesThanAnInvocationCanHold(t *testing.T) {
	each := `{"kind":"launch","instanceIds":["` + strings.Join(numbered(event.MaxInstances), `","`) + `"]}`
	n := event.MaxNotices / event.MaxInstances
	messages := decode(t, []byte("["+strings.Repeat(each+",", n)+each+"]"))
	for i, m := range messages {
		if refused := m.Err != nil; refused != (i == n) {
			t.Errorf("message %d of %d: %v", i, len(messages), m.Err)
		}
	}
}

func TestWhatIsOverTheBoundOfABatchIsNotEvenRead(t *testing.T) {
	each := `{"kind":"launch","instanceIds":["` + strings.Join(numbered(event.MaxInstances), `","`) + `"]}`
	n := event.MaxNotices/event.MaxInstances + 1
	unreadable := `{"kind":"launch","instanceIds":["i 1"]}`
	messages := decode(t, []byte("["+strings.Repeat(each+",", n)+unreadable+"]"))
	if last := messages[n]; last.Err == nil || last.Err.Code != "TooManyInstances" {
		t.Errorf("got %v, want it to be refused unread", last.Err)
	}
}

func TestNothingUnprintableGetsPastTheDecoder(t *testing.T) {
	for _, bad := range []string{`i-1\nlevel=info`, `i-1\u0000`, `\u202ei-1`, `i-1\u001b[2J`, `i 1`, `i-1\"`, `i-1/../x`, `i-1&Action=Delete`} {
		m := decode(t, []byte(strings.Replace(hook("ID"), "ID", bad, 1)))[0]
		if m.Err == nil || m.Err.Path != "content.instanceIds[0]" {
			t.Errorf("%s: got %v", bad, m.Err)
		} else if strings.ContainsAny(m.Err.Message, "\n\x00\x1b") {
			t.Errorf("%s: the error repeats it: %q", bad, m.Err.Message)
		}
	}
	for _, field := range []string{"cn-hangzhou", "ash-1", "T-1", "asg-1", "register-web"} {
		m := decode(t, []byte(strings.Replace(hook("i-1"), `"`+field+`"`, `"x\ny"`, 1)))[0]
		if m.Err == nil || m.Err.Code != "Malformed" {
			t.Errorf("%s: got %v", field, m.Err)
		}
	}
}

func TestAnErrorNeverRepeatsASignature(t *testing.T) {
	for _, input := range []string{
		"Action=AddVServerGroupBackendServers&RegionId=cn-hangzhou&VServerGroupId=rsp-1&BackendServers=[&Signature=c2VjcmV0LXNpZw&AccessKeyId=LTAIsecret",
		`{"Records":[{"Sns":{"Signature":"c2VjcmV0LXNpZw","Message":"{"}}]}`,
		`{"Type":"Notification","TopicArn":"arn:aws:sns:eu-central-1:1:t","Message":"x","UnsubscribeURL":"https://sns.example.invalid/?token=c2VjcmV0LXNpZw"}`,
	} {
		m := decode(t, []byte(input))[0]
		if m.Err == nil {
			t.Errorf("%s: taken as %+v", input, m)
		} else if strings.Contains(m.Err.Error(), "c2VjcmV0") || strings.Contains(m.Err.Error(), "LTAI") {
			t.Errorf("the error holds a secret: %v", m.Err)
		}
	}
}
