package clbtest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clbtest"
)

func parseFaults(t testing.TB, text string) []clbtest.Fault {
	t.Helper()
	faults, err := clbtest.ParseFaults([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// outcomes makes n adds and lists their codes; OK is one that succeeded.
func outcomes(t *testing.T, sim *clbtest.Simulator, n int) string {
	t.Helper()
	var all []string
	for i := range n {
		status, code, _ := call(t, sim, add, values{"VServerGroupId": "rsp-1", "BackendServers": servers(i, 1)})
		if status == http.StatusOK {
			code = "OK"
		}
		all = append(all, code)
	}
	return strings.Join(all, " ")
}

func TestRulesActWhenTheySay(t *testing.T) {
	for _, test := range []struct{ name, faults, want string }{
		{"always", `[{"effect":{"code":"A"}}]`, "A A A A A A"},
		{"nth", `[{"nth":2,"effect":{"code":"A"}}]`, "OK A OK OK OK OK"},
		{"every", `[{"every":2,"effect":{"code":"A"}}]`, "OK A OK A OK A"},
		{"times", `[{"times":2,"effect":{"code":"A"}}]`, "A A OK OK OK OK"},
		{"every and times", `[{"every":3,"times":1,"effect":{"code":"A"}}]`, "OK OK A OK OK OK"},
		{"the first that matches", `[{"nth":2,"effect":{"code":"A"}},{"effect":{"code":"B"}}]`, "B A B B B B"},
		{"each counts every call", `[{"nth":1,"effect":{"code":"A"}},{"nth":2,"effect":{"code":"B"}}]`, "A B OK OK OK OK"},
		{"another action", `[{"action":"DeleteVServerGroup","effect":{"code":"A"}}]`, "OK OK OK OK OK OK"},
		{"another group", `[{"vServerGroupId":"rsp-2","effect":{"code":"A"}}]`, "OK OK OK OK OK OK"},
		{"this group", `[{"vServerGroupId":"rsp-1","effect":{"code":"A"}}]`, "A A A A A A"},
		{"one server", `[{"serverId":"i-3","effect":{"code":"A"}}]`, "OK OK OK A OK OK"},
		{"an address", `[{"serverIp":"192.0.2.1","effect":{"code":"A"}}]`, "OK OK OK OK OK OK"},
		{"certain", `[{"probability":1,"effect":{"code":"A"}}]`, "A A A A A A"},
		{"never", `[{"probability":0,"effect":{"code":"A"}}]`, "OK OK OK OK OK OK"},
		{"none", `[]`, "OK OK OK OK OK OK"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sim := clbtest.New(clbtest.Options{AutoCreate: true, Faults: parseFaults(t, test.faults)})
			if got := outcomes(t, sim, 6); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestARuleMayNameTheLoadBalancer(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: aWorld(), Faults: parseFaults(t, `[{"loadBalancerId":"lb-1","effect":{"code":"A"}}]`)})
	_, one, _ := call(t, sim, describe, values{"VServerGroupId": "rsp-2"})
	_, other, _ := call(t, sim, describe, values{"VServerGroupId": "rsp-6"})
	if one != "A" || other != "" {
		t.Errorf("%q and %q", one, other)
	}
}

func TestProbabilitiesAreReproducibleFromTheirSeed(t *testing.T) {
	run := func(seed int) string {
		rule := fmt.Sprintf(`[{"probability":0.5,"seed":%d,"effect":{"code":"A"}}]`, seed)
		return outcomes(t, clbtest.New(clbtest.Options{AutoCreate: true, Faults: parseFaults(t, rule)}), 64)
	}
	first := run(1)
	if again := run(1); again != first {
		t.Errorf("the same seed gave\n%s and\n%s", first, again)
	}
	if other := run(2); other == first {
		t.Error("another seed gave the same")
	}
	if n := strings.Count(first, "A"); n < 16 || n > 48 {
		t.Errorf("%d of 64 at a probability of a half", n)
	}
}

func TestARuleEndsWhenItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{AutoCreate: true, Faults: parseFaults(t, `[{"for":"30s","effect":{"code":"A"}}]`)})
		before := outcomes(t, sim, 1)
		<-time.After(30 * time.Second)
		if got := before + " " + outcomes(t, sim, 1); got != "A OK" {
			t.Error(got)
		}
	})
}

func TestAThrottleIsABucketOfTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{AutoCreate: true, Faults: parseFaults(t, `[{"effect":{"throttle":{"perSecond":5,"burst":3}}},{"nth":1,"effect":{"code":"A"}}]`)})
		if got := outcomes(t, sim, 5); got != "A OK OK Throttling.User Throttling.User" {
			t.Errorf("from a full bucket: %s", got)
		}
		<-time.After(400 * time.Millisecond) // two tokens
		if got := outcomes(t, sim, 3); got != "OK OK Throttling.User" {
			t.Errorf("after 400ms: %s", got)
		}
		<-time.After(time.Hour)
		if got := outcomes(t, sim, 4); got != "OK OK OK Throttling.User" {
			t.Errorf("after an hour: %s", got)
		}
	})
}

func TestLatencyDelaysWhenAChangeApplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{AutoCreate: true, Latency: time.Second, Faults: parseFaults(t, `[
			{"action":"AddVServerGroupBackendServers","effect":{"latency":"2s"}},
			{"action":"RemoveVServerGroupBackendServers","effect":{"latency":"2s","code":"InternalError"}},
			{"effect":{"latency":"1s","jitter":"1s"}}]`)})
		took := func(action string) time.Duration {
			start := time.Now()
			call(t, sim, action, values{"VServerGroupId": "rsp-1", "BackendServers": servers(0, 1)})
			return time.Since(start)
		}
		if got := took(add); got != 3*time.Second {
			t.Errorf("an add took %s, want its own second and two", got)
		}
		if got := took(remove); got != 2*time.Second {
			t.Errorf("a refusal took %s, want what the rule says", got)
		}
		start := time.Now()
		call(t, sim, describe, values{"VServerGroupId": "rsp-1"})
		if got := time.Since(start); got < time.Second || got >= 2*time.Second {
			t.Errorf("a read took %s, want between one and two seconds", got)
		}
	})
}

// TestConnectionFaultsLookTheSameInProcessAndOverHTTP makes one add under each
// rule and looks at what the client sees, and whether it was applied.
func TestConnectionFaultsLookTheSameInProcessAndOverHTTP(t *testing.T) {
	for _, test := range []struct {
		name, effect string
		applied      bool
		check        func(status int, contentType, body string, err error) bool
	}{
		{"reset before", `{"reset":"before"}`, false, func(_ int, _, _ string, err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{"reset after", `{"reset":"after"}`, true, func(_ int, _, _ string, err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		{"truncated", `{"body":"truncated"}`, true, func(status int, _, body string, err error) bool {
			return status == 200 && errors.Is(err, io.ErrUnexpectedEOF) && strings.HasPrefix(body, `{"RequestId"`) && !strings.HasSuffix(body, "}")
		}},
		{"truncated failure", `{"body":"truncated","httpStatus":503}`, false, func(status int, _, _ string, err error) bool {
			return status == 503 && errors.Is(err, io.ErrUnexpectedEOF)
		}},
		{"html", `{"body":"html","httpStatus":502}`, false, func(status int, contentType, body string, err error) bool {
			return status == 502 && contentType == "text/html" && strings.Contains(body, "<h1>502 Bad Gateway</h1>") && err == nil
		}},
		{"html by default", `{"body":"html"}`, false, func(status int, _, _ string, _ error) bool { return status == 502 }},
		{"numeric code", `{"body":"numeric-code","httpStatus":503}`, false, func(status int, _, body string, err error) bool {
			return status == 503 && strings.Contains(body, `"Code":503`) && err == nil
		}},
		{"drip", `{"drip":"1us"}`, true, func(status int, _, body string, err error) bool {
			return status == 200 && strings.HasSuffix(body, "}") && err == nil
		}},
		{"code", `{"code":"Throttling.User"}`, false, func(status int, _, body string, _ error) bool {
			return status == 400 && strings.Contains(body, `"Code":"Throttling.User"`)
		}},
		{"code, status and message", `{"code":"Made.Up","httpStatus":418,"message":"a \"teapot\"\n"}`, false, func(status int, _, body string, _ error) bool {
			return status == 418 && strings.Contains(body, `"Code":"Made.Up","Message":"a \"teapot\"\u000a"`)
		}},
	} {
		sim := clbtest.Start(t, clbtest.Options{AutoCreate: true})
		for name, transport := range map[string]http.RoundTripper{"over HTTP": &http.Transport{DisableKeepAlives: true}, "in process": sim.Transport()} {
			t.Run(test.name+" "+name, func(t *testing.T) {
				sim.Reset()
				if err := sim.SetFaults(parseFaults(t, `[{"effect":`+test.effect+`}]`)); err != nil {
					t.Fatal(err)
				}
				r := getRPC(rpc(add, values{"VServerGroupId": "rsp-1", "BackendServers": servers(0, 1)}))
				r.URL.Host = sim.Addr()
				status, contentType, body := 0, "", ""
				response, err := transport.RoundTrip(r)
				if err == nil {
					var data []byte
					data, err = io.ReadAll(response.Body)
					_ = response.Body.Close()
					status, contentType, body = response.StatusCode, response.Header.Get("Content-Type"), string(data)
				}
				if !test.check(status, contentType, body, err) {
					t.Errorf("%d %s %v: %s", status, contentType, err, body)
				}
				if applied := len(sim.Backends("rsp-1")) == 1; applied != test.applied {
					t.Errorf("applied: %v, want %v", applied, test.applied)
				}
				if c := sim.Calls(); len(c) != 1 || (c[0].HTTPStatus == 200) != test.applied {
					t.Errorf("the record: %+v", c)
				}
			})
		}
	}
}

func TestADripTakesItsTimeForEveryByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{AutoCreate: true, Faults: parseFaults(t, `[{"effect":{"drip":"10ms"}}]`)})
		start := time.Now()
		_, body := send(t, sim, getRPC(rpc(describe, values{"VServerGroupId": "rsp-1"})))
		if took := time.Since(start); took != time.Duration(len(body))*10*time.Millisecond {
			t.Errorf("%d bytes took %s", len(body), took)
		}
	})
}

