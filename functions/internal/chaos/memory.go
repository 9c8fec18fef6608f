package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// memory watches how much the processes hold that live as long as the run.
type memory struct {
	mu      sync.Mutex
	samples map[*generation][]int // in kB, one each time
}

// Bounds of what may be called flat: a garbage collector breathes, and a run is
// busier at one time than at another.
const (
	flatFactor  = 1.5
	flatSlackKB = 16 << 10
	fewSamples  = 40
)

func (m *memory) watch(ctx context.Context, hosts []*host) {
	m.samples = map[*generation][]int{}
	for sleep(ctx, 500*time.Millisecond) {
		for _, h := range hosts {
			h.mu.Lock()
			gen := h.current
			h.mu.Unlock()
			if !h.immortal || gen == nil {
				continue
			}
			if kb, ok := resident(gen.driver.PID()); ok {
				m.mu.Lock()
				m.samples[gen] = append(m.samples[gen], kb)
				m.mu.Unlock()
			}
		}
	}
}

// resident is what Linux says of a process; other systems say nothing.
func resident(pid int) (kb int, ok bool) {
	if pid == 0 {
		return 0, false
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "VmRSS:"); found {
			_, err := fmt.Sscanf(rest, "%d kB", &kb)
			return kb, err == nil
		}
	}
	return 0, false
}

// judge compares the last quarter of the run with the second.
func (m *memory) judge() []violation {
	var out []violation
	for gen, samples := range m.samples {
		n := len(samples)
		if n < fewSamples {
			continue
		}
		early, late := slices.Max(samples[n/4:n/2]), slices.Max(samples[3*n/4:])
		if float64(late) > flatFactor*float64(early)+flatSlackKB {
			out = append(out, violation{"memory is not flat", fmt.Sprintf("%s held %d kB in the second quarter and %d kB in the last", gen, early, late)})
		}
	}
	return out
}

// most is the most that any of the processes has held.
func (m *memory) most() int {
	most := 0
	for _, samples := range m.samples {
		most = max(most, slices.Max(samples))
	}
	return most
}
