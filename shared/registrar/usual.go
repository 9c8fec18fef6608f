package registrar

import "time"

// usualAtFirst stands in until a call was timed.
const usualAtFirst = 100 * time.Millisecond

// usual is how long a change usually takes: a moving average of those that
// were accepted. The zero value is ready to use.
type usual struct {
	average time.Duration
}

func (u *usual) duration() time.Duration {
	if u.average == 0 {
		return usualAtFirst
	}
	return u.average
}

func (u *usual) took(d time.Duration) {
	if u.average == 0 {
		u.average = max(d, 1)
		return
	}
	u.average += (d - u.average) / 5
}

// doubt halves the estimate after it kept callers from being served, so that
// one slow spell does not shut out those with little time for good.
func (u *usual) doubt() { u.average = u.duration() / 2 }
