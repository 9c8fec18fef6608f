package registrar_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// canned answers every call at once with the same 20 members, so that nothing
// is measured but the client.
type canned struct{ body []byte }

func newCanned() canned {
	members := make([]string, 20)
	for i := range members {
		members[i] = fmt.Sprintf(`{"ServerId":%q,"Port":80,"Weight":100,"Type":"ecs","Description":"slb-registrar"}`, server(i))
	}
	return canned{fmt.Appendf(nil, `{"RequestId":"2F7A90C4-51D3-4E0B-8C66-0B7E5D3A1F10","VServerGroupId":"rsp-a","LoadBalancerId":"lb-1","BackendServers":{"BackendServer":[%s]}}`,
		strings.Join(members, ","))}
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: int64(len(c.body)),
	}, nil
}

// bareAndEngine returns a call of the SDK with 20 backends, and the same
// through the engine.
func bareAndEngine(t testing.TB) (bare, through func()) {
	service, err := clb.New(clb.Options{Endpoint: "127.0.0.1:1", Transport: newCanned()})
	if err != nil {
		t.Fatal(err)
	}
	changes := adds("rsp-a", 20)
	backends := make([]vsg.Backend, len(changes))
	for i, c := range changes {
		backends[i] = c.Backend
	}
	ctx := context.Background()
	r := registrar.New(registrar.Options{})
	r.Apply(ctx, service.With(keys), changes) // reads the group, once
	bare = func() {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if _, err := service.With(keys).Apply(ctx, vsg.Add, changes[0].Group, backends); err != nil {
			t.Fatal(err)
		}
	}
	through = func() {
		if outcomes, _ := r.Apply(ctx, service.With(keys), changes); outcomes[19].Status != vsg.Added {
			t.Fatal(outcomes)
		}
	}
	return bare, through
}

func TestEngineAllocatesLittleMoreThanTheCallItMakes(t *testing.T) {
	bare, through := bareAndEngine(t)
	a, b := testing.AllocsPerRun(200, bare), testing.AllocsPerRun(200, through)
	t.Logf("%.0f allocations a bare call, %.0f through the engine", a, b)
	if b > a*1.2 {
		t.Errorf("%.0f allocations, %.0f without the engine", b, a)
	}
}

// usage is what this process has used.
type usage struct {
	cpu           time.Duration
	allocs, bytes uint64
}

func used(b *testing.B) usage {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		b.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{time.Duration(ru.Utime.Nano() + ru.Stime.Nano()), m.Mallocs, m.TotalAlloc}
}

// BenchmarkCost prints what the engine adds to the call it makes.
func BenchmarkCost(b *testing.B) {
	const rounds, calls = 20, 1000
	for b.Loop() {
		bare, through := bareAndEngine(b)
		var least [2]usage // the machine has other things to do as well
		for range rounds { // in turns, so that both see the same machine
			for i, f := range []func(){bare, through} {
				runtime.GC()
				before := used(b)
				for range calls {
					f()
				}
				after := used(b)
				if cpu := after.cpu - before.cpu; least[i].cpu == 0 || cpu < least[i].cpu {
					least[i] = usage{cpu, after.allocs - before.allocs, after.bytes - before.bytes}
				}
			}
		}
		out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
		_, _ = fmt.Fprintln(out, "\na call with 20 backends\tCPU\tallocations\tbytes\t")
		for i, name := range []string{"SDK", "registrar"} {
			_, _ = fmt.Fprintf(out, "%s\t%v\t%d\t%d\t\n", name, least[i].cpu/calls, least[i].allocs/calls, least[i].bytes/calls)
		}
		_, _ = fmt.Fprintf(out, "ratio\t%.2f\t%.2f\t%.2f\t\n", float64(least[1].cpu)/float64(least[0].cpu),
			float64(least[1].allocs)/float64(least[0].allocs), float64(least[1].bytes)/float64(least[0].bytes))
		_ = out.Flush()
	}
}
