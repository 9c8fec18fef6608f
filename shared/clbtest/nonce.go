package clbtest

import (
	"hash/maphash"
	"sync"
	"time"
)

// A generation of nonces holds at most this many, and there are at most this
// many generations: with more calls than that inside the window the oldest
// nonces are forgotten early, which keeps the memory below some 40 MiB.
const (
	nonceGenerationSize = 1 << 18
	nonceGenerations    = 4
)

// nonces remembers which nonces were used. It keeps 64-bit hashes under a
// random seed instead of the texts, whose length the sender chooses.
type nonces struct {
	mu          sync.Mutex
	window      time.Duration
	size        int // of a generation
	seed        maphash.Seed
	generations []nonceGeneration // oldest first
}

type nonceGeneration struct {
	used map[uint64]time.Time
	last time.Time
}

func newNonces(window time.Duration) *nonces {
	return &nonces{window: window, size: nonceGenerationSize, seed: maphash.MakeSeed()}
}

// use reports whether the nonce is fresh, and remembers it.
func (n *nonces) use(nonce string, now time.Time) bool {
	hash := maphash.String(n.seed, nonce)
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.generations) > 0 && now.Sub(n.generations[0].last) >= n.window {
		n.generations = n.generations[1:]
	}
	for _, g := range n.generations {
		if at, ok := g.used[hash]; ok && now.Sub(at) < n.window {
			return false
		}
	}
	newest := len(n.generations) - 1
	if newest < 0 || len(n.generations[newest].used) >= n.size {
		if len(n.generations) == nonceGenerations {
			n.generations = n.generations[1:]
		}
		n.generations = append(n.generations, nonceGeneration{used: make(map[uint64]time.Time)})
		newest = len(n.generations) - 1
	}
	n.generations[newest].used[hash] = now
	n.generations[newest].last = now
	return true
}

func (n *nonces) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.generations = nil
}
