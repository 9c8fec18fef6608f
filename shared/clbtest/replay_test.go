package clbtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
)

const (
	replayChanges = 10_000
	replayClients = 50
	replayGroups  = 50
)

// tenLoadBalancers with five groups each.
func tenLoadBalancers() clbtest.State {
	var st clbtest.State
	for i := range 10 {
		lb := clbtest.LoadBalancer{RegionID: "cn-hangzhou", LoadBalancerID: fmt.Sprint("lb-", i)}
		for j := range replayGroups / 10 {
			lb.VServerGroups = append(lb.VServerGroups, clbtest.VServerGroup{VServerGroupID: fmt.Sprint("rsp-", i*replayGroups/10+j)})
		}
		st.LoadBalancers = append(st.LoadBalancers, lb)
	}
	for i := range 30 {
		st.Instances = append(st.Instances, clbtest.Instance{InstanceID: fmt.Sprint("i-", i)})
	}
	return st
}

// changeAtRandom is an add, removal, replacement or new weights for some of 30
// servers of some group; now and then one that must be refused.
func changeAtRandom(random *rand.Rand) *http.Request {
	list := func() string {
		var all []map[string]any
		for range 1 + random.IntN(20) {
			all = append(all, map[string]any{"ServerId": fmt.Sprint("i-", random.IntN(30)), "Port": 80, "Weight": random.IntN(101)})
		}
		if random.IntN(20) == 0 {
			all = append(all, map[string]any{"ServerId": "i-none", "Port": 80})
		}
		return string(must(json.Marshal(all)))
	}
	params := values{"VServerGroupId": fmt.Sprint("rsp-", random.IntN(replayGroups))}
	action := []string{add, add, remove, set, modify}[random.IntN(5)]
	if action == modify {
		params["OldBackendServers"], params["NewBackendServers"] = list(), list()
	} else {
		params["BackendServers"] = list()
	}
	return getRPC(rpc(action, params))
}

// replay carries the accepted calls out one after the other, on a model that
// knows nothing but the meaning of the four actions.
func replay(calls []clbtest.Call) map[string]map[string]int {
	groups := map[string]map[string]int{}
	for i := range replayGroups {
		groups[fmt.Sprint("rsp-", i)] = map[string]int{}
	}
	for _, c := range calls {
		if c.HTTPStatus != http.StatusOK {
			continue
		}
		weights := groups[c.VServerGroupID]
		for _, b := range c.OldBackends {
			delete(weights, b.ServerID)
		}
		seen := map[string]bool{}
		for _, b := range c.Backends {
			_, member := weights[b.ServerID]
			switch {
			case c.Action == remove:
				delete(weights, b.ServerID)
			case c.Action == set && member, c.Action != set && !member && !seen[b.ServerID]:
				weights[b.ServerID] = b.Weight
			}
			seen[b.ServerID] = true
		}
	}
	return groups
}

// changeConcurrently makes the changes and compares the state with the replay.
func changeConcurrently(t *testing.T, sim *clbtest.Simulator, addr string, transport http.RoundTripper) map[string]int {
	t.Helper()
	var clients sync.WaitGroup
	for i := range replayClients {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for range replayChanges / replayClients {
				r := changeAtRandom(random)
				r.URL.Host = addr
				response, err := transport.RoundTrip(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				if closeErr := response.Body.Close(); err != nil || closeErr != nil {
					t.Error(err, closeErr)
				}
			}
		})
	}
	clients.Wait()
	calls, codes := sim.Calls(), map[string]int{}
	for _, c := range calls {
		codes[c.Code]++
	}
	if len(calls) != replayChanges {
		t.Errorf("%d calls are listed, want %d", len(calls), replayChanges)
	}
	got := map[string]map[string]int{}
	for _, lb := range sim.State().LoadBalancers {
		for _, g := range lb.VServerGroups {
			got[g.VServerGroupID] = map[string]int{}
			for _, b := range g.Backends {
				got[g.VServerGroupID][b.ServerID] = b.Weight
			}
		}
	}
	if diff := cmp.Diff(replay(calls), got); diff != "" {
		t.Errorf("the state is not the outcome of the accepted calls:\n%s", diff)
	}
	return codes
}

func TestTheStateIsTheSerialOutcomeOfTheCallsOverHTTP(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{State: tenLoadBalancers()})
	transport := &http.Transport{MaxIdleConnsPerHost: replayClients}
	defer transport.CloseIdleConnections()
	codes := changeConcurrently(t, sim.Simulator, sim.Addr(), transport)
	if codes[""] < replayChanges/2 || codes["InvalidServerId.NotExist"] == 0 {
		t.Errorf("how they ended: %v", codes)
	}
}

func TestTheStateIsTheSerialOutcomeOfTheCallsDespiteConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{
			State: tenLoadBalancers(), Latency: 5 * time.Millisecond, Settle: time.Millisecond,
			Faults: parseFaults(t, `[{"probability":0.5,"seed":1,"effect":{"latency":"1ms","jitter":"20ms"}}]`),
		})
		codes := changeConcurrently(t, sim, "sim.invalid", sim.Transport())
		if codes[""] == 0 || codes["BackendServer.configuring"] == 0 {
			t.Errorf("how they ended: %v", codes)
		}
	})
}
