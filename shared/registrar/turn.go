package registrar

import (
	"context"
	"time"
)

const (
	turnPause = time.Second     // a turn is not kept over a longer wait than this
	turnReply = 2 * time.Second // how long to wait for the holder of turns to answer
	turnTrust = 5 * time.Second // how long to go without turns when that failed
)

// holder keeps the turn of a writer. Without turns it is always ready.
type holder struct {
	turns Turns
	turn  Turn
	used  bool      // the turn has to be renewed before the next call
	alone time.Time // until when to go without
}

func (h *holder) holds() bool { return h.turn != nil }

// ready reports whether a call may be made now.
func (h *holder) ready() bool {
	if h.turns == nil || time.Now().Before(h.alone) {
		return true
	}
	if h.turn == nil {
		return false
	}
	if !h.used {
		h.used = true
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), turnReply)
	defer cancel()
	return h.turn.Keep(ctx)
}

// give returns the turn, if there is one, and tells the next what was learned.
func (h *holder) give(learned Handover) {
	if h.turn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), turnReply)
	defer cancel()
	h.turn.Give(ctx, learned)
	h.turn = nil
}

// takeTurn waits for the turn, as long as anything waits for b.
func (r *Registrar) takeTurn(b *balancer, h *holder) {
	h.give(r.learned(b))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.stoppable(b, cancel)
	turn, err := h.turns.Take(ctx, b.name)
	var before Handover
	if err == nil {
		before = turn.Before()
	}
	r.mu.Lock()
	b.stop = nil
	b.turns++
	if before.Ended.After(b.ended) {
		b.ended, b.bold = before.Ended, true
	}
	b.settling.told(before.Settling)
	r.mu.Unlock()
	switch {
	case err == nil:
		h.turn, h.used = turn, false
	case ctx.Err() == nil:
		h.alone = time.Now().Add(turnTrust)
	}
}

// learned is what the next holder should know.
func (r *Registrar) learned(b *balancer) Handover {
	r.mu.Lock()
	defer r.mu.Unlock()
	word := Handover{Ended: b.ended}
	if b.settling.known {
		word.Settling = b.settling.wait(false)
	}
	return word
}
