package handler_test

import (
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/vsg"
)

// TestEveryDispositionIsReachedAndEndsAsItShould takes one launch the whole way
// through the simulator for each way in which the service can answer it.
func TestEveryDispositionIsReachedAndEndsAsItShould(t *testing.T) {
	const add = "AddVServerGroupBackendServers"
	once := func(e clbtest.Effect) clbtest.Fault { return clbtest.Fault{Action: add, Times: 1, Effect: e} }
	always := func(e clbtest.Effect) clbtest.Fault { return clbtest.Fault{Action: add, Effect: e} }
	for _, c := range []struct {
		disposition vsg.Disposition
		fault       clbtest.Fault
		change      vsg.Status
		message     handler.MessageStatus
	}{
		{vsg.DispositionDone, clbtest.Fault{Action: "Nothing", Effect: clbtest.Effect{Code: "None"}}, vsg.Added, handler.Done},
		{vsg.DispositionConflict, once(clbtest.Effect{Code: "BackendServer.configuring"}), vsg.Added, handler.Done},
		{vsg.DispositionThrottled, once(clbtest.Effect{Code: "Throttling.User"}), vsg.Added, handler.Done},
		{vsg.DispositionTransient, once(clbtest.Effect{Code: "SystemBusy"}), vsg.Added, handler.Done},
		{vsg.DispositionTransient, once(clbtest.Effect{Code: "Never.Heard.Of", HTTPStatus: 400}), vsg.Added, handler.Done},
		{vsg.DispositionStaleSignature, once(clbtest.Effect{Code: "SignatureNonceUsed"}), vsg.Added, handler.Done},
		{vsg.DispositionLost, once(clbtest.Effect{Reset: clbtest.ResetAfter}), vsg.Added, handler.Done},
		{vsg.DispositionLost, once(clbtest.Effect{Reset: clbtest.ResetBefore}), vsg.Added, handler.Done},
		{vsg.DispositionOneBackend, always(clbtest.Effect{Code: "InvalidServerId.NotExist"}), vsg.Rejected, handler.Rejected},
		{vsg.DispositionGroup, always(clbtest.Effect{Code: "LbStatusNotSupport"}), vsg.Rejected, handler.Rejected},
		{vsg.DispositionMalformed, always(clbtest.Effect{Code: "MissingParameter"}), vsg.Rejected, handler.Rejected},
		{vsg.DispositionQuota, always(clbtest.Effect{Code: "OverQuota", HTTPStatus: 400}), vsg.Retry, handler.Retry},
		{vsg.DispositionAuth, always(clbtest.Effect{Code: "Forbidden.RAM", HTTPStatus: 403}), vsg.Retry, handler.Retry},
	} {
		t.Run(string(c.disposition)+" "+c.fault.Effect.Code+c.fault.Effect.Reset, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, oneTarget, withSimulator(func(o *clbtest.Options) { o.Faults = []clbtest.Fault{c.fault} }))
				r := w.invoke(launch("token-1", time.Now(), "i-1"))
				if got := r.Changes[0]; got.Status != c.change || (got.Error == nil) != c.change.Succeeded() {
					t.Errorf("the change is %s %+v, want %s", got.Status, got.Error, c.change)
				}
				if got := r.Messages[0].Status; got != c.message {
					t.Errorf("the message is %s, want %s", got, c.message)
				}
				reached := false
				for _, line := range w.lines() {
					reached = reached || line["message"] == "load balancer called" && line["action"] == add && line["disposition"] == string(c.disposition)
				}
				if !reached {
					t.Errorf("no call had the disposition %s", c.disposition)
				}
				// What was not the fault of the message is done by its redelivery.
				if err := w.simulator.SetFaults(nil); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock, not the wall's
				if again := w.invoke(launch("token-1", time.Now(), "i-1")); again.Messages[0].Status != handler.Done {
					t.Errorf("once the service is well again the message is %s", again.Messages[0].Status)
				}
			})
		})
	}
}

// TestEveryStatusIsReached collects what messages, changes and hooks can end as.
// A weight that was set is a step of a drain, and never in a Result.
func TestEveryStatusIsReached(t *testing.T) {
	changes, messages, hooks := map[vsg.Status]bool{}, map[handler.MessageStatus]bool{}, map[handler.HookStatus]bool{}
	collect := func(r handler.Result) {
		for _, c := range r.Changes {
			changes[c.Status] = true
		}
		for _, m := range r.Messages {
			messages[m.Status] = true
		}
		for _, h := range r.Hooks {
			hooks[h.Status] = true
		}
	}
	fault := func(action, code string) option {
		return withSimulator(func(o *clbtest.Options) {
			o.Faults = []clbtest.Fault{{Action: action, Effect: clbtest.Effect{Code: code}}}
		})
	}
	for _, tell := range []func(t *testing.T){
		func(t *testing.T) { // a life, told twice
			w := newWorld(t, oneTarget, pending("token-1", "token-2"))
			for _, e := range []string{
				launch("token-1", noon, "i-1"), launch("token-1", noon, "i-1"), launch("token-3", noon.Add(time.Minute), "i-1"),
				terminate("token-2", noon.Add(time.Hour), "i-1"), terminate("token-2", noon.Add(time.Hour), "i-1"),
				launch("token-4", noon, "i-1"), `{"something": "else"}`,
			} {
				collect(w.invoke(e))
			}
		},
		func(t *testing.T) { // the end of what never began
			collect(newWorld(t, oneTarget).invoke(terminate("token-1", noon, "i-1")))
		},
		func(t *testing.T) { // a member that somebody else had added
			w := newWorld(t, oneTarget)
			w.invoke(launch("token-1", noon, "i-1"))
			other := newWorld(t, oneTarget, withStore(memory.New(memory.Options{})))
			other.api = w.api
			collect(other.invoke(launch("token-2", noon, "i-1")))
		},
		func(t *testing.T) {
			collect(newWorld(t, oneTarget, fault("AddVServerGroupBackendServers", "InvalidServerId.NotExist")).invoke(launch("token-1", noon, "i-1")))
		},
		func(t *testing.T) {
			collect(newWorld(t, oneTarget, fault("AddVServerGroupBackendServers", "Forbidden.RAM")).invoke(launch("token-1", noon, "i-1")))
		},
		func(t *testing.T) {
			collect(newWorld(t, oneTarget, pending("token-1"), fault("CompleteLifecycleAction", "Forbidden.RAM")).invoke(launch("token-1", noon, "i-1")))
		},
		func(t *testing.T) {
			w := newWorld(t, oneTarget)
			collect(w.handler.Handle(t.Context(), handler.Invocation{API: w.api, DryRun: true}, []byte(launch("token-1", noon, "i-1"))))
		},
	} {
		synctest.Test(t, tell)
	}
	expect(t, "changes", changes, vsg.Planned, vsg.Added, vsg.Already, vsg.Duplicate, vsg.Superseded, vsg.Removed, vsg.Absent, vsg.Rejected, vsg.Retry)
	expect(t, "messages", messages, handler.Done, handler.Retry, handler.Rejected, handler.Ignored)
	expect(t, "hooks", hooks, handler.HookCompleted, handler.HookEnded, handler.HookLeft, handler.HookPending, handler.HookFailed)
}

func expect[S ~string](t *testing.T, what string, got map[S]bool, want ...S) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("%s end as (-want +got):\n%s", what, diff)
	}
}
