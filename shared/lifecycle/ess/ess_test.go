package ess_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/ess"
)

var (
	hook    = &event.Hook{Platform: event.ESS, Kind: event.Launch, RegionID: "eu-central-1", ID: "ash-1", Token: "5A1F6C20", ScalingActivityID: "asa-1"}
	secrets = alibaba.Credentials{AccessKeyID: "LTAItestaccesskey01", AccessKeySecret: "s3cr3t-of-the-key", SecurityToken: "CAISecurityToken"}
)

// through is a transport made of a function of the query.
type through func(query url.Values) (status int, body string)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r.URL.Query())
	return &http.Response{StatusCode: status, Header: http.Header{"X-Host": {r.URL.Host}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func client(t *testing.T, f through) *ess.Client {
	t.Helper()
	s, err := ess.New(ess.Options{Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.With(secrets)
}

func TestCompletingIsTheDocumentedCall(t *testing.T) {
	c := client(t, func(q url.Values) (int, string) {
		for key, want := range map[string]string{"Action": "CompleteLifecycleAction", "Version": "2014-08-28", "RegionId": "eu-central-1", "LifecycleHookId": "ash-1",
			"LifecycleActionToken": "5A1F6C20", "LifecycleActionResult": "ROLLBACK", "ClientToken": "client", "SecurityToken": secrets.SecurityToken} {
			if q.Get(key) != want {
				t.Errorf("%s is %q, want %q", key, q.Get(key), want)
			}
		}
		return 200, `{"RequestId":"R"}`
	})
	if err := c.Complete(t.Context(), hook, "ROLLBACK", "client"); err != nil {
		t.Error(err)
	}
}

func TestAHeartbeatStaysWithinTheLimits(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{
		time.Second: 30 * time.Second, 90*time.Second + 400*time.Millisecond: 90 * time.Second, 100 * time.Hour: 6 * time.Hour,
	} {
		c := client(t, func(q url.Values) (int, string) {
			if q.Get("heartbeatTimeout") != fmt.Sprint(int(want.Seconds())) || q.Get("lifecycleHookId") != "ash-1" || q.Get("lifecycleActionToken") != "5A1F6C20" {
				t.Errorf("%v", q)
			}
			return 200, `{"RequestId":"R"}`
		})
		if kept, err := c.Heartbeat(t.Context(), hook, asked); err != nil || kept != want {
			t.Errorf("asked for %v, kept for %v, want %v: %v", asked, kept, want, err)
		}
	}
}

func TestErrorsSayWhatToDoAndNothingSecret(t *testing.T) {
	for code, row := range map[string]struct {
		status int
		want   lifecycle.Error
	}{
		"LifecycleHookIdAndLifecycleActionToken.Invalid": {400, lifecycle.Error{Ended: true}},
		"InvalidLifecycleHookId.NotFound":                {404, lifecycle.Error{Ended: true}},
		"LifecycleAction.TimeExceeded":                   {400, lifecycle.Error{Exhausted: true}},
		"LifecycleAction.RecordTimesExceeded":            {400, lifecycle.Error{Exhausted: true}},
		"InvalidParamter":                                {400, lifecycle.Error{}},
		"Forbidden.RAM":                                  {403, lifecycle.Error{}},
		"Throttling.User":                                {400, lifecycle.Error{Temporary: true}},
		"InternalError":                                  {500, lifecycle.Error{Temporary: true}},
		"ServiceUnavailable":                             {503, lifecycle.Error{Temporary: true}},
		"SignatureNonceUsed":                             {400, lifecycle.Error{Temporary: true}},
	} {
		t.Run(code, func(t *testing.T) {
			c := client(t, func(q url.Values) (int, string) {
				return row.status, fmt.Sprintf(`{"RequestId":"R","Code":%q,"Message":%q}`, code, "refused: "+q.Encode())
			})
			var got *lifecycle.Error
			if err := c.Complete(t.Context(), hook, "CONTINUE", ""); !errors.As(err, &got) {
				t.Fatalf("%v", err)
			}
			text := fmt.Sprintf("%+v %v", *got, got)
			for _, secret := range []string{secrets.AccessKeySecret, secrets.SecurityToken, secrets.AccessKeyID} {
				if strings.Contains(text, secret) {
					t.Errorf("%q is in %s", secret, text)
				}
			}
			row.want.Code, row.want.Message, row.want.RequestID = code, got.Message, "R"
			if *got != row.want {
				t.Errorf("%+v, want %+v", *got, row.want)
			}
		})
	}
}

func TestNoAnswerIsTemporary(t *testing.T) {
	s, err := ess.New(ess.Options{Endpoint: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	var e *lifecycle.Error
	if err := s.With(secrets).Complete(t.Context(), hook, "CONTINUE", ""); !errors.As(err, &e) || !e.Temporary {
		t.Errorf("%#v", err)
	}
}

func TestTheEndpointMustBeSafe(t *testing.T) {
	if _, err := ess.New(ess.Options{Endpoint: "http://ess.aliyuncs.com"}); err == nil {
		t.Error("plain HTTP was accepted")
	}
}

func TestPagesAreFollowedUntilTheTokenIsFound(t *testing.T) {
	pages := map[string]string{
		"":  `{"RequestId":"R","NextToken":"2","LifecycleActions":{"LifecycleAction":[{"LifecycleHookId":"ash-1","LifecycleActionToken":"other","LifecycleActionStatus":"Pending"}]}}`,
		"2": `{"RequestId":"R","NextToken":"","LifecycleActions":{"LifecycleAction":[{"LifecycleHookId":"ash-1","LifecycleActionToken":"5A1F6C20","LifecycleActionStatus":"Pending"}]}}`,
	}
	c := client(t, func(q url.Values) (int, string) { return 200, pages[q.Get("NextToken")] })
	if pending, err := c.Pending(t.Context(), hook); err != nil || !pending {
		t.Errorf("%v %v", pending, err)
	}
}
