package registrar

import (
	"fmt"
	"math/rand/v2"
)

// Seed makes jitter repeatable.
func (r *Registrar) Seed(seed uint64) {
	r.random = rand.New(rand.NewPCG(seed, 0)).Float64
}

// Rest reports what is left in a Registrar that nobody waits for.
func (r *Registrar) Rest() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for group, l := range r.lanes {
		switch {
		case l.home.running:
			return fmt.Errorf("%v has a writer", group)
		case l.home.waiting != 0:
			return fmt.Errorf("%v counts %d items", group, l.home.waiting)
		case len(l.all()) > 0 || len(l.chains) > 0 || l.removals != 0 || l.unsure != 0:
			return fmt.Errorf("%v holds %d items, %d chains, %d removals, %d unsure", group, len(l.all()), len(l.chains), l.removals, l.unsure)
		}
	}
	for name, b := range r.balancers {
		if b.running || b.stop != nil {
			return fmt.Errorf("%v has a writer", name)
		}
	}
	if r.parked != 0 {
		return fmt.Errorf("%d items are parked", r.parked)
	}
	return nil
}
