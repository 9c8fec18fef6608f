package functions_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"slb-registrar/functions/internal/artifact"
	"slb-registrar/functions/local/runtimeapi"
	"slb-registrar/shared/clbtest"
)

// What a cold start costs beyond what its dependencies cost anybody: the binary
// and a function that does nothing, but links the same SDKs, are started in turn.
func TestAStartIsNearlyAsCheapAsThatOfAFunctionThatDoesNothing(t *testing.T) {
	const (
		least = 20  // rounds
		limit = 100 // for a machine that does other things meanwhile
		// The goal is what docs/performance.md is about. A test that shares two
		// processors with others only raises the alarm: at what a dependency that
		// does work at its start, or one more SDK, would cost.
		goal      = 1.25
		mostTime  = 2.0
		mostBytes = 1.5
	)
	simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	for platform, hello := range map[runtimeapi.Platform]artifact.Function{
		runtimeapi.FC:     {Name: "hello-fc", Package: "./functions/testdata/hello-fc"},
		runtimeapi.Lambda: {Name: "hello-lambda", Package: "./functions/testdata/hello-lambda", Tags: "lambda.norpc"},
	} {
		t.Run(string(platform), func(t *testing.T) {
			name := map[runtimeapi.Platform]string{runtimeapi.FC: "fc", runtimeapi.Lambda: "lambda"}[platform]
			binaries := []string{build(t, deployed(name)), build(t, hello)}
			starts, sizes := make([][]time.Duration, 2), make([][]int, 2)
			// The fastest start is the one that nothing else on the machine
			// disturbed. Wait for it, but not for ever.
			var start, idle time.Duration
			for round := 1; round <= limit; round++ {
				for i, binary := range binaries {
					took, kilobytes := measure(t, platform, binary, simulator.URL)
					starts[i], sizes[i] = append(starts[i], took), append(sizes[i], kilobytes)
				}
				start, idle = slices.Min(starts[0]), slices.Min(starts[1])
				if round >= least && float64(start) <= goal*float64(idle) {
					break
				}
			}
			size, small := median(sizes[0]), median(sizes[1])
			t.Logf("start to first next: %v, hello-world %v, ratio %.2f", start, idle, float64(start)/float64(idle))
			t.Logf("resident memory: %d kB, hello-world %d kB, ratio %.2f", size, small, float64(size)/float64(small))
			if float64(start) > mostTime*float64(idle) {
				t.Errorf("a start takes %v, more than %v times the %v of hello-world", start, mostTime, idle)
			}
			if float64(size) > mostBytes*float64(small) {
				t.Errorf("it takes %d kB, more than %v times the %d kB of hello-world", size, mostBytes, small)
			}
		})
	}
}

var resident = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// measure starts a function, and reads how much memory it takes when it has
// asked for work and been initialised.
func measure(t *testing.T, platform runtimeapi.Platform, binary, endpoint string) (took time.Duration, kilobytes int) {
	t.Helper()
	d, _ := start(t, runtimeapi.Options{Platform: platform, Binary: binary}, endpoint)
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(d.PID()) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	m := resident.FindSubmatch(raw)
	if m == nil {
		t.Fatalf("no resident memory in %s", raw)
	}
	kilobytes, err = strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	took = d.StartedIn()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return took, kilobytes
}

func median(values []int) int {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}
