package registrar

import (
	"time"

	"slb-registrar/shared/vsg"
)

// crowd is how many backends at fault found in a row make it likely that most
// of those who wait for their servers to run have to wait as well.
const crowd = 4

// bisection finds the backends at fault when a call is refused because of one
// of them and the error does not say which. Among the suspects is at least one.
// Half of them is tried: if it is refused as well, the other half is free to go;
// if it is accepted, the other half must hold the one, and is not tried whole
// but halved again. Nobody is found guilty by inference: the last suspect is
// tried alone. Those that go free wait for each other and are sent in one call.
type bisection struct {
	suspects []*item
	guilty   int  // found lately: the more, the fewer doubtful ones share a call
	yield    bool // the last step was a test, and others may go first
}

func (s *bisection) busy() bool { return len(s.suspects) > 0 }

// limit bounds a call that carries doubtful items. If most of them are at
// fault, small calls find them sooner than halving big ones.
func (s *bisection) limit(most int) int {
	return max(1, most/max(1, s.guilty))
}

// relieve takes note that n doubtful ones were accepted in one call.
func (s *bisection) relieve(n int) {
	s.guilty = max(0, s.guilty-max(1, s.guilty*n/vsg.BatchLimit))
}

// next returns whom to try; nobody if there are no suspects, or if others
// wait that have nothing to do with them and it is their turn.
func (s *bisection) next(l *lane, now time.Time) []*item {
	if !s.busy() || l.heldUntil(s.suspects[0]).After(now) {
		return nil
	}
	if s.yield {
		s.yield = false
		for _, it := range l.items {
			if it.ready() && it.doubt == trusted && !it.notBefore.After(now) && !l.heldUntil(it).After(now) {
				return nil
			}
		}
	}
	s.yield = true
	return s.suspects[:s.half():s.half()]
}

// holds reports whether it is a suspect.
func (s *bisection) holds(it *item) bool {
	for _, suspect := range s.suspects {
		if suspect == it {
			return true
		}
	}
	return false
}

func (s *bisection) half() int { return max(1, len(s.suspects)/2) }

// begin takes items that were refused together for suspects, unless others are
// under suspicion: then they wait.
func (s *bisection) begin(l *lane, items []*item) {
	for _, it := range items {
		it.doubt = max(it.doubt, doubtful)
	}
	if s.busy() {
		l.back(items)
		return
	}
	for _, it := range items {
		it.state = waiting
	}
	s.suspects = items
	s.yield = false
}

// cleared goes on after those tried were accepted: it was one of the others.
func (s *bisection) cleared() {
	s.suspects = s.suspects[s.half():]
}

// narrowed goes on after those tried were refused: the others are free to go.
// It returns the one at fault once it is alone.
func (s *bisection) narrowed(l *lane) *item {
	half := s.half()
	l.back(s.suspects[half:])
	s.suspects = s.suspects[:half]
	for _, it := range s.suspects {
		it.state = waiting
	}
	if half > 1 {
		return nil
	}
	found := s.suspects[0]
	s.suspects = nil
	return found
}

// dissolve gives up: what is known of the suspects does not hold any more.
// Those that are being tried come back with their answer.
func (s *bisection) dissolve(l *lane) {
	var idle []*item
	for _, it := range s.suspects {
		if it.state != inFlight {
			idle = append(idle, it)
		}
	}
	s.suspects = nil
	l.back(idle)
}

// forget takes an item out that is gone. If a suspect goes without having been
// tried, the fault may have gone with it.
func (s *bisection) forget(l *lane, it *item) {
	if s.holds(it) {
		s.dissolve(l)
	}
}
