package clb_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/vsg"
)

// The API's own page shows its answer like this, wrapped and with strings for
// numbers, and the SDK's client reads an empty group out of it.
const pageOfTheAPI = `{
	"AddVServerGroupBackendServers":{
		"BackendServers":{
			"BackendServer":[
				{"ServerId":"vm-233","Port":"80","Weight":"100"},
				{"ServerId":"vm-232","Port":"90","Weight":"100"}
			]
		},
		"RequestId":"9DEC9C28",
		"VServerGroupId":"rsp-demo01"
	}
}`

func TestAnswersAreReadHoweverTheyAreWritten(t *testing.T) {
	for name, row := range map[string]struct {
		action vsg.Action
		body   string
		want   vsg.Reply
	}{
		"as documented": {vsg.Add, listed, vsg.Reply{RequestID: "2F7A90C4", Listed: true, Backends: backends}},
		"as on the API's page": {vsg.Add, pageOfTheAPI, vsg.Reply{RequestID: "9DEC9C28", Listed: true, Backends: []vsg.Backend{
			{ServerID: "vm-233", Port: 80, Weight: 100}, {ServerID: "vm-232", Port: 90, Weight: 100}}}},
		"without a list":                 {vsg.Add, `{"RequestId":"R","VServerGroupId":"rsp-demo01"}`, vsg.Reply{RequestID: "R"}},
		"with null for a list":           {vsg.Add, `{"RequestId":"R","BackendServers":null}`, vsg.Reply{RequestID: "R"}},
		"an empty group after an add":    {vsg.Add, `{"RequestId":"R","BackendServers":{"BackendServer":[]}}`, vsg.Reply{RequestID: "R", Backends: []vsg.Backend{}}},
		"an empty group after a removal": {vsg.Remove, `{"RequestId":"R","BackendServers":{"BackendServer":[]}}`, vsg.Reply{RequestID: "R", Listed: true, Backends: []vsg.Backend{}}},
		"with fields that nobody knows":  {vsg.Add, `{"RequestId":"R","New":{"x":[1]},"BackendServers":null}`, vsg.Reply{RequestID: "R"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := serve(t, clb.Options{}, answer(200, row.body)).Apply(t.Context(), row.action, group, backends)
			if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestAnAnswerThatSaysNothingLeavesAChangeLostAndAReadingTransient(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"about another group": answer(200, `{"RequestId":"R","VServerGroupId":"rsp-other","BackendServers":{"BackendServer":[]}}`),
		"empty":               answer(200, ``),
		"a page":              answer(200, `<html></html>`),
		"a proxy's error":     answer(502, `<html></html>`),
		"a numeric code":      answer(502, `{"Code":503,"Message":"x"}`),
		"an internal error":   answer(500, `{"RequestId":"R","Code":"InternalError","Message":"x"}`),
		"cut off":             answer(200, listed[:100]),
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, clb.Options{}, handler)
			if _, err := client.Apply(t.Context(), vsg.Add, group, backends); clb.Classify(err) != vsg.DispositionLost {
				t.Errorf("a change is %s: %v", clb.Classify(err), err)
			}
			if _, err := client.Describe(t.Context(), group); clb.Classify(err) != vsg.DispositionTransient {
				t.Errorf("a reading is %s: %v", clb.Classify(err), err)
			}
		})
	}
}

