package functions_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/functions/local/runtimeapi"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
)

// The command line runs the handler in its own process. Whatever it says about
// the samples, one after the other, the deployed binaries must say as well, and
// must leave the load balancers as it leaves them.
func TestEverySampleDoesTheSameInEveryDeployment(t *testing.T) {
	paths := samples(t)
	var arguments []string
	for _, path := range paths {
		relative, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, relative)
	}
	reference := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	lines := bytes.Split(bytes.TrimSpace(commandLine(t, reference.URL, append([]string{"--platform", "fc"}, arguments...)...)), []byte("\n"))
	if len(lines) != len(paths) {
		t.Fatalf("%d results of %d samples", len(lines), len(paths))
	}
	for _, platform := range []runtimeapi.Platform{runtimeapi.FC, runtimeapi.FCCustom, runtimeapi.Lambda} {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
			d, _ := start(t, runtimeapi.Options{Platform: platform}, simulator.URL)
			for i, path := range paths {
				body, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				answer := invoke(t, d, runtimeapi.Event{Body: body})
				if diff := cmp.Diff(expected(t, platform, body, lines[i]), observed(t, answer)); diff != "" {
					t.Errorf("%s: the command line (-) and the binary (+):\n%s", path, diff)
				}
			}
			if diff := cmp.Diff(groups(reference), groups(simulator)); diff != "" {
				t.Errorf("what the command line (-) and the binary (+) left:\n%s", diff)
			}
		})
	}
}

// outcome is what a platform sees of an event, without what differs by chance.
type outcome struct {
	Error    string
	Failures []string // of a batch from SQS
	Messages []string
	Changes  []string
	Hooks    []string
}

// expected derives from a Result of the command line what a platform should see.
func expected(t *testing.T, platform runtimeapi.Platform, body, line []byte) outcome {
	t.Helper()
	var r struct {
		result
		Answer struct {
			Error *struct{ ErrorType string }
		}
	}
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if platform == runtimeapi.Lambda && fromQueue(body) {
		o := outcome{Failures: []string{}}
		for _, m := range r.Messages {
			if m.Status == "retry" || m.Status == "rejected" {
				o.Failures = append(o.Failures, m.ID)
			}
		}
		return o
	}
	if r.Answer.Error != nil {
		return outcome{Error: r.Answer.Error.ErrorType}
	}
	return summary(r.result)
}

// fromQueue reports whether an event is a batch from SQS.
func fromQueue(body []byte) bool {
	messages, err := event.Decode(body)
	return err == nil && len(messages) > 0 && (messages[0].Delivery == event.SQS || messages[0].Delivery == event.SQSFIFO)
}

func observed(t *testing.T, a runtimeapi.Answer) outcome {
	t.Helper()
	if a.Error != nil {
		return outcome{Error: a.Error.Type}
	}
	var batch struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if bytes.Contains(a.Payload, []byte("batchItemFailures")) {
		if err := json.Unmarshal(a.Payload, &batch); err != nil {
			t.Fatalf("%s: %v", a.Payload, err)
		}
		o := outcome{Failures: []string{}}
		for _, f := range batch.BatchItemFailures {
			o.Failures = append(o.Failures, f.ItemIdentifier)
		}
		return o
	}
	return summary(resultOf(t, a))
}

func summary(r result) outcome {
	var o outcome
	for _, m := range r.Messages {
		o.Messages = append(o.Messages, strings.Join([]string{m.ID, m.Source, m.Status}, " "))
	}
	for _, c := range r.Changes {
		o.Changes = append(o.Changes, strings.Join([]string{c.Action, c.VServerGroupID, c.ServerID, c.Status}, " "))
	}
	for _, h := range r.Hooks {
		o.Hooks = append(o.Hooks, strings.Join([]string{h.LifecycleActionToken, h.Result, h.Status}, " "))
	}
	return o
}

// groups are the members of every group that there is.
func groups(s *clbtest.Server) map[string][]clbtest.Backend {
	all := map[string][]clbtest.Backend{}
	for _, lb := range s.State().LoadBalancers {
		for _, g := range lb.VServerGroups {
			all[g.VServerGroupID] = g.Backends
		}
	}
	return all
}
