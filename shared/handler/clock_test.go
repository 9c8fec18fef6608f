package handler

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestThereIsTimeToRecordHoweverLateTheLastCallEnded(t *testing.T) {
	for _, left := range []time.Duration{time.Second, 500 * time.Millisecond, 200 * time.Millisecond, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			const timeout = 5 * time.Second
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			c := newClock(ctx, time.Now())
			time.Sleep(timeout - left) //nolint:forbidigo // the bubble's clock, not the wall's
			recording, stop := c.record(ctx)
			defer stop()
			end, _ := recording.Deadline()
			if got := time.Until(end); got < left/4 || got > left*3/4 {
				t.Errorf("%v before the end there are %v to record, and the rest to answer", left, got)
			}
		})
	}
}
