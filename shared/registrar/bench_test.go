package registrar_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// A client brings launches about, each an event of its own, and tells when each
// is registered.
type client func(ctx context.Context, service *clb.Service, events [][]vsg.Change, registered func(launches int))

// naive makes one call a backend and repeats it after 3, 6, 9 s and so on, more
// or less, for up to 5 minutes, while the load balancer is busy. That is what
// the server group attachment of the Terraform provider does, which has no
// jitter, and so would fare worse here.
func naive(ctx context.Context, service *clb.Service, events [][]vsg.Change, registered func(int)) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	each(events, func(event int) {
		for _, c := range events[event] {
			if repeat(ctx, service, []vsg.Change{c}) {
				registered(1)
			}
		}
	})
}

// chunked makes calls of 20 backends an event, one at a time for each load
// balancer of the process, but events do not share calls.
func chunked(ctx context.Context, service *clb.Service, events [][]vsg.Change, registered func(int)) {
	var locks sync.Map
	each(events, func(event int) {
		lock, _ := locks.LoadOrStore(events[event][0].Group, &sync.Mutex{})
		lock.(*sync.Mutex).Lock()
		defer lock.(*sync.Mutex).Unlock()
		for chunk := range slices.Chunk(events[event], vsg.BatchLimit) {
			if !repeat(ctx, service, chunk) {
				return // as most do: the first failure ends it
			}
			registered(len(chunk))
		}
	})
}

func engine(ctx context.Context, service *clb.Service, events [][]vsg.Change, registered func(int)) {
	r := registrar.New(registrar.Options{})
	each(events, func(event int) {
		outcomes, _ := r.Apply(ctx, service.With(keys), events[event])
		registered(statuses(outcomes)[vsg.Added])
	})
}

var keys = clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}

// each runs f for every event at once.
func each(events [][]vsg.Change, f func(event int)) {
	var all sync.WaitGroup
	for event := range events {
		all.Go(func() { f(event) })
	}
	all.Wait()
}

// repeat calls until the load balancer is not busy any more.
func repeat(ctx context.Context, service *clb.Service, changes []vsg.Change) bool {
	backends := make([]vsg.Backend, len(changes))
	for i, c := range changes {
		backends[i] = c.Backend
	}
	for try := 1; ; try++ {
		_, err := service.With(keys).Apply(ctx, vsg.Add, changes[0].Group, backends)
		if clb.Classify(err) != vsg.DispositionConflict {
			return err == nil
		}
		wait := time.NewTimer(time.Duration((0.5 + rand.Float64()) * float64(try) * float64(3*time.Second)))
		select {
		case <-wait.C:
		case <-ctx.Done():
			return false
		}
	}
}

// work is a row of the table.
type work struct {
	name    string
	options clbtest.Options
	events  func(n int) [][]vsg.Change
	n       int // launches
	naive   int // launches for the baselines that would take too long
	lanes   int // load balancers
	settle  time.Duration
}

const benchLatency = 80 * ms

func works() []work {
	single := func(n int) [][]vsg.Change { return singles(adds("rsp-a", n)) }
	spread := func(n int) [][]vsg.Change {
		events := single(n)
		for i := range events {
			events[i][0].Group.ID = fmt.Sprintf("rsp-%d", i%10)
		}
		return events
	}
	one := func(n int) [][]vsg.Change { return [][]vsg.Change{adds("rsp-a", n)} }
	absent := running(20, map[int]bool{13: true}, nil)
	return []work{
		{name: "one event of many launches", events: one, n: 1000, naive: 100, lanes: 1},
		{name: "storm of single launches", events: single, n: 1000, naive: 100, lanes: 1},
		{name: "storm over 10 load balancers", events: spread, n: 1000, naive: 1000, lanes: 10},
		{name: "storm, 300 ms settling", events: single, n: 1000, naive: 40, lanes: 1, settle: 300 * ms},
		{name: "one bad among 20", events: one, n: 20, naive: 20, lanes: 1, options: clbtest.Options{State: absent}},
	}
}

// row is what one client made of a work.
type row struct {
	launches, registered, calls, refused int
	floorCalls                           int
	wall, floor, p50, p99                time.Duration
}

func (w work) run(b *testing.B, c client, n int) row {
	o := w.options
	o.Latency, o.Settle, o.MaxBackends, o.AutoCreate = benchLatency, w.settle, 2000, len(o.State.LoadBalancers) == 0
	sim, err := clbtest.Listen(b.Context(), "127.0.0.1:0", o, false)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	service, err := clb.New(clb.Options{Endpoint: sim.URL})
	if err != nil {
		b.Fatal(err)
	}
	defer service.Close()

	events := w.events(n)
	var mu sync.Mutex
	var took []time.Duration
	start := time.Now()
	c(b.Context(), service, events, func(launches int) {
		d := time.Since(start)
		mu.Lock()
		defer mu.Unlock()
		for range launches {
			took = append(took, d)
		}
	})
	r := row{wall: time.Since(start), launches: n, registered: len(took)}
	for _, c := range sim.Calls() {
		if c.Action != describeAction {
			r.calls++
		}
		if clb.Classify(&clb.Error{Code: c.Code, Status: c.HTTPStatus}) == vsg.DispositionConflict && c.Code != "" {
			r.refused++
		}
	}
	perLane := (n/w.lanes + vsg.BatchLimit - 1) / vsg.BatchLimit
	r.floorCalls = perLane * w.lanes
	r.floor = time.Duration(perLane) * (benchLatency + w.settle)
	slices.Sort(took)
	if len(took) > 0 {
		r.p50, r.p99 = took[len(took)/2], took[len(took)*99/100]
	}
	return r
}

// BenchmarkStorms prints how the engine compares. The load balancer is the
// simulator, on a socket and in real time; the baselines get fewer launches
// where a thousand would take them many minutes.
func BenchmarkStorms(b *testing.B) {
	for b.Loop() {
		out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
		_, _ = fmt.Fprintln(out, "\nwork\tclient\tlaunches\tregistered\tcalls\t/ floor\twall\t/ floor\tp50\tp99\tconflicts\t")
		line := func(w work, name string, r row) {
			_, _ = fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%.2f\t%.2fs\t%.2f\t%.2fs\t%.2fs\t%.1f %%\t\n", w.name, name, r.launches, r.registered,
				r.calls, float64(r.calls)/float64(r.floorCalls), r.wall.Seconds(), r.wall.Seconds()/r.floor.Seconds(),
				r.p50.Seconds(), r.p99.Seconds(), 100*float64(r.refused)/float64(max(r.calls, 1)))
		}
		// The baselines mostly wait, so they do that together; the engine has
		// the machine to itself.
		all := works()
		baselines := make([][2]row, len(all))
		var waiting sync.WaitGroup
		for i, w := range all {
			waiting.Go(func() { baselines[i][0] = w.run(b, naive, w.naive) })
			waiting.Go(func() { baselines[i][1] = w.run(b, chunked, w.naive) })
		}
		waiting.Wait()
		for i, w := range all {
			line(w, "naive", baselines[i][0])
			line(w, "chunked", baselines[i][1])
			line(w, "registrar", w.run(b, engine, w.n))
		}
		_ = out.Flush()
	}
}
