package registrar_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

func TestCallerThatGivesUpTakesItsWaitingChangesAlong(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: time.Second}, registrar.Options{})
		r.apply(add("rsp-a", 100))
		ctx, cancel := context.WithCancel(t.Context())
		type result struct {
			outcomes []vsg.Outcome
			at       time.Time
		}
		first, second := make(chan result, 1), make(chan result, 1)
		start := time.Now()
		go func() { // its first 20 are in flight when it gives up
			o, _ := r.Apply(ctx, r.api(), adds("rsp-a", 30))
			first <- result{o, time.Now()}
		}()
		synctest.Wait()
		go func() {
			o, _ := r.Apply(t.Context(), r.api(), []vsg.Change{add("rsp-a", 29), add("rsp-a", 40)})
			second <- result{o, time.Now()}
		}()
		synctest.Wait()
		time.AfterFunc(500*ms, cancel)
		a, b := <-first, <-second
		if got := a.at.Sub(start); got != time.Second {
			t.Errorf("returned after %v, the call in flight takes 1s", got)
		}
		for i, o := range a.outcomes {
			switch {
			case i < 20 && o.Status != vsg.Added:
				t.Errorf("in flight %d: %+v", i, o)
			case i >= 20 && (o.Status != vsg.Retry || o.Code != registrar.CodeCancelled):
				t.Errorf("waiting %d: %+v", i, o)
			}
		}
		if n := statuses(b.outcomes)[vsg.Added]; n != 2 {
			t.Errorf("other caller: %v", b.outcomes)
		}
		if got := b.at.Sub(start); got != 2*time.Second {
			t.Errorf("other caller returned after %v", got)
		}
		if n := len(r.members("rsp-a")); n != 23 {
			t.Errorf("%d members", n)
		}
	})
}

func TestCallOutlivesTheCallerThatStartedIt(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: time.Second}, registrar.Options{})
		r.apply(add("rsp-a", 100))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*ms, cancel)
		outcomes := r.together(ctx, adds("rsp-a", 1))
		if outcomes[0][0].Status != vsg.Added {
			t.Errorf("%v", outcomes)
		}
	})
}

func TestNothingIsSentForACallerWithoutTheTime(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: time.Second}, registrar.Options{})
		r.apply(add("rsp-a", 100)) // a call takes a second
		ctx, cancel := context.WithTimeout(t.Context(), 1900*ms)
		defer cancel()
		start := time.Now()
		outcomes, report := r.Apply(ctx, r.api(), adds("rsp-a", 1))
		if o := outcomes[0]; o.Status != vsg.Retry || o.Code != registrar.CodeDeadline || len(report.Calls) != 0 {
			t.Errorf("%+v %v", o, report.Calls)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v to find out", took)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 2100*ms)
		defer cancel()
		if outcomes, _ := r.Apply(ctx, r.api(), adds("rsp-a", 1)); outcomes[0].Status != vsg.Added {
			t.Errorf("%+v", outcomes[0])
		}
	})
}

func TestSlowSpellDoesNotShutOutCallersWithLittleTime(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{
			AutoCreate: true, Latency: 80 * ms,
			Faults: []clbtest.Fault{{Action: addAction, Times: 1, Effect: clbtest.Effect{Latency: "9s"}}},
		}, registrar.Options{})
		r.apply(add("rsp-a", 100))
		for try := range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			outcomes, _ := r.Apply(ctx, r.api(), adds("rsp-a", 1))
			cancel()
			if outcomes[0].Status == vsg.Added {
				t.Logf("try %d", try+1)
				return
			}
		}
		t.Error("shut out for good")
	})
}

