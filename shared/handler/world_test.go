package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
)

// world is a handler over the unmodified adapter and the simulator, all in this
// process, so that it runs inside a synctest bubble too.
type world struct {
	t         *testing.T
	simulator *clbtest.Simulator
	handler   *handler.Handler
	store     idempotency.Store
	api       handler.API
	hooks     map[event.HookPlatform]lifecycle.Completer
	scaling   reconcile.Scaling
	log       *syncBuffer
	timeout   time.Duration
}

const twoTargets = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-bp1web}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, loadBalancerId: lb-1, port: 80}
      - {regionId: cn-hangzhou, vServerGroupId: rsp-b, loadBalancerId: lb-2, port: 9090, weight: 50}
`

const oneTarget = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-bp1web}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-a, loadBalancerId: lb-1, port: 80}
`

type option func(*world, *clbtest.Options, *handler.Options)

func withStore(s idempotency.Store) option {
	return func(w *world, _ *clbtest.Options, h *handler.Options) { w.store, h.Store = s, s }
}

func withSimulator(change func(*clbtest.Options)) option {
	return func(_ *world, o *clbtest.Options, _ *handler.Options) { change(o) }
}

func newWorld(t *testing.T, config string, options ...option) *world {
	t.Helper()
	c, err := route.Parse("test", []byte(config))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, log: &syncBuffer{}, timeout: time.Minute, store: memory.New(memory.Options{})}
	log, err := handler.NewLogger(w.log, "debug")
	if err != nil {
		t.Fatal(err)
	}
	so := clbtest.Options{AutoCreate: true}
	ho := handler.Options{Config: c, Store: w.store, Log: log, Platform: "fc", Engine: registrar.Options{MaxBatch: c.MaxBatch}}
	for _, o := range options {
		o(w, &so, &ho)
	}
	w.simulator = clbtest.New(so)
	service, err := clb.New(clb.Options{Endpoint: "127.0.0.1", Transport: w.simulator.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	w.api = service.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
	scaling, err := ess.New(ess.Options{Endpoint: "127.0.0.1", Transport: w.simulator.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	w.scaling = scaling.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
	w.hooks = map[event.HookPlatform]lifecycle.Completer{
		event.ESS: scaling.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}),
	}
	if w.handler, err = handler.New(ho); err != nil {
		t.Fatal(err)
	}
	return w
}

// invoke runs one event with the world's time-out.
func (w *world) invoke(event string) handler.Result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), w.timeout)
	defer cancel()
	return w.handler.Handle(ctx, handler.Invocation{RequestID: "request-1", API: w.api, Hooks: w.hooks, Scaling: w.scaling}, []byte(event))
}

// adds returns how many backends each add carried.
func (w *world) adds() []int {
	var sizes []int
	for _, c := range w.simulator.CallsOf("AddVServerGroupBackendServers") {
		sizes = append(sizes, len(c.Backends))
	}
	return sizes
}

// members returns the servers of a group.
func (w *world) members(group string) []string {
	ids := []string{}
	for _, b := range w.simulator.Backends(group) {
		ids = append(ids, b.ServerID)
	}
	return ids
}

// statuses counts the changes of a result by status.
func statuses(r handler.Result) map[string]int {
	out := map[string]int{}
	for _, c := range r.Changes {
		out[string(c.Status)]++
	}
	return out
}

// instances returns n ids.
func instances(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("i-%04d", i+1)
	}
	return ids
}

// hook is the body of a lifecycle hook's notification. A time makes it known
// when it happened.
func hook(transition, token string, at time.Time, ids ...string) string {
	body := map[string]any{
		"userId": "1900770000000042", "regionId": "cn-hangzhou",
		"content": map[string]any{
			"lifecycleHookId": "ash-1", "lifecycleHookName": "register", "lifecycleActionToken": token,
			"lifecycleTransition": transition, "defaultResult": "ABANDON",
			"scalingGroupId": "asg-bp1web", "scalingActivityId": "asa-1", "instanceIds": ids,
		},
	}
	if !at.IsZero() {
		body["time"] = at.UTC().Format(time.RFC3339Nano)
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func launch(token string, at time.Time, ids ...string) string {
	return hook("SCALE_OUT", token, at, ids...)
}

func terminate(token string, at time.Time, ids ...string) string {
	return hook("SCALE_IN", token, at, ids...)
}

// sqs wraps bodies as the records of an Amazon SQS batch.
func sqs(fifo bool, bodies ...string) string {
	var records []any
	for i, body := range bodies {
		arn, attributes := "arn:aws:sqs:eu-central-1:700100200300:q-register", map[string]string{}
		if fifo {
			arn += ".fifo"
			attributes["MessageGroupId"], attributes["SequenceNumber"] = "g", fmt.Sprint(i)
		}
		records = append(records, map[string]any{
			"messageId": fmt.Sprintf("m-%d", i+1), "body": body, "attributes": attributes,
			"eventSource": "aws:sqs", "eventSourceARN": arn, "awsRegion": "eu-central-1",
		})
	}
	b, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// lines returns the log, an object a line; a line that is none fails the test.
func (w *world) lines() []map[string]any {
	w.t.Helper()
	var out []map[string]any
	for line := range strings.Lines(w.log.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			w.t.Fatalf("a log line is no JSON object: %q", line)
		}
		out = append(out, object)
	}
	return out
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