func TestCallsThatCannotBeRightAreNotSent(t *testing.T) {
	client := serve(t, clb.Options{}, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	one := []vsg.Backend{{ServerID: "i-1", Port: 80, Weight: 100}}
	for name, call := range map[string]func() error{
		"an empty call": func() error { _, err := client.Apply(t.Context(), vsg.Add, group, nil); return err },
		"41 backends": func() error {
			many := make([]vsg.Backend, vsg.MaxBatchLimit+1)
			for i := range many {
				many[i] = one[0]
			}
			_, err := client.Apply(t.Context(), vsg.Add, group, many)
			return err
		},
		"an unknown action": func() error { _, err := client.Apply(t.Context(), "drop", group, one); return err },
		"no group": func() error {
			_, err := client.Apply(t.Context(), vsg.Add, vsg.Group{RegionID: "cn-hangzhou"}, one)
			return err
		},
		"no region": func() error { _, err := client.Apply(t.Context(), vsg.Add, vsg.Group{ID: "rsp-1"}, one); return err },
		"no server": func() error {
			_, err := client.Apply(t.Context(), vsg.Add, group, []vsg.Backend{{Port: 80}})
			return err
		},
		"port 0": func() error {
			_, err := client.Apply(t.Context(), vsg.Add, group, []vsg.Backend{{ServerID: "i-1"}})
			return err
		},
		"weight 101": func() error {
			_, err := client.Apply(t.Context(), vsg.Add, group, []vsg.Backend{{ServerID: "i-1", Port: 80, Weight: 101}})
			return err
		},
		"a reading of no group":         func() error { _, err := client.Describe(t.Context(), vsg.Group{RegionID: "cn-hangzhou"}); return err },
		"health of no load balancer":    func() error { _, err := client.Health(t.Context(), "cn-hangzhou", ""); return err },
		"listeners of no load balancer": func() error { _, err := client.Bindings(t.Context(), "cn-hangzhou", ""); return err },
	} {
		if err := call(); clb.Classify(err) != vsg.DispositionMalformed {
			t.Errorf("%s is %s: %v", name, clb.Classify(err), err)
		}
	}
}

func TestHealthAndListenersAreRead(t *testing.T) {
	client := serve(t, clb.Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("Action") {
		case "DescribeHealthStatus":
			answer(200, `{"RequestId":"R","BackendServers":{"BackendServer":[
				{"ListenerPort":443,"Port":8080,"Protocol":"https","ServerId":"i-1","ServerIp":"192.0.2.1","ServerHealthStatus":"normal","Weight":"100"},
				{"ListenerPort":80,"Port":8080,"Protocol":"http","ServerId":"i-1","ServerIp":"192.0.2.1","EniHost":"192.0.2.9","ServerHealthStatus":"unavailable"}]}}`)(w, r)
		case "DescribeVServerGroups":
			if r.URL.Query().Get("IncludeListener") != "true" || r.URL.Query().Get("IncludeRule") != "true" {
				t.Error("listeners and rules were not asked for")
			}
			answer(200, `{"RequestId":"R","VServerGroups":{"VServerGroup":[
				{"VServerGroupId":"rsp-1","AssociatedObjects":{"Listeners":{"Listener":[{"Port":443,"Protocol":"https"},{"Port":80,"Protocol":"http"}]},"Rules":{"Rule":[]}}},
				{"VServerGroupId":"rsp-2","AssociatedObjects":{"Rules":{"Rule":[{"RuleId":"rule-1"}]}}},
				{"VServerGroupId":"rsp-3"}]}}`)(w, r)
		}
	})
	health, err := client.Health(t.Context(), "cn-hangzhou", "lb-1")
	if diff := cmp.Diff([]vsg.Health{
		{ServerID: "i-1", ServerIP: "192.0.2.1", Port: 8080, Listener: vsg.Listener{Port: 443, Protocol: "https"}, State: vsg.Healthy},
		{ServerID: "i-1", ServerIP: "192.0.2.1", InterfaceIP: "192.0.2.9", Port: 8080, Listener: vsg.Listener{Port: 80, Protocol: "http"}, State: vsg.Unchecked},
	}, health); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	bindings, err := client.Bindings(t.Context(), "cn-hangzhou", "lb-1")
	if diff := cmp.Diff([]vsg.Binding{
		{GroupID: "rsp-1", Listeners: []vsg.Listener{{Port: 443, Protocol: "https"}, {Port: 80, Protocol: "http"}}},
		{GroupID: "rsp-2", Rules: 1},
		{GroupID: "rsp-3"},
	}, bindings); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestEveryCallIsObservedOnce(t *testing.T) {
	var calls []clb.Call
	client := serve(t, clb.Options{Observe: func(_ context.Context, c clb.Call) { calls = append(calls, c) }},
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("Action") == "DescribeVServerGroupAttribute" {
				answer(409, `{"RequestId":"R-2","Code":"BackendServer.configuring","Message":"busy"}`)(w, r)
				return
			}
			answer(200, listed)(w, r)
		})
	if _, err := client.Apply(t.Context(), vsg.Add, group, backends); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Describe(t.Context(), group); clb.Classify(err) != vsg.DispositionConflict {
		t.Fatal(err)
	}
	for i := range calls {
		if calls[i].Duration <= 0 {
			t.Errorf("call %d took %v", i, calls[i].Duration)
		}
		calls[i].Duration = 0
	}
	if diff := cmp.Diff([]clb.Call{
		{Action: "AddVServerGroupBackendServers", Group: group, BatchSize: 2, Disposition: vsg.DispositionDone, RequestID: "2F7A90C4", Known: true},
		{Action: "DescribeVServerGroupAttribute", Group: group, Disposition: vsg.DispositionConflict, Status: 409, Code: "BackendServer.configuring", Message: "busy", RequestID: "R-2", Known: true},
	}, calls); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Several invocations share a Service, each with its own credentials.
func TestInvocationsDoNotMixTheirCredentials(t *testing.T) {
	service, err := clb.New(clb.Options{Transport: echo{}})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for _, id := range []string{"LTAIfirst0000000", "LTAIsecond000000", "LTAIthird0000000"} {
		client := service.With(clb.Credentials{AccessKeyID: id, AccessKeySecret: "secret-of-" + id})
		wait.Go(func() {
			for range 50 {
				reply, err := client.Describe(t.Context(), group)
				if err != nil || reply.LoadBalancerID != id {
					t.Errorf("a call of %s was made with %s: %v", id, reply.LoadBalancerID, err)
				}
			}
		})
	}
	wait.Wait()
}

// echo answers with the access key id in place of the load balancer's.
type echo struct{}

func (echo) RoundTrip(r *http.Request) (*http.Response, error) {
	return canned(`{"RequestId":"R","LoadBalancerId":"` + r.URL.Query().Get("AccessKeyId") + `"}`).RoundTrip(r)
}

func TestTheErrorCarriesWhatTheOutcomeNeeds(t *testing.T) {
	_, err := serve(t, clb.Options{}, answer(404, `{"RequestId":"R-3","Code":"ResourceNotFound.vServers","Message":"The servers [eni-demo0002] do not exist."}`)).
		Apply(t.Context(), vsg.Add, group, backends)
	var e *clb.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T", err)
	}
	code, message, requestID := e.Details()
	if code != "ResourceNotFound.vServers" || message != "The servers [eni-demo0002] do not exist." || requestID != "R-3" || e.Status != 404 {
		t.Errorf("%+v", e)
	}
	if diff := cmp.Diff([]string{"eni-demo0002"}, e.Culprits()); diff != "" {
		t.Errorf("culprits (-want +got):\n%s", diff)
	}
	if got, want := err.Error(), "AddVServerGroupBackendServers: ResourceNotFound.vServers: The servers [eni-demo0002] do not exist. (request R-3)"; got != want {
		t.Errorf("%s", got)
	}
}
