package lifecycle_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
)

// platform is one whose heartbeats keep a hook for so long, whatever is asked for.
type platform struct {
	keeps time.Duration
	asked []time.Duration
	at    []time.Duration // since start
	start time.Time
	fail  error
}

func (p *platform) Complete(context.Context, *event.Hook, string, string) error { return nil }
func (p *platform) Pending(context.Context, *event.Hook) (bool, error)          { return true, nil }

func (p *platform) Heartbeat(_ context.Context, _ *event.Hook, timeout time.Duration) (time.Duration, error) {
	p.asked, p.at = append(p.asked, timeout), append(p.at, time.Since(p.start))
	if p.keeps == 0 {
		return timeout, p.fail
	}
	return p.keeps, p.fail
}

// work lets a heart cover some work that looks up every 5 s.
func work(ctx context.Context, heart *lifecycle.Heart, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); <-time.After(5 * time.Second) {
		_ = heart.Cover(ctx, 5*time.Second, time.Until(end))
	}
}

func TestOneHeartbeatIsEnoughWhereThePlatformTakesATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{start: time.Now()}
		work(t.Context(), lifecycle.NewHeart(p, &event.Hook{}, time.Now()), 20*time.Minute)
		if len(p.asked) != 1 || p.asked[0] < 30*time.Minute || p.at[0] >= 30*time.Second {
			t.Errorf("heartbeats for %v at %v", p.asked, p.at)
		}
	})
}

func TestHeartbeatsComeBeforeTheShortestTimeOutWhereItTakesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{start: time.Now(), keeps: 30 * time.Second}
		work(t.Context(), lifecycle.NewHeart(p, &event.Hook{}, time.Now()), 2*time.Minute)
		last := time.Duration(0)
		for _, at := range append(p.at, 2*time.Minute) {
			if at-last >= 30*time.Second {
				t.Errorf("no heartbeat between %v and %v", last, at)
			}
			last = at
		}
		if len(p.at) > 9 {
			t.Errorf("%d heartbeats in 2 minutes", len(p.at))
		}
	})
}

func TestAnOldActionGetsItsHeartbeatAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{start: time.Now()}
		if err := lifecycle.NewHeart(p, &event.Hook{}, time.Now().Add(-time.Hour)).Cover(t.Context(), time.Second, time.Minute); err != nil || len(p.asked) != 1 {
			t.Errorf("%v, heartbeats for %v", err, p.asked)
		}
		if p.asked[0] != 30*time.Minute {
			t.Errorf("it asked for %v, which would cut an ordinary hook short", p.asked[0])
		}
	})
}

func TestNoHeartbeatAsksForMoreThanSixHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &platform{start: time.Now()}
		_ = lifecycle.NewHeart(p, &event.Hook{}, time.Time{}).Cover(t.Context(), time.Minute, 48*time.Hour)
		if len(p.asked) != 1 || p.asked[0] != 6*time.Hour {
			t.Errorf("it asked for %v", p.asked)
		}
	})
}

func TestAFailedHeartbeatIsTriedAgainUnlessTheHookHasEnded(t *testing.T) {
	for name, row := range map[string]struct {
		fail error
		want int
	}{
		"no answer":       {&lifecycle.Error{Code: "NoAnswer", Temporary: true}, 3},
		"something odd":   {errors.New("odd"), 3},
		"ended":           {&lifecycle.Error{Code: "X", Ended: true}, 1},
		"no more allowed": {&lifecycle.Error{Code: "X", Exhausted: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := &platform{fail: row.fail}
			heart := lifecycle.NewHeart(p, &event.Hook{}, time.Time{})
			for range 3 {
				if err := heart.Cover(t.Context(), time.Hour, time.Hour); !errors.Is(err, row.fail) {
					t.Errorf("%v", err)
				}
			}
			if len(p.asked) != row.want || heart.Beats() != 0 {
				t.Errorf("%d heartbeats were sent, %d counted", len(p.asked), heart.Beats())
			}
		})
	}
}
