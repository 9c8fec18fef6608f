package registrar_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

func throttled(during string, times int) []clbtest.Fault {
	return []clbtest.Fault{{Action: addAction, For: during, Times: times, Effect: clbtest.Effect{Code: "Throttling.User"}}}
}

func TestThrottlingAtTheStartCostsLittle(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms, Faults: throttled("", 3)}, registrar.Options{})
		start := time.Now()
		r.apply(add("rsp-a", 1))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestWritersNoticeThatThePaceHasRisen(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms, Faults: throttled("3s", 0)}, registrar.Options{})
		r.Seed(1)
		var senders [][]vsg.Change
		for lb := range 40 {
			senders = append(senders, adds(fmt.Sprintf("rsp-%d", lb), 1))
		}
		start := time.Now()
		for _, outcomes := range r.together(t.Context(), senders...) {
			if outcomes[0].Status != vsg.Added {
				t.Errorf("%+v", outcomes)
			}
		}
		if took := time.Since(start); took > 18*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestOldThrottlingIsForgotten(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms, Faults: throttled("", 3)}, registrar.Options{})
		r.apply(add("rsp-a", 1000))
		time.Sleep(time.Hour) //nolint:forbidigo // the time of a bubble
		start := time.Now()
		r.apply(adds("rsp-a", 1000)...)
		if took := time.Since(start); took > 50*80*ms {
			t.Errorf("took %v", took)
		}
	})
}

func TestPlaceOfACallerThatGaveUpIsFree(t *testing.T) {
	story(t, func(t *testing.T) {
		r := newRig(t, clbtest.Options{AutoCreate: true, Latency: 80 * ms, Faults: throttled("20s", 0)}, registrar.Options{})
		for n := range 12 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			r.Apply(ctx, r.api(), []vsg.Change{add(fmt.Sprintf("rsp-%d", n), n)})
			cancel()
		}
		start := time.Now()
		r.apply(add("rsp-b", 100))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v behind nobody", took)
		}
	})
}
