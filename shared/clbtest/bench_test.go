package clbtest_test

import (
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"slb-registrar/shared/clbtest"
)

// BenchmarkVerifiedCalls measures whole calls, the load generator's signing
// included: over HTTP on loopback as a client makes them, and in the process.
func BenchmarkVerifiedCalls(b *testing.B) {
	for _, work := range []struct {
		name string
		make func(n int64) *http.Request
	}{
		{"add=1,signature=V1", func(n int64) *http.Request { return getRPC(addOf(n, 1)) }},
		{"add=20,signature=V1", func(n int64) *http.Request { return getRPC(addOf(n, 20)) }},
		{"describe,signature=V1", func(n int64) *http.Request {
			return getRPC(rpc("DescribeVServerGroupAttribute", map[string]string{"VServerGroupId": groupOf(n)}))
		}},
		{"add=1,signature=V3", func(n int64) *http.Request {
			return acs3("AddVServerGroupBackendServers", "127.0.0.1", map[string]string{"VServerGroupId": groupOf(n), "BackendServers": servers(int(n%200), 1)}, false)
		}},
	} {
		b.Run("over=HTTP,"+work.name, func(b *testing.B) {
			sim := must(clbtest.Listen(b.Context(), "127.0.0.1:0", clbtest.Options{AutoCreate: true, MaxBackends: 2000}, false))
			defer func() { _ = sim.Close() }()
			transport := &http.Transport{MaxIdleConnsPerHost: 64}
			defer transport.CloseIdleConnections()
			measure(b, transport, sim.Addr(), work.make)
		})
		b.Run("in=process,"+work.name, func(b *testing.B) {
			sim := clbtest.New(clbtest.Options{AutoCreate: true, MaxBackends: 2000})
			measure(b, sim.Transport(), "127.0.0.1", work.make)
		})
	}
}

func groupOf(n int64) string { return fmt.Sprint("rsp-", n%50) }

func addOf(n int64, count int) map[string][]string {
	return rpc("AddVServerGroupBackendServers", map[string]string{"VServerGroupId": groupOf(n), "BackendServers": servers(int(n%200), count)})
}

func measure(b *testing.B, transport http.RoundTripper, addr string, build func(n int64) *http.Request) {
	var count atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := build(count.Add(1))
			r.URL.Host = addr
			response, err := transport.RoundTrip(r)
			if err != nil {
				b.Error(err)
				return
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK {
				b.Errorf("%d %v %s", response.StatusCode, err, body)
				return
			}
		}
	})
	b.ReportMetric(float64(count.Load())/b.Elapsed().Seconds(), "calls/s")
}