func TestEndOfACallerInAWaitEndsTheWait(t *testing.T) {
	for name, fault := range map[string]clbtest.Fault{
		"conflict":  {Action: addAction, Effect: clbtest.Effect{Code: "BackendServer.configuring"}},
		"throttled": {Action: addAction, Effect: clbtest.Effect{Code: "Throttling.User"}},
		"transient": {Action: addAction, Effect: clbtest.Effect{Code: "SystemBusy"}},
		"starting":  {Action: addAction, Effect: clbtest.Effect{Code: "ObtainIpFail"}},
		"lost":      {Action: addAction, Effect: clbtest.Effect{Code: "InternalError"}},
		"stale":     {Action: addAction, Effect: clbtest.Effect{Code: "SignatureNonceUsed"}},
		"unread":    {Action: describeAction, Effect: clbtest.Effect{Code: "ServiceUnavailable"}},
		"unknown":   {Action: addAction, Effect: clbtest.Effect{Code: "NeverSeenBefore"}},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T) {
				r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms, Faults: []clbtest.Fault{fault}}, registrar.Options{})
				ctx, cancel := context.WithTimeout(t.Context(), 7777*ms)
				defer cancel()
				start := time.Now()
				outcomes, _ := r.Apply(ctx, r.api(), adds("rsp-a", 3))
				if took := time.Since(start); took > 7777*ms {
					t.Errorf("took %v", took)
				}
				for _, o := range outcomes {
					if o.Status != vsg.Retry || o.Code != registrar.CodeDeadline || o.Disposition == "" || o.RequestID == "" {
						t.Errorf("%+v", o)
					}
				}
				if calls := len(r.sim.Calls()); calls < 2 || calls > 40 {
					t.Errorf("%d calls", calls)
				}
				synctest.Wait() // and no goroutine is left, or the bubble says so
			})
		})
	}
}

func TestContextThatHasEndedSendsNothing(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true}, registrar.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		outcomes, _ := r.Apply(ctx, r.api(), adds("rsp-a", 3))
		for _, o := range outcomes {
			if o.Status != vsg.Retry || o.Code != registrar.CodeCancelled {
				t.Errorf("%+v", o)
			}
		}
		if calls := r.sim.Calls(); len(calls) != 0 {
			t.Errorf("%v", calls)
		}
	})
}

func TestSlowCallKeepsNobodyBeyondItsTime(t *testing.T) {
	for _, joins := range []bool{false, true} { // before the call, or when it is under way
		story(t, func(t *testing.T) {
			r := newRig(t, clbtest.Options{
				AutoCreate: true, Latency: 80 * ms,
				Faults: []clbtest.Fault{{Action: addAction, Nth: 2, Effect: clbtest.Effect{Latency: "9s"}}},
			}, registrar.Options{})
			r.apply(add("rsp-a", 100))
			early, stopEarly := context.WithTimeout(t.Context(), 3*time.Second)
			defer stopEarly()
			late, stopLate := context.WithTimeout(t.Context(), time.Minute)
			defer stopLate()
			start := time.Now()
			var first, second []vsg.Outcome
			var took time.Duration
			var both sync.WaitGroup
			if joins {
				both.Go(func() { second, _ = r.Apply(late, r.api(), []vsg.Change{add("rsp-a", 1)}) })
				synctest.Wait()
			}
			both.Go(func() {
				first, _ = r.Apply(early, r.api(), []vsg.Change{add("rsp-a", 1)})
				took = time.Since(start)
			})
			if !joins {
				synctest.Wait()
				both.Go(func() { second, _ = r.Apply(late, r.api(), []vsg.Change{add("rsp-a", 1)}) })
			}
			both.Wait()
			if took > 3*time.Second {
				t.Errorf("who had 3s was kept for %v, because somebody else had more", took)
			}
			if o := first[0]; o.Status != vsg.Retry || !o.Loose {
				t.Errorf("the one without time: %+v", o)
			}
			if !second[0].Status.Succeeded() {
				t.Errorf("the one with time: %+v", second[0])
			}
			if n := r.members("rsp-a")[vsg.Identity{ServerID: server(1), Port: 80}]; n != 1 {
				t.Errorf("%d members", n)
			}
		})
	}
}
