package handler_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clbtest"
)

func TestThereIsOneLineACallAndOneAnInvocation(t *testing.T) {
	w := newWorld(t, oneTarget)
	w.invoke(launch("token-1", noon, instances(45)...))

	calls, summaries := 0, 0
	for _, line := range w.lines() {
		stamp, _ := line["timestamp"].(string)
		if _, err := time.Parse(time.RFC3339Nano, stamp); err != nil {
			t.Errorf("timestamp: %v", err)
		}
		if line["requestId"] != "request-1" {
			t.Errorf("a line without its request: %v", line)
		}
		switch line["message"] {
		case "load balancer called":
			if line["action"] == "AddVServerGroupBackendServers" {
				calls++
			}
			for _, field := range []string{"vServerGroupId", "loadBalancerId", "batchSize", "attempt", "code", "slbRequestId", "disposition", "durationMs"} {
				if _, ok := line[field]; !ok {
					t.Errorf("the line of a call has no %s: %v", field, line)
				}
			}
		case "invocation ended":
			summaries++
		}
	}
	if calls != 3 || summaries != 1 {
		t.Errorf("%d lines for 3 adds, %d summaries for 1 invocation", calls, summaries)
	}
}

func TestNoSecretIsLoggedWhateverTheServiceEchoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) {
			o.AccessKeys = map[string]string{"testid": "another secret"}
		}))
		r := w.invoke(launch("token-1", noon, "i-1"))
		if r.Changes[0].Error == nil || r.Changes[0].Error.Code != "SignatureDoesNotMatch" {
			t.Fatalf("change: %+v", r.Changes[0])
		}
		for _, secret := range []string{"testsecret", "another secret", "Signature=", "SignatureNonce"} {
			if strings.Contains(w.log.String(), secret) || strings.Contains(r.Changes[0].Error.Message, secret) {
				t.Errorf("%q got out", secret)
			}
		}
	})
}

func TestAHostileEventCannotForgeALogLine(t *testing.T) {
	w := newWorld(t, oneTarget)
	w.invoke(launch("token\n{\"level\":\"info\",\"message\":\"forged\"}", noon, "i-1\n{\"message\":\"forged\"}\u202e"))
	for _, line := range w.lines() {
		if line["message"] == "forged" {
			t.Errorf("forged: %v", line)
		}
	}
}
