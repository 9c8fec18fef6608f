package registrar

import "time"

// Bounds of what is learned about settling. How long a load balancer refuses
// changes after one is not documented; people report about a second.
const (
	settlingGuess = 320 * time.Millisecond // the first wait after a refusal
	settlingMost  = 8 * settlingGuess      // the longest wait that nothing but refusals speaks for
	settlingLong  = time.Minute            // the longest wait at all
	settlingFine  = 5 * time.Millisecond   // closer than this is not worth a refusal
)

// settling learns how long to wait between the end of a change and the start
// of the next, so that the next is not refused. It keeps the shortest wait
// that was long enough and the longest that was not, and comes closer from
// above: an accepted wait is cut by a fifth until one is refused. A refusal
// costs a credit, credits come back with accepted calls, and without a credit
// the wait stands; so a long run has about one call in fifty refused.
// The zero value does not wait.
type settling struct {
	enough time.Duration // the shortest wait that was long enough, if known
	known  bool
	short  time.Duration // the longest wait that was not
	guess  time.Duration // as long as nothing is known
	raised bool          // what was enough was refused since
	debts  float64       // credits used up

	// After several refusals in a row, what was waited in the end is enough, but
	// somebody else may have been the reason: the wait from before is tried once
	// more, if it is worth it.
	before time.Duration
	trial  bool
	tried  time.Duration // what had been waited at the last refusal, whoever's it was
	calls  int           // accepted since the last refusal
}

// settlingNear is how soon after a refusal an accepted call shows what it takes.
const settlingNear = 2 * conflictMost

// settlingStale is how many calls, or after what pause, a long wait is doubted.
const (
	settlingStale      = 20
	settlingStaleAfter = time.Minute
)

const (
	settlingCredits = 2
	settlingTrust   = 10 // calls for which the word of another process is good
)

// wait returns how long to wait after a change. A shorter wait than the one
// that is known to be enough is tried only if bold.
func (s *settling) wait(bold bool) time.Duration {
	if !s.known {
		return s.guess
	}
	if bold && s.trial {
		return s.before
	}
	if bold && s.debts <= settlingCredits-1 {
		next := max(s.enough*4/5, s.short+(s.enough-s.short)*3/4)
		if s.enough-next >= max(settlingFine, s.enough/32) {
			return next
		}
	}
	return s.enough
}

// accepted takes note that a change was accepted so long after the one before,
// and after so many refusals in between. With others around it may have been
// their change that it waited for.
func (s *settling) accepted(waited time.Duration, refusals int, crowded bool) {
	if crowded && waited > s.wait(false)*5/4 {
		return
	}
	near := waited-s.tried < settlingNear // else it was a pause
	if refusals > 1 && waited > s.wait(false) && near {
		s.enough, s.known = min(waited, settlingLong), true
		s.guess = max(s.guess, settlingGuess)
		s.short = min(s.short, s.enough)
		s.trial = waited > settlingMost
	}
	if waited < s.enough {
		s.trial = false
	}
	if s.calls++; s.known && s.enough > settlingMost && (s.calls >= settlingStale || waited > settlingStaleAfter) {
		s.calls, s.short, s.debts = 0, 0, min(s.debts, settlingCredits-1)
	}
	if s.guess > 0 && (!s.known && near || s.known && waited < s.enough) {
		s.enough, s.known = waited, true
		s.short = min(s.short, waited)
	}
	if s.debts == 0 {
		return
	}
	had := s.debts <= settlingCredits-1
	s.debts = max(0, s.debts-1.0/50)
	if !had && s.debts <= settlingCredits-1 && s.wait(true) == s.enough {
		s.short /= 2 // it may have become faster since
	}
}

// refused takes note that a change was refused so long after the one before.
// With others around that means something only if we came early.
func (s *settling) refused(waited time.Duration, crowded bool) {
	s.trial, s.calls = false, 0
	switch {
	case crowded && s.guess > 0 && waited >= s.wait(false):
	case !s.known:
		s.short = max(s.short, waited)
		s.guess = min(max(settlingGuess, 2*waited), settlingMost)
		if waited < settlingGuess {
			s.debts = min(s.debts+1, settlingCredits)
		}
	case waited < s.enough:
		s.short = max(s.short, waited)
		s.debts = min(s.debts+1, settlingCredits)
	default:
		// What was enough is so no more: it has become slower, or somebody else
		// changes the load balancer too.
		s.enough = max(s.enough, min(waited+waited/4, max(settlingMost, s.enough+s.enough/4), settlingLong))
		s.raised = true
		s.debts = min(s.debts+1, settlingCredits)
	}
}

// disturbed forgets what others may have made it look like.
func (s *settling) disturbed() {
	if s.guess > settlingGuess || s.raised {
		s.guess, s.known, s.short, s.raised, s.trial = settlingGuess, false, 0, false, false
	}
}

// told takes note of what another process has learned.
func (s *settling) told(enough time.Duration) {
	if enough <= 0 || s.known && enough >= s.enough {
		return
	}
	if !s.known {
		// Somebody else has tried what is shorter. But it may have been in a bad
		// spell, and all others have it from there, so it is tried again soon.
		s.debts = settlingCredits - 1 + settlingTrust/50.0
	}
	s.enough, s.known = enough, true
	s.guess = max(s.guess, enough)
	s.short = min(s.short, enough)
}
