package lifecycle

import (
	"context"
	"sync"
	"time"

	"slb-registrar/shared/event"
)

const (
	// shortestHook is the shortest time-out that a hook can have, on both
	// platforms. That of a given hook is not in its notification.
	shortestHook = 30 * time.Second
	// heartMargin is how long before a possible time-out a heartbeat is sent.
	heartMargin = 10 * time.Second
	// leastHeartbeat is the time-out that the console of Alibaba Cloud gives a
	// hook; that of the API is 600 s. A heartbeat asks for no less, because there
	// it replaces the hook's own time-out and should not cut it short, and because
	// only 20 are allowed.
	leastHeartbeat = 1800 * time.Second
	// mostHeartbeat is the longest that a heartbeat can ask for.
	mostHeartbeat = 6 * time.Hour
)

// Heart keeps one hook from timing out while its backends become healthy. A
// drain sends no heartbeat: it has to be shorter than the hook's own time-out.
// It is safe for concurrent use.
type Heart struct {
	completer Completer
	hook      *event.Hook

	mu      sync.Mutex
	until   time.Time // the hook is sure not to time out before
	beats   int
	stopped error // why no more heartbeats are sent
}

// NewHeart makes the Heart of a hook whose action began at since, or at some
// unknown time before now if since is zero.
func NewHeart(completer Completer, hook *event.Hook, since time.Time) *Heart {
	if since.IsZero() {
		since = time.Now()
	}
	return &Heart{completer: completer, hook: hook, until: since.Add(shortestHook)}
}

// Cover makes sure that the hook does not time out within the next rest, with
// a heartbeat if that is not sure. It asks for enough to cover need as well, the
// time that the whole of the work may still take, so that one heartbeat is
// enough where the platform allows. Once the hook has ended, or no more heartbeats are allowed, it sends
// none and returns that error again; other errors are worth another try.
func (h *Heart) Cover(ctx context.Context, rest, need time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped != nil {
		return h.stopped
	}
	now := time.Now()
	rest += heartMargin
	if !now.Add(rest).After(h.until) {
		return nil
	}
	kept, err := h.completer.Heartbeat(ctx, h.hook, min(max(need+rest, leastHeartbeat), mostHeartbeat))
	if err != nil {
		if e := asError(err); e.Ended || e.Exhausted {
			h.stopped = e
		}
		return err
	}
	h.beats++
	h.until = now.Add(kept)
	return nil
}

// Beats is how many heartbeats were recorded.
func (h *Heart) Beats() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.beats
}
