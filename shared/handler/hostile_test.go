package handler_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
)

// hostileBodies are events of every kind and size that nobody should send.
func hostileBodies() map[string]string {
	quoted := func(text string) string {
		b, err := json.Marshal(text)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	wrapped := launch("token-1", noon, "i-1")
	for range 30 {
		wrapped = base64.StdEncoding.EncodeToString([]byte(wrapped))
	}
	message := `{"kind":"launch","scalingGroupId":"asg-bp1web","regionId":"cn-hangzhou","instanceIds":`
	return map[string]string{
		"nothing":                 "",
		"null":                    "null",
		"a number":                "1e999999",
		"NULs":                    strings.Repeat("\x00", 1<<20),
		"no UTF-8":                strings.Repeat("\xff", 1<<20),
		"deep arrays":             strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20),
		"deep objects":            strings.Repeat(`{"content":`, 1<<17) + "1" + strings.Repeat("}", 1<<17),
		"deep base64":             wrapped,
		"100,000 messages":        "[" + strings.Repeat(`"x",`, 99_999) + `"x"]`,
		"10,000 broken messages":  "[" + strings.Repeat(`{"kind":"launch"},`, 9_999) + `{"kind":"launch"}]`,
		"a million instances":     message + "[" + strings.Repeat(`"i-1",`, 1_000_000) + `"i-2"]}`,
		"a huge number":           `{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-a","BackendServers":[{"ServerId":"i-1","Port":80,"Weight":1e400}]}`,
		"a huge port":             `{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-a","BackendServers":[{"ServerId":"i-1","Port":1e99}]}`,
		"a number of a megabyte":  `{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-a","BackendServers":[{"ServerId":"i-1","Port":` + strings.Repeat("9", 1<<20) + `}]}`,
		"a path for an id":        message + `["../../etc/passwd"]}`,
		"a template for an id":    message + `["{{ .Metadata }}"]}`,
		"a query for an id":       message + `["i-1&Action=DeleteLoadBalancer"]}`,
		"a line break in an id":   message + quoted("i-1\n{\"message\":\"forged\"}") + "}",
		"right to left in an id":  message + quoted("i-\u202e1") + "}",
		"an escape in an id":      message + quoted("i-\x1b[2J") + "}",
		"a NUL in an id":          message + quoted("i-\x001") + "}",
		"a megabyte for an id":    message + `["i-` + strings.Repeat("a", 1<<20) + `"]}`,
		"a megabyte for a token":  launch(strings.Repeat("t", 1<<20), noon, "i-1"),
		"line breaks in a hook":   strings.Replace(launch("token-1", noon, "i-1"), "ash-1", `ash\n{\"message\":\"forged\"}`, 1),
		"the same field twice":    `{"kind":"terminate","kind":"launch","instanceIds":["i-1"],"instanceIds":7}`,
		"thirty megabytes":        quoted(strings.Repeat("a", 30<<20)),
		"more than is ever sent":  strings.Repeat(" ", 33<<20),
		"a region elsewhere":      `{"RegionId":"evil.example/?","VServerGroupId":"rsp-a","BackendServers":[{"ServerId":"i-1","Port":80}]}`,
		"a group that is a query": `{"RegionId":"cn-hangzhou","VServerGroupId":"rsp-a&x=y","BackendServers":[{"ServerId":"i-1","Port":80}]}`,
	}
}

func TestAHostileEventCostsLittleAndTouchesNothing(t *testing.T) {
	for name, body := range hostileBodies() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oneTarget)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			r := w.invoke(body)
			took := time.Since(began)
			runtime.ReadMemStats(&after)

			for _, m := range r.Messages {
				if m.Status != handler.Rejected && m.Status != handler.Ignored {
					t.Errorf("message %s is %s", m.ID, m.Status)
				}
				if m.Error == nil || m.Error.Code == "" || m.Error.Message == "" || len(m.Error.Message) > 1000 {
					t.Errorf("message %s does not say why, or too much: %+v", m.ID, m.Error)
				}
			}
			if calls := w.simulator.Calls(); len(calls) > 0 {
				t.Errorf("%d calls were made, the first %+v", len(calls), calls[0])
			}
			for _, line := range w.lines() {
				if line["message"] == "forged" {
					t.Errorf("forged: %v", line)
				}
			}
			if took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(24*len(body)+96<<20); got > limit {
				t.Errorf("%d bytes took %d bytes of memory, more than %d", len(body), got, limit)
			}
			if got, limit := len(w.log.String()), len(body)+8<<20; got > limit {
				t.Errorf("%d bytes made %d bytes of log, more than %d", len(body), got, limit)
			}
			if next := w.invoke(launch("token-9", noon, "i-9")); next.Messages[0].Status != handler.Done {
				t.Errorf("the next event is %s: %+v", next.Messages[0].Status, next.Messages[0].Error)
			}
		})
	}
}

