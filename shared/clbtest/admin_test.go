package clbtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
)

// admin makes a request for administration over HTTP.
func admin(t *testing.T, sim *clbtest.Server, method, path, body string) (int, string) {
	t.Helper()
	r := must(http.NewRequestWithContext(t.Context(), method, sim.URL+path, strings.NewReader(body)))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode, string(must(io.ReadAll(response.Body)))
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTheStateReadsAsItIsWritten(t *testing.T) {
	seed, err := clbtest.ParseState([]byte(readFile(t, "testdata/state.json")))
	if err != nil {
		t.Fatal(err)
	}
	sim := clbtest.Start(t, clbtest.Options{State: seed})
	_, first := admin(t, sim, "GET", "/_sim/state", "")
	if status, body := admin(t, sim, "PUT", "/_sim/state", first); status != http.StatusNoContent {
		t.Fatalf("%d: %s", status, body)
	}
	_, second := admin(t, sim, "GET", "/_sim/state", "")
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	// What the file says is there, word for word.
	var file, state map[string][]map[string]any
	if err := json.Unmarshal([]byte(readFile(t, "testdata/state.json")), &file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(first), &state); err != nil {
		t.Fatal(err)
	}
	delete(state["loadBalancers"][0], "createTime")
	for _, g := range state["loadBalancers"][0]["vServerGroups"].([]any) {
		delete(g.(map[string]any), "createTime")
	}
	if diff := cmp.Diff(file, state); diff != "" {
		t.Error(diff)
	}
}

func TestCallsAreListedAsTheyHappened(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{State: aWorld()})
	call := callers(sim.Addr())["V3 by hand, form"]
	call(t, add, values{"VServerGroupId": "rsp-1", "BackendServers": `[{"ServerId":"i-1","Port":80}]`})
	call(t, describe, values{"VServerGroupId": "rsp-9"})
	_, body := admin(t, sim, "GET", "/_sim/calls", "")
	var list struct {
		Calls   []map[string]any
		Dropped *int
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Calls) != 2 || list.Dropped == nil || *list.Dropped != 0 {
		t.Fatal(body)
	}
	for i, c := range list.Calls {
		if _, err := time.Parse(time.RFC3339Nano, c["at"].(string)); err != nil {
			t.Error(err)
		}
		if len(c["requestId"].(string)) != 36 {
			t.Errorf("the request id: %v", c["requestId"])
		}
		delete(list.Calls[i], "at")
		delete(list.Calls[i], "requestId")
		delete(list.Calls[i], "tookMs")
	}
	want := []map[string]any{
		{
			"action": add, "regionId": "cn-hangzhou", "vServerGroupId": "rsp-1", "loadBalancerId": "lb-1", "httpStatus": 200.0, "code": "", "signature": "V3",
			"backends": []any{map[string]any{"ServerId": "i-1", "Port": 80.0, "Weight": 100.0, "Type": "ecs", "ServerIp": "", "Description": ""}},
		},
		{
			"action": describe, "regionId": "cn-hangzhou", "vServerGroupId": "rsp-9", "loadBalancerId": "", "httpStatus": 404.0, "code": "InvalidParameter",
			"signature": "V3", "backends": []any{},
		},
	}
	if diff := cmp.Diff(want, list.Calls); diff != "" {
		t.Error(diff)
	}
}

func TestResetGoesBackToTheSeed(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{State: aWorld(), Faults: parseFaults(t, `[{"action":"DescribeLoadBalancers","effect":{"code":"A"}}]`)})
	if status, body := admin(t, sim, "PUT", "/_sim/faults", `[{"action":"DescribeHealthStatus","effect":{"code":"B"}}]`); status != http.StatusNoContent {
		t.Fatalf("%d: %s", status, body)
	}
	before := sim.State()
	once := values{"VServerGroupId": "rsp-1", "BackendServers": `[{"ServerId":"i-1","Port":80}]`, "SignatureNonce": "again"}
	for round := range 2 {
		if _, code, _ := call(t, sim.Simulator, add, once); code != "" || len(sim.Backends("rsp-1")) != 2 {
			t.Fatalf("round %d: %s", round, code)
		}
		if status, _ := admin(t, sim, "POST", "/_sim/reset", ""); status != http.StatusNoContent {
			t.Fatal(status)
		}
	}
	if len(sim.Calls()) != 0 {
		t.Errorf("calls are left: %v", sim.Calls())
	}
	_, list, _ := call(t, sim.Simulator, "DescribeLoadBalancers", nil)
	_, health, _ := call(t, sim.Simulator, "DescribeHealthStatus", values{"LoadBalancerId": "lb-1"})
	if list != "A" || health != "" {
		t.Errorf("the rules are not those of the start: %q, %q", list, health)
	}
	if diff := cmp.Diff(clearTimes(before), clearTimes(sim.State())); diff != "" {
		t.Error(diff)
	}
}

func clearTimes(st clbtest.State) clbtest.State {
	for i := range st.LoadBalancers {
		st.LoadBalancers[i].CreateTime = nil
		for j := range st.LoadBalancers[i].VServerGroups {
			st.LoadBalancers[i].VServerGroups[j].CreateTime = nil
		}
	}
	return st
}

func TestWhatIsInFlightAtAResetIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{State: aWorld(), Latency: time.Second})
		done := make(chan string)
		go func() {
			_, code, _ := call(t, sim, add, values{"VServerGroupId": "rsp-1", "BackendServers": `[{"ServerId":"i-1","Port":80}]`})
			done <- code
		}()
		synctest.Wait()
		sim.Reset()
		if code := <-done; code != "" {
			t.Error(code)
		}
		if len(sim.Backends("rsp-1")) != 1 || len(sim.Calls()) != 0 {
			t.Errorf("%v, %v", sim.Backends("rsp-1"), sim.Calls())
		}
	})
}

func TestPutAddsToTheState(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: aWorld()})
	more := clbtest.State{LifecycleActions: []clbtest.LifecycleAction{{LifecycleHookID: "ash-1", LifecycleActionToken: "token-1"}}}
	if err := sim.Put(more); err != nil {
		t.Fatal(err)
	}
	if a, ok := sim.LifecycleAction("token-1"); !ok || a.Status != "Pending" || len(sim.State().LoadBalancers) != 6 {
		t.Errorf("%+v", a)
	}
	if err := sim.Put(more); err == nil || !strings.Contains(err.Error(), "lifecycleActions[0]: the token token-1 is there twice") {
		t.Error(err)
	}
}

func TestImpossibleStatesAreRefusedWithAReason(t *testing.T) {
	lb := func(fields string) string {
		return `{"loadBalancers":[{"regionId":"cn-hangzhou","loadBalancerId":"lb-1",` + fields + `}]}`
	}
	group := func(fields string) string {
		return lb(`"vServerGroups":[{"vServerGroupId":"rsp-1","backends":[{"ServerId":"i-1","Port":80},` + fields + `]}]`)
	}
	for state, want := range map[string]string{
		"{\n  \"loadBalancers\": [}":                     "line 2, column 21",
		`{"loadBalancer":[]}`:                            `unknown field "loadBalancer"`,
		`{"loadBalancers":[{}]}`:                         "loadBalancers[0]: regionId is missing",
		`{"loadBalancers":[{"regionId":"cn-hangzhou"}]}`: "loadBalancers[0]: loadBalancerId is missing",
		lb(`"maxBackends":-1`):                           "maxBackends -1 is negative",
		lb(`"vServerGroups":[{}]`):                       "loadBalancers[0].vServerGroups[0]: vServerGroupId is missing",
		lb(`"vServerGroups":[{"vServerGroupId":"rsp-1"},{"vServerGroupId":"rsp-1"}]`):                                                           "rsp-1 is there twice",
		lb(`"vServerGroups":[{"vServerGroupId":"rsp-1","listenerPort":65536}]`):                                                                 "listenerPort 65536 is not in 0–65535",
		lb(`"maxBackends":1,"vServerGroups":[{"vServerGroupId":"rsp-1","backends":[{"ServerId":"i-1","Port":1},{"ServerId":"i-1","Port":2}]}]`): "2 backends are more than maxBackends 1",
		group(`{"ServerId":"i-1","Port":80}`):                                                                                                   "loadBalancers[0].vServerGroups[0].backends[1]: i-1 with port 80 is there twice",
		group(`{"Port":80}`):                                                                                                                    "backends[1]: ServerId is missing",
		group(`{"ServerId":"i-2","Port":0}`):                                                                                                    "port 0 is not in 1–65535",
		group(`{"ServerId":"i-2","Port":80,"Weight":101}`):                                                                                      "weight 101 is not in 0–100",
		group(`{"ServerId":"i-2","Port":80,"Type":"vm"}`):                                                                                       `type "vm" is not ecs, eni or eci`,
		group(`{"ServerId":"i-2","Port":80,"ServerIp":"x"}`):                                                                                    `ServerIp "x" is no address`,
		group(`{"ServerId":"i-2","Port":80,"Wait":1}`):                                                                                          `unknown field "Wait"`,
		`{"instances":[{}]}`: "instances[0]: instanceId is missing",
		`{"instances":[{"instanceId":"i-1"},{"instanceId":"i-1"}]}`:                                  "instances[1]: i-1 is there twice",
		`{"instances":[{"instanceId":"i-1","runningAfter":"never"}]}`:                                `runningAfter: "never" is no duration`,
		`{"instances":[{"instanceId":"i-1","healthyAfter":"2"}]}`:                                    `healthyAfter: "2" is no duration`,
		`{"lifecycleActions":[{}]}`:                                                                  "lifecycleActions[0]: lifecycleHookId is missing",
		`{"lifecycleActions":[{"lifecycleHookId":"ash-1"}]}`:                                         "lifecycleActionToken is missing",
		`{"lifecycleActions":[{"lifecycleHookId":"a","lifecycleActionToken":"t","status":"Done"}]}`:  `status "Done" is not`,
		`{"lifecycleActions":[{"lifecycleHookId":"a","lifecycleActionToken":"t","result":"STAY"}]}`:  `result "STAY" is not`,
		`{"lifecycleActions":[{"lifecycleHookId":"a","lifecycleActionToken":"t","timeout":"7h"}]}`:   "is longer than 6h",
		`{"lifecycleActions":[{"lifecycleHookId":"a","lifecycleActionToken":"t","timeout":"long"}]}`: `timeout: "long" is no duration`,
	} {
		if _, err := clbtest.ParseState([]byte(state)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", state, err, want)
		}
	}
}

