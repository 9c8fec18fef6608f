package ess_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/reconcile"
)

func reader(t *testing.T, transport http.RoundTripper) *ess.Client {
	t.Helper()
	service, err := ess.New(ess.Options{Endpoint: "127.0.0.1", Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return service.With(alibaba.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
}

func scalingGroup(n int) clbtest.State {
	state := clbtest.State{Instances: []clbtest.Instance{
		{InstanceID: "i-other", ScalingGroupID: "asg-2"},
		{InstanceID: "i-late", ScalingGroupID: "asg-1", RunningAfter: "1h"},
		{InstanceID: "i-waits", ScalingGroupID: "asg-1", LifecycleState: "Pending:Wait"},
	}}
	for i := range n - 2 {
		state.Instances = append(state.Instances, clbtest.Instance{InstanceID: fmt.Sprintf("i-%04d", i), ScalingGroupID: "asg-1"})
	}
	return state
}

func TestAScalingGroupIsReadToItsLastPageInEveryState(t *testing.T) {
	for _, n := range []int{2, 50, 51, 100, 123} {
		sim := clbtest.New(clbtest.Options{State: scalingGroup(n)})
		got, err := reader(t, sim.Transport()).Instances(t.Context(), "cn-hangzhou", "asg-1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != n {
			t.Errorf("%d instances, want %d", len(got), n)
		}
		if calls := len(sim.CallsOf("DescribeScalingInstances")); calls != (n+49)/50 {
			t.Errorf("%d calls for %d instances", calls, n)
		}
		for _, want := range []reconcile.Instance{
			{ID: "i-late", State: "Pending", Unhealthy: true},
			{ID: "i-waits", State: "Pending:Wait"},
		} {
			if !slices.Contains(got, want) {
				t.Errorf("%+v is not among the instances", want)
			}
		}
	}
}

func TestAnEmptyScalingGroupIsNoError(t *testing.T) {
	sim := clbtest.New(clbtest.Options{})
	if got, err := reader(t, sim.Transport()).Instances(t.Context(), "cn-hangzhou", "asg-1", nil); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestInstancesCanBeAskedForById(t *testing.T) {
	sim := clbtest.New(clbtest.Options{State: scalingGroup(60)})
	client := reader(t, sim.Transport())
	got, err := client.Instances(t.Context(), "cn-hangzhou", "asg-1", []string{"i-waits", "i-other", "i-none"})
	if err != nil || len(got) != 1 || got[0].ID != "i-waits" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := client.Instances(t.Context(), "cn-hangzhou", "asg-1", make([]string, reconcile.MaxIDs+1)); err == nil {
		t.Error("more ids were asked for than a call takes")
	}
}

// liar changes the answers on their way.
type liar struct {
	http.RoundTripper
	say func(page int, body []byte) []byte
	n   int
}

func (l *liar) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	l.n++
	body = l.say(l.n, body)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return response, err
}

func TestAnAnswerThatDoesNotHoldTogetherIsAnError(t *testing.T) {
	replace := func(on int, old, now string) func(int, []byte) []byte {
		return func(page int, body []byte) []byte {
			if page == on {
				body = bytes.ReplaceAll(body, []byte(old), []byte(now))
			}
			return body
		}
	}
	for name, say := range map[string]func(int, []byte) []byte{
		"another total on the second page": replace(2, `"TotalCount":60`, `"TotalCount":61`),
		"more in all than there are":       replace(1, `"TotalCount":60`, `"TotalCount":49`),
		"fewer than there are": func(_ int, body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"TotalCount":60`), []byte(`"TotalCount":70`))
		},
		"no total":                  replace(1, `"TotalCount"`, `"Total"`),
		"an instance twice":         replace(2, `"i-0050"`, `"i-0003"`),
		"an instance without an id": replace(2, `"i-0050"`, `""`),
	} {
		t.Run(name, func(t *testing.T) {
			sim := clbtest.New(clbtest.Options{State: scalingGroup(60)})
			got, err := reader(t, &liar{RoundTripper: sim.Transport(), say: say}).Instances(t.Context(), "cn-hangzhou", "asg-1", nil)
			var why *reconcile.Error
			if !errors.As(err, &why) || why.Code != reconcile.CodeShort || !why.Temporary || got != nil {
				t.Errorf("%d instances, %v", len(got), err)
			}
		})
	}
	t.Run("an instance that was not asked for", func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{State: scalingGroup(3)})
		_, err := reader(t, &liar{RoundTripper: sim.Transport(), say: replace(1, `"i-waits"`, `"i-else"`)}).
			Instances(t.Context(), "cn-hangzhou", "asg-1", []string{"i-waits"})
		if err == nil {
			t.Error("no error")
		}
	})
}

func TestARefusalToReadSaysWhetherItMayPass(t *testing.T) {
	for code, temporary := range map[string]bool{"Throttling.User": true, "Forbidden.RAM": false, "InvalidScalingGroupId.NotFound": false} {
		sim := clbtest.New(clbtest.Options{Faults: []clbtest.Fault{{Effect: clbtest.Effect{Code: code, HTTPStatus: 400}}}})
		_, err := reader(t, sim.Transport()).Instances(t.Context(), "cn-hangzhou", "asg-1", nil)
		var why *reconcile.Error
		if !errors.As(err, &why) || why.Code != code || why.Temporary != temporary || why.Final != (code == "InvalidScalingGroupId.NotFound") || why.RequestID == "" {
			t.Errorf("%s: %+v", code, err)
		}
	}
}
