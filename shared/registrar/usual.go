package registrar

import "time"

// usualAtFirst stands in until a call was timed.
const usualAtFirst = 100 * time.Millisecond

// usual is how long a call usually takes: a moving average. The zero value is
// ready to use.
type usual struct {
	average time.Duration
	doubted time.Time
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

// doubt halves the estimate after it kept a caller from being served, once for
// all callers of that moment, so that one slow spell does not shut out callers
// with little time for good.
func (u *usual) doubt(now time.Time) {
	if u.doubted != now {
		u.average, u.doubted = u.duration()/2, now
	}
}
