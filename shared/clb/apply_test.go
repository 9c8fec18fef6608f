package clb_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/vsg"
)

var (
	group    = vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-demo01"}
	backends = []vsg.Backend{
		{ServerID: "i-demo0001", Port: 8080, Weight: 100, Type: vsg.ECS, Description: "slb-registrar"},
		{ServerID: "eni-demo0002", ServerIP: "192.0.2.12", Port: 8080, Weight: 0, Type: vsg.ENI},
	}
	testCredentials = clb.Credentials{AccessKeyID: "LTAItestaccesskey01", AccessKeySecret: "s3cr3t-of-the-key/+=", SecurityToken: "CAISecurityToken/of+the=role"}
)

const listed = `{"RequestId":"2F7A90C4","VServerGroupId":"rsp-demo01","BackendServers":{"BackendServer":[` +
	`{"ServerId":"i-demo0001","Port":8080,"Weight":100,"Type":"ecs","Description":"slb-registrar"},` +
	`{"ServerId":"eni-demo0002","ServerIp":"192.0.2.12","Port":8080,"Weight":0,"Type":"eni"}]}}`

// serve answers every call with what handler does and returns a client for it.
func serve(t testing.TB, options clb.Options, handler http.HandlerFunc) *clb.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	options.Endpoint = server.URL
	service, err := clb.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return service.With(testCredentials)
}

// answer is a handler that says one thing.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestEachChangeIsTheDocumentedCall(t *testing.T) {
	full := []map[string]any{
		{"ServerId": "i-demo0001", "Port": 8080.0, "Weight": 100.0, "Type": "ecs", "Description": "slb-registrar"},
		{"ServerId": "eni-demo0002", "ServerIp": "192.0.2.12", "Port": 8080.0, "Weight": 0.0, "Type": "eni"},
	}
	named := []map[string]any{
		{"ServerId": "i-demo0001", "Port": 8080.0, "Type": "ecs"},
		{"ServerId": "eni-demo0002", "ServerIp": "192.0.2.12", "Port": 8080.0, "Type": "eni"},
	}
	for action, want := range map[vsg.Action]struct {
		name    string
		servers []map[string]any
	}{
		vsg.Add:       {"AddVServerGroupBackendServers", full},
		vsg.Remove:    {"RemoveVServerGroupBackendServers", named},
		vsg.SetWeight: {"SetVServerGroupAttribute", full},
	} {
		t.Run(string(action), func(t *testing.T) {
			var query url.Values
			client := serve(t, clb.Options{}, func(w http.ResponseWriter, r *http.Request) {
				query = r.URL.Query()
				answer(200, listed)(w, r)
			})
			reply, err := client.Apply(t.Context(), action, group, backends)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(vsg.Reply{RequestID: "2F7A90C4", Backends: backends, Listed: true}, reply); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
			for key, value := range map[string]string{"Action": want.name, "Version": "2014-05-15", "RegionId": group.RegionID, "VServerGroupId": group.ID,
				"AccessKeyId": testCredentials.AccessKeyID, "SecurityToken": testCredentials.SecurityToken, "Format": "JSON"} {
				if query.Get(key) != value {
					t.Errorf("%s is %q, want %q", key, query.Get(key), value)
				}
			}
			var servers []map[string]any
			if err := json.Unmarshal([]byte(query.Get("BackendServers")), &servers); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.servers, servers); diff != "" {
				t.Errorf("BackendServers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDescribeTellsTheLoadBalancerAndTheMembers(t *testing.T) {
	client := serve(t, clb.Options{}, answer(200, `{"RequestId":"R","VServerGroupId":"rsp-demo01","LoadBalancerId":"lb-demo","BackendServers":{"BackendServer":[]}}`))
	reply, err := client.Describe(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(vsg.Reply{RequestID: "R", LoadBalancerID: "lb-demo", Backends: []vsg.Backend{}, Listed: true}, reply); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheInvocationsContextEndsTheCallAtOnce(t *testing.T) {
	arrived := make(chan struct{})
	client := serve(t, clb.Options{}, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done() // the server learns that the caller is gone
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	start := time.Now()
	_, err := client.Apply(ctx, vsg.Add, group, backends)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the call took %v", took)
	}
	if got := clb.Classify(err); got != vsg.DispositionLost {
		t.Errorf("a call cancelled after it was sent is %q, want lost: %v", got, err)
	}
}
