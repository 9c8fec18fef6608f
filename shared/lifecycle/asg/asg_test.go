package asg_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/asg"
	"slb-registrar/shared/vsg"
)

var hook = &event.Hook{
	Platform: event.EC2, Kind: event.Launch, RegionID: "eu-central-1", Name: "register-web", Token: "b7c8d9e0-0002-4f10-9a2b-3c4d5e6f700c",
	ScalingGroupID: "demo-web", InstanceIDs: []string{"i-0demo00000000001"},
}

// serve returns a Client of a server that notes the form of every call.
func serve(t *testing.T, calls *[]url.Values, respond func(w http.ResponseWriter, form url.Values)) *asg.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=AKIDEXAMPLE/") || !strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/autoscaling/") {
			t.Errorf("signed as %s", r.Header.Get("Authorization"))
		}
		*calls = append(*calls, r.Form)
		respond(w, r.Form)
	}))
	t.Cleanup(server.Close)
	client, err := asg.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func config(endpoint string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "aws-secret-key", "aws-session-token"),
	}
}

func ok(w http.ResponseWriter, form url.Values) {
	action := form.Get("Action")
	_, _ = fmt.Fprintf(w, `<%[1]sResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><%[1]sResult/><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></%[1]sResponse>`, action)
}

func fail(status int, code, message string) func(http.ResponseWriter, url.Values) {
	return func(w http.ResponseWriter, _ url.Values) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<ErrorResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r-2</RequestId></ErrorResponse>`, code, message)
	}
}

func TestCompletingNamesTheActionByItsToken(t *testing.T) {
	var calls []url.Values
	client := serve(t, &calls, ok)
	if err := client.Complete(t.Context(), hook, "CONTINUE", "unused"); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"Action": "CompleteLifecycleAction", "AutoScalingGroupName": "demo-web", "LifecycleHookName": "register-web",
		"LifecycleActionToken": hook.Token, "LifecycleActionResult": "CONTINUE", "InstanceId": ""} {
		if got := calls[0].Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestWithoutATokenTheInstanceNamesTheAction(t *testing.T) {
	var calls []url.Values
	client := serve(t, &calls, ok)
	nameless := *hook
	nameless.Token = ""
	if err := client.Complete(t.Context(), &nameless, "ABANDON", ""); err != nil {
		t.Fatal(err)
	}
	if calls[0].Get("InstanceId") != "i-0demo00000000001" || calls[0].Has("LifecycleActionToken") {
		t.Errorf("%v", calls[0])
	}
}

func TestAHeartbeatIsGoodForTheShortestTimeOut(t *testing.T) {
	var calls []url.Values
	client := serve(t, &calls, ok)
	kept, err := client.Heartbeat(t.Context(), hook, time.Hour)
	if err != nil || kept != 30*time.Second || calls[0].Get("Action") != "RecordLifecycleActionHeartbeat" || calls[0].Get("LifecycleActionToken") != hook.Token {
		t.Errorf("kept for %v: %v %v", kept, err, calls)
	}
}

func TestAPendingActionIsSeenByTheStateOfItsInstance(t *testing.T) {
	for name, row := range map[string]struct {
		kind    event.Kind
		state   string
		group   string
		pending bool
	}{
		"a launch that waits":       {event.Launch, "Pending:Wait", "demo-web", true},
		"a launch that is over":     {event.Launch, "InService", "demo-web", false},
		"a removal that waits":      {event.Terminate, "Terminating:Wait", "demo-web", true},
		"a launch, but it goes now": {event.Launch, "Terminating:Wait", "demo-web", false},
		"in another group":          {event.Launch, "Pending:Wait", "other", false},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []url.Values
			client := serve(t, &calls, func(w http.ResponseWriter, _ url.Values) {
				_, _ = fmt.Fprintf(w, `<DescribeAutoScalingInstancesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><DescribeAutoScalingInstancesResult><AutoScalingInstances><member><InstanceId>i-0demo00000000001</InstanceId><AutoScalingGroupName>%s</AutoScalingGroupName><LifecycleState>%s</LifecycleState><AvailabilityZone>eu-central-1a</AvailabilityZone><HealthStatus>HEALTHY</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member></AutoScalingInstances></DescribeAutoScalingInstancesResult></DescribeAutoScalingInstancesResponse>`, row.group, row.state)
			})
			h := *hook
			h.Kind = row.kind
			if pending, err := client.Pending(t.Context(), &h); err != nil || pending != row.pending {
				t.Errorf("%v %v", pending, err)
			}
		})
	}
}

func TestErrorsSayWhetherTheActionIsOverOrTheCallCanBeRepeated(t *testing.T) {
	for name, row := range map[string]struct {
		respond func(http.ResponseWriter, url.Values)
		want    lifecycle.Error
	}{
		"no active action": {fail(400, "ValidationError", "No active Lifecycle Action found with token "+hook.Token),
			lifecycle.Error{Code: "ValidationError", Message: "No active Lifecycle Action found with token " + hook.Token, RequestID: "r-2", Ended: true}},
		"no such group": {fail(400, "ValidationError", "Group demo-web not found"),
			lifecycle.Error{Code: "ValidationError", Message: "Group demo-web not found", RequestID: "r-2", Ended: true}},
		"not allowed": {fail(403, "AccessDenied", "User is not authorized"),
			lifecycle.Error{Code: "AccessDenied", Message: "User is not authorized", RequestID: "r-2"}},
		"throttled": {fail(400, "Throttling", "Rate exceeded"),
			lifecycle.Error{Code: "Throttling", Message: "Rate exceeded", RequestID: "r-2", Temporary: true}},
		"contention": {fail(500, "ResourceContention", "try later"),
			lifecycle.Error{Code: "ResourceContention", Message: "try later", RequestID: "r-2", Temporary: true}},
		"what was signed is not repeated": {fail(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for this request should have been\n'POST\nx-amz-security-token:aws-session-token'"),
			lifecycle.Error{Code: "SignatureDoesNotMatch", Message: "The request signature we calculated does not match the signature you provided.", RequestID: "r-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []url.Values
			client := serve(t, &calls, row.respond)
			var got *lifecycle.Error
			if err := client.Complete(t.Context(), hook, "CONTINUE", ""); !errors.As(err, &got) || *got != row.want {
				t.Errorf("%#v", err)
			}
			if len(calls) != 1 {
				t.Errorf("it was sent %d times", len(calls))
			}
		})
	}
}

func TestABrokenConnectionAndAnEndedContextAreTemporary(t *testing.T) {
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // the server watches the connection only after the body
		close(arrived)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	client, err := asg.New(config(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	var e *lifecycle.Error
	if err := client.Complete(ctx, hook, "CONTINUE", ""); !errors.As(err, &e) || e.Code != "Deadline" || !e.Temporary {
		t.Errorf("%#v", err)
	}
	server.Close()
	if err := client.Complete(t.Context(), hook, "CONTINUE", ""); !errors.As(err, &e) || !e.Temporary || e.Ended || strings.Contains(e.Message, "http://") {
		t.Errorf("%#v", err)
	}
}

func TestPlainHTTPIsForLoopbackOnly(t *testing.T) {
	for endpoint, fine := range map[string]bool{
		"http://127.0.0.1:4566": true, "http://[::1]:4566": true, "http://localhost:4566": true, "https://autoscaling.eu-central-1.amazonaws.com": true,
		"http://autoscaling.example.com": false, "nonsense": false,
	} {
		if _, err := asg.New(config(endpoint)); fine != (err == nil) {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// One way through with the finisher: a launch that nobody has to wait for.
func TestAnEC2LaunchIsCompleted(t *testing.T) {
	var calls []url.Values
	client := serve(t, &calls, ok)
	report := new(lifecycle.Finisher).Finish(t.Context(), lifecycle.Job{
		Hook: hook, Completer: client,
		Changes: []lifecycle.Change{{Change: vsg.Change{Launch: "1"}, Status: vsg.Added}},
	})
	if report.Status != lifecycle.Completed || len(calls) != 1 || calls[0].Get("LifecycleActionResult") != "CONTINUE" {
		t.Errorf("%+v %v", report, calls)
	}
}