func TestAHostileMessageLeavesItsNeighboursAlone(t *testing.T) {
	for name, body := range hostileBodies() {
		if len(body) > 4<<20 {
			continue // no queue carries more than a fraction of it
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oneTarget)
			r := w.invoke(sqs(false, launch("token-8", noon, "i-8"), body, launch("token-9", noon, "i-9")))
			if len(r.Messages) != 3 {
				t.Fatalf("%d messages of three", len(r.Messages))
			}
			if r.Messages[0].Status != handler.Done || r.Messages[2].Status != handler.Done {
				t.Errorf("its neighbours are %s and %s", r.Messages[0].Status, r.Messages[2].Status)
			}
			answer, err := r.ForLambda()
			if err != nil || strings.Contains(string(answer), "m-1") || strings.Contains(string(answer), "m-3") {
				t.Errorf("the queue is answered %s, %v", answer, err)
			}
			w.lines() // each is an object
		})
	}
}

func TestAnEndpointThatDoesNotAnswerLeavesTheMessageToARedelivery(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"silent": silent.Addr().String(), "closed": closed.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, oneTarget)
			good := w.api
			service, err := clb.New(clb.Options{Endpoint: address})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(service.Close)
			w.api = service.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
			w.timeout = 1500 * time.Millisecond
			event := launch("token-1", noon, "i-1")
			began := time.Now()
			r := w.invoke(event)
			if r.Messages[0].Status != handler.Retry || r.Changes[0].Error == nil || r.Changes[0].Error.Message == "" {
				t.Errorf("message %s, change %+v", r.Messages[0].Status, r.Changes[0])
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v of %v", took, w.timeout)
			}
			w.api, w.timeout = good, time.Minute
			if next := w.invoke(launch("token-2", noon, "i-2")); next.Messages[0].Status != handler.Done {
				t.Errorf("the next message is %s: %+v", next.Messages[0].Status, next.Messages[0].Error)
			}
		})
	}
}

// stuck is a store that answers to nobody.
type stuck struct {
	idempotency.Store
	free bool
}

func (s *stuck) Claim(ctx context.Context, o idempotency.Owner, c []idempotency.Claim) ([]idempotency.Verdict, error) {
	if s.free {
		return s.Store.Claim(ctx, o, c)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAStoreThatHangsLeavesTheMessageToARedelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &stuck{Store: memory.New(memory.Options{})}
		w := newWorld(t, oneTarget, withStore(store))
		w.timeout = 10 * time.Second
		began := time.Now()
		event := launch("token-1", began, "i-1")
		r := w.invoke(event)
		if r.Messages[0].Status != handler.Retry || r.Changes[0].Error == nil {
			t.Errorf("message %s, change %+v", r.Messages[0].Status, r.Changes[0])
		}
		if took := time.Since(began); took >= w.timeout {
			t.Errorf("it took %v of %v", took, w.timeout)
		}
		store.free = true
		if next := w.invoke(event); next.Messages[0].Status != handler.Done {
			t.Errorf("the redelivery is %s: %+v", next.Messages[0].Status, next.Messages[0].Error)
		}
	})
}

func TestWhatTheServiceSaysCannotForgeALogLine(t *testing.T) {
	for _, text := range []string{"a\n{\"message\":\"forged\"}", "a\x1b[2J\x00", "a\u202eb", strings.Repeat("x", 1<<20)} {
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) {
			o.Faults = []clbtest.Fault{{Action: "AddVServerGroupBackendServers", Times: 1, Effect: clbtest.Effect{Code: "InvalidServerId.NotExist", Message: text}}}
		}))
		r := w.invoke(launch("token-1", noon, "i-1"))
		if r.Changes[0].Error == nil || len(r.Changes[0].Error.Message) > 4096 {
			t.Errorf("%.20q: the change says %d bytes", text, len(fmt.Sprint(r.Changes[0].Error)))
		}
		for _, line := range w.lines() {
			if line["message"] == "forged" {
				t.Errorf("forged: %v", line)
			}
		}
		if next := w.invoke(launch("token-2", noon, "i-2")); next.Messages[0].Status != handler.Done {
			t.Errorf("%.20q: the next message is %s", text, next.Messages[0].Status)
		}
	}
}