func TestImpossibleRulesAreRefusedWithAReason(t *testing.T) {
	for faults, want := range map[string]string{
		`{`:                           "line 1, column",
		`{}`:                          "cannot unmarshal object",
		`[{"effect":{"code":"A"}}] x`: "something follows",
		`[{"efect":{"code":"A"}}]`:    `faults[0]: line 1, column 2: json: unknown field "efect"`,
		`[{"effect":{"code":"A"}},{"effect":{}}]`:              "faults[1]: effect: it is empty",
		`[{"effect":{"code":"A","reset":"after"}}]`:            "exclude each other",
		`[{"nth":1,"every":2,"effect":{"code":"A"}}]`:          "exclude each other",
		`[{"nth":-1,"effect":{"code":"A"}}]`:                   "cannot be negative",
		`[{"nth":1,"probability":0,"effect":{"code":"A"}}]`:    "exclude each other",
		`[{"probability":-0.5,"effect":{"code":"A"}}]`:         "probability -0.5 is not in 0–1",
		`[{"probability":1.5,"effect":{"code":"A"}}]`:          "probability 1.5 is not in 0–1",
		`[{"for":"soon","effect":{"code":"A"}}]`:               `for: "soon" is no duration`,
		`[{"effect":{"latency":"-1s"}}]`:                       `latency: "-1s" is no duration`,
		`[{"effect":{"reset":"never"}}]`:                       `reset "never" is not before or after`,
		`[{"effect":{"body":"xml"}}]`:                          `body "xml" is not truncated, html or numeric-code`,
		`[{"effect":{"code":"A","httpStatus":42}}]`:            "httpStatus 42 is not in 200–599",
		`[{"effect":{"latency":"1s","httpStatus":500}}]`:       "httpStatus goes with code or body",
		`[{"effect":{"latency":"1s","message":"m"}}]`:          "message goes with code",
		`[{"effect":{"throttle":{"perSecond":0,"burst":1}}}]`:  "perSecond must be positive",
		`[{"effect":{"throttle":{"perSecond":1,"bursts":1}}}]`: `unknown field "bursts"`,
	} {
		if _, err := clbtest.ParseFaults([]byte(faults)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", faults, err, want)
		}
	}
}

func TestTheExampleOfRulesCanBeRead(t *testing.T) {
	if faults := parseFaults(t, readFile(t, "testdata/faults.json")); len(faults) != 6 {
		t.Errorf("%d rules", len(faults))
	}
}
