package registrar_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// The test binary is its own helper: with endpointVariable set it is one of
// many processes that share a load balancer.
const (
	endpointVariable = "REGISTRAR_TEST_ENDPOINT"
	numberVariable   = "REGISTRAR_TEST_NUMBER"

	processes    = 20
	eachLaunches = 20
)

func TestMain(m *testing.M) {
	if endpoint := os.Getenv(endpointVariable); endpoint != "" {
		os.Exit(process(endpoint))
	}
	os.Exit(m.Run())
}

// process registers its share of the launches, each for itself, as the
// concurrent invocations of one function instance do, and prints the outcomes.
func process(endpoint string) int {
	number, err := strconv.Atoi(os.Getenv(numberVariable))
	if err != nil {
		return 2
	}
	service, err := clb.New(clb.Options{Endpoint: endpoint})
	if err != nil {
		return 2
	}
	engine := registrar.New(registrar.Options{})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	outcomes := make([]vsg.Outcome, eachLaunches)
	var all sync.WaitGroup
	for i := range outcomes {
		all.Go(func() {
			api := service.With(clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"})
			o, _ := engine.Apply(ctx, api, []vsg.Change{add("rsp-shared", number*eachLaunches+i)})
			outcomes[i] = o[0]
		})
	}
	all.Wait()
	if json.NewEncoder(os.Stdout).Encode(outcomes) != nil {
		return 2
	}
	return 0
}

func TestTwentyProcessesShareALoadBalancerWithoutAStore(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{AutoCreate: true, MaxBackends: 2000, Latency: 80 * ms, Settle: 300 * ms})
	start := time.Now()
	var all sync.WaitGroup
	for p := range processes {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), endpointVariable+"="+sim.URL, numberVariable+"="+strconv.Itoa(p))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("process %d: %v", p, err)
				return
			}
			var outcomes []vsg.Outcome
			if err := json.Unmarshal(out, &outcomes); err != nil {
				t.Errorf("process %d: %v: %s", p, err, out)
			}
			if n := statuses(outcomes)[vsg.Added]; n != eachLaunches {
				t.Errorf("process %d: %v", p, outcomes)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	if n := len(sim.Backends("rsp-shared")); n != processes*eachLaunches {
		t.Errorf("%d members", n)
	}
	floor := processes * eachLaunches / 20 * 380 * ms
	if took > 3*floor {
		t.Errorf("took %v, floor %v", took, floor)
	}
	refused := 0
	calls := sim.CallsOf(addAction)
	for _, c := range calls {
		if c.Code != "" {
			refused++
		}
	}
	t.Logf("%v, %.2f of the floor, %d of %d calls refused", took, float64(took)/float64(floor), refused, len(calls))
}