// A seed says nothing of how many backends a load balancer may have: that is the
// simulator's to say, whose file and flags come in any order.
func TestASeedIsHeldToTheLimitOfItsSimulator(t *testing.T) {
	var backends []string
	for i := range 300 {
		backends = append(backends, fmt.Sprintf(`{"ServerId":"i-%d","Port":80}`, i))
	}
	seed := `{"loadBalancers":[{"regionId":"cn-hangzhou","loadBalancerId":"lb-1","vServerGroups":[{"vServerGroupId":"rsp-1","backends":[` +
		strings.Join(backends, ",") + `]}]}]}`
	state, err := clbtest.ParseState([]byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]int{0: http.StatusBadRequest, 299: http.StatusBadRequest, 300: http.StatusNoContent, 2000: http.StatusNoContent} {
		sim := clbtest.Start(t, clbtest.Options{MaxBackends: limit})
		if status, body := admin(t, sim, "PUT", "/_sim/state", seed); status != want {
			t.Errorf("limit %d: %d %s, want %d", limit, status, body, want)
		}
		server, err := clbtest.Listen(t.Context(), "127.0.0.1:0", clbtest.Options{State: state, MaxBackends: limit}, false)
		if (err == nil) != (want == http.StatusNoContent) {
			t.Errorf("limit %d: %v", limit, err)
		}
		if err == nil {
			_ = server.Close()
		}
	}
}

func TestBadAdministrationIsRefusedAndChangesNothing(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{State: aWorld()})
	for _, test := range []struct {
		method, path, body string
		want               int
	}{
		{"PUT", "/_sim/faults", `[{}]`, 400}, {"PUT", "/_sim/state", `{"a":1}`, 400}, {"GET", "/_sim/reset", "", 405}, {"GET", "/_sim/else", "", 404},
	} {
		if status, _ := admin(t, sim, test.method, test.path, test.body); status != test.want {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, status, test.want)
		}
	}
	if len(sim.State().LoadBalancers) != 6 || outcomesOf(t, sim) != "" {
		t.Error("something has changed")
	}
}

func outcomesOf(t *testing.T, sim *clbtest.Server) string {
	t.Helper()
	_, code, _ := call(t, sim.Simulator, describe, values{"VServerGroupId": "rsp-1"})
	return code
}

func TestAdministrationIsForLoopbackOnly(t *testing.T) {
	sim := clbtest.New(clbtest.Options{})
	for address, want := range map[string]int{"127.0.0.1:1": 200, "[::1]:1": 200, "[::ffff:127.0.0.1]:1": 200, "192.0.2.1:1": 403, "": 403} {
		r := httptest.NewRequest(http.MethodGet, "/_sim/state", nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %q: %d, want %d", address, w.Code, want)
		}
	}
	page := httptest.NewRequest(http.MethodPost, "/_sim/reset", nil)
	page.RemoteAddr = "127.0.0.1:1"
	page.Header.Set("Origin", "https://elsewhere.invalid")
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, page)
	if w.Code != http.StatusForbidden {
		t.Errorf("from a page of another site: %d", w.Code)
	}
	if status, body := send(t, sim, httptest.NewRequest(http.MethodGet, "http://sim.invalid/_sim/state", nil)); status != 200 || !strings.Contains(body, `"loadBalancers": []`) {
		t.Errorf("in the process: %d, %s", status, body)
	}
}

func TestTheServerListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:0": "not a loopback address", "192.0.2.1:0": "not a loopback address", ":0": "every interface", "[::]:0": "not a loopback address", "7070": "missing port",
	} {
		if sim, err := clbtest.Listen(t.Context(), addr, clbtest.Options{}, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", addr, sim, err)
		}
	}
	for _, test := range []struct {
		addr    string
		allowed bool
	}{{"127.0.0.1:0", false}, {"localhost:0", false}, {"0.0.0.0:0", true}} {
		sim, err := clbtest.Listen(t.Context(), test.addr, clbtest.Options{}, test.allowed)
		if err != nil {
			t.Errorf("%s: %v", test.addr, err)
			continue
		}
		if status, _ := admin(t, sim, "GET", "/_sim/calls", ""); status != 200 {
			t.Errorf("%s: %d", test.addr, status)
		}
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
		if err := sim.Close(); err != nil {
			t.Errorf("closing it again: %v", err)
		}
	}
	if _, err := clbtest.Listen(t.Context(), "127.0.0.1:0", clbtest.Options{Duplicate: "perhaps"}, false); err == nil {
		t.Error("an impossible option was accepted")
	}
}
