package clb_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/vsg"
)

var (
	web    = vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-web"}
	web1   = vsg.Backend{ServerID: "i-web1", Port: 80, Weight: 100, Type: vsg.ECS, Description: "slb-registrar"}
	web2   = vsg.Backend{ServerID: "i-web2", Port: 80, Weight: 100, Type: vsg.ECS, Description: "slb-registrar"}
	signer = clb.Credentials{AccessKeyID: clbtest.DefaultAccessKeyID, AccessKeySecret: clbtest.DefaultAccessKeySecret}
)

func world() clbtest.State {
	return clbtest.State{
		LoadBalancers: []clbtest.LoadBalancer{{RegionID: "cn-hangzhou", LoadBalancerID: "lb-web", VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-web", ListenerPort: 443}}}},
		Instances:     []clbtest.Instance{{InstanceID: "i-web1"}, {InstanceID: "i-web2", HealthyAfter: "never"}},
	}
}

// Over sockets, with a signature that somebody else verifies.
func TestTheSimulatorAcceptsWhatIsSent(t *testing.T) {
	server := clbtest.Start(t, clbtest.Options{State: world()})
	service, err := clb.New(clb.Options{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	client, ctx := service.With(signer), t.Context()

	both := []vsg.Backend{web1, web2}
	reply, err := client.Apply(ctx, vsg.Add, web, both)
	if diff := cmp.Diff(both, reply.Backends); err != nil || diff != "" {
		t.Fatalf("add: %v (-want +got):\n%s", err, diff)
	}
	drained := web2
	drained.Weight = 0
	reply, err = client.Apply(ctx, vsg.SetWeight, web, []vsg.Backend{drained})
	if diff := cmp.Diff([]vsg.Backend{web1, drained}, reply.Backends); err != nil || diff != "" {
		t.Fatalf("weight: %v (-want +got):\n%s", err, diff)
	}
	health, err := client.Health(ctx, web.RegionID, "lb-web")
	if diff := cmp.Diff([]vsg.Health{
		{ServerID: "i-web1", Port: 80, Listener: vsg.Listener{Port: 443, Protocol: "http"}, State: vsg.Healthy},
		{ServerID: "i-web2", Port: 80, Listener: vsg.Listener{Port: 443, Protocol: "http"}, State: vsg.Unhealthy},
	}, health); err != nil || diff != "" {
		t.Fatalf("health: %v (-want +got):\n%s", err, diff)
	}
	bindings, err := client.Bindings(ctx, web.RegionID, "lb-web")
	if diff := cmp.Diff([]vsg.Binding{{GroupID: "rsp-web", Listeners: []vsg.Listener{{Port: 443, Protocol: "http"}}}}, bindings); err != nil || diff != "" {
		t.Fatalf("bindings: %v (-want +got):\n%s", err, diff)
	}
	if _, err = client.Apply(ctx, vsg.Remove, web, []vsg.Backend{drained}); err != nil {
		t.Fatalf("remove: %v", err)
	}
	reply, err = client.Describe(ctx, web)
	if diff := cmp.Diff([]vsg.Backend{web1}, reply.Backends); err != nil || diff != "" || reply.LoadBalancerID != "lb-web" {
		t.Fatalf("describe: %v of %q (-want +got):\n%s", err, reply.LoadBalancerID, diff)
	}
}

func TestAWrongSecretIsRefusedAndSeenNowhere(t *testing.T) {
	server := clbtest.Start(t, clbtest.Options{State: world()})
	service, err := clb.New(clb.Options{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	_, err = service.With(clb.Credentials{AccessKeyID: clbtest.DefaultAccessKeyID, AccessKeySecret: "wrong-but-still-secret"}).Apply(t.Context(), vsg.Add, web, []vsg.Backend{web1})
	var e *clb.Error
	if !errors.As(err, &e) || e.Code != "SignatureDoesNotMatch" || e.Disposition() != vsg.DispositionAuth {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v", err, *e); strings.Contains(text, "wrong-but") || strings.Contains(text, "SignatureNonce") {
		t.Errorf("%s", text)
	}
}

// What the network and the service may do to a change, and what it means.
func TestFaultsAreToldApart(t *testing.T) {
	for name, row := range map[string]struct {
		effect  clbtest.Effect
		want    vsg.Disposition
		applied bool
	}{
		"reset before":    {clbtest.Effect{Reset: clbtest.ResetBefore}, vsg.DispositionLost, false},
		"reset after":     {clbtest.Effect{Reset: clbtest.ResetAfter}, vsg.DispositionLost, true},
		"cut off":         {clbtest.Effect{Body: clbtest.BodyTruncated}, vsg.DispositionLost, true},
		"a proxy's page":  {clbtest.Effect{Body: clbtest.BodyHTML, HTTPStatus: 502}, vsg.DispositionLost, false},
		"a numeric code":  {clbtest.Effect{Body: clbtest.BodyNumericCode, HTTPStatus: 502}, vsg.DispositionLost, false},
		"an inner error":  {clbtest.Effect{Code: "InternalError"}, vsg.DispositionLost, false},
		"throttled":       {clbtest.Effect{Code: "Throttling.User"}, vsg.DispositionThrottled, false},
		"in conflict":     {clbtest.Effect{Code: "BackendServer.configuring"}, vsg.DispositionConflict, false},
		"out of service":  {clbtest.Effect{Code: "ServiceUnavailable"}, vsg.DispositionTransient, false},
		"slower than ctx": {clbtest.Effect{Latency: "1m"}, vsg.DispositionLost, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := clbtest.New(clbtest.Options{State: world(), Faults: []clbtest.Fault{{Action: "AddVServerGroupBackendServers", Effect: row.effect}}})
				service, err := clb.New(clb.Options{Transport: sim.Transport()})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				_, err = service.With(signer).Apply(ctx, vsg.Add, web, []vsg.Backend{web1})
				if got := clb.Classify(err); got != row.want {
					t.Errorf("%s, want %s: %v", got, row.want, err)
				}
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				<-time.After(2 * time.Minute) // until whatever was sent has had its effect
				if got := len(sim.Backends("rsp-web")) == 1; got != row.applied {
					t.Errorf("applied: %v, want %v", got, row.applied)
				}
			})
		})
	}
}

func TestADuplicateIsNamed(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: world(), Duplicate: clbtest.DuplicateError, NameServers: true})
	service, err := clb.New(clb.Options{Transport: sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	client := service.With(signer)
	if _, err := client.Apply(t.Context(), vsg.Add, web, []vsg.Backend{web1}); err != nil {
		t.Fatal(err)
	}
	_, err = client.Apply(t.Context(), vsg.Add, web, []vsg.Backend{web1, web2})
	var e *clb.Error
	if !errors.As(err, &e) || e.Disposition() != vsg.DispositionDone || !cmp.Equal(e.Culprits(), []string{"i-web1"}) {
		t.Errorf("%v names %v", err, e.Culprits())
	}
}

func TestTheWrappedAnswersOfOldPagesAreRead(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: world(), WrapResponses: true})
	service, err := clb.New(clb.Options{Transport: sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := service.With(signer).Apply(t.Context(), vsg.Add, web, []vsg.Backend{web1})
	if err != nil || len(reply.Backends) != 1 || reply.Backends[0].Identity() != web1.Identity() || !reply.Listed || reply.RequestID == "" {
		t.Errorf("%v %+v", err, reply)
	}
}
