package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"slb-registrar/shared/idempotency"
)

// patience is how long an operation may take beyond its context before it
// counts as hanging, on a busy machine.
const patience = 3 * time.Second

// Network is an engine that is reached over TCP.
type Network struct {
	// Address is where the engine listens.
	Address string
	// Open returns a store that connects to another address instead.
	Open func(t *testing.T, address string) idempotency.Store
	// Secret must not be in any error.
	Secret string
}

// RunNetwork checks what happens when the engine is down, slow or silent.
func RunNetwork(t *testing.T, start func(t *testing.T) Network) {
	t.Helper()
	t.Run("AnEngineThatIsDownIsAnError", func(t *testing.T) {
		n := start(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		n.fails(ctx, t, n.Open(t, freeAddress(t)))
	})
	t.Run("AnEngineThatIsSilentEndsWithTheContext", func(t *testing.T) {
		n := start(t)
		proxy := NewProxy(t, n.Address)
		store := n.Open(t, proxy.Address())
		proxy.set(hang, 0)
		n.endsInTime(t, store) // while connecting

		fresh := NewProxy(t, n.Address)
		store = n.Open(t, fresh.Address())
		claim(t.Context(), t, store, "a", Claims(2)...)
		fresh.set(hang, 0)
		n.endsInTime(t, store) // in the middle of a conversation
	})
	t.Run("ASlowEngineIsWaitedFor", func(t *testing.T) {
		n := start(t)
		proxy := NewProxy(t, n.Address)
		store := n.Open(t, proxy.Address())
		proxy.set(pass, 20*time.Millisecond)
		claim(t.Context(), t, store, "a", Claims(20)...)
		if held := settle(t.Context(), t, store, "a", true, Claims(20)...); slices.Contains(held, false) {
			t.Errorf("settled: %v", held)
		}
	})
	t.Run("AnswersThatAreLostCanBeAskedForAgain", func(t *testing.T) {
		n := start(t)
		proxy := NewProxy(t, n.Address)
		store := n.Open(t, proxy.Address())
		claim(t.Context(), t, store, "warm", Claims(4)[3])
		batch := Claims(3)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		proxy.set(cut, 0)
		n.fails(ctx, t, store)
		proxy.set(pass, 0)
		for i, v := range claim(ctx, t, store, "a", batch...) {
			if v.Standing != idempotency.Claimed {
				t.Errorf("claim %d: %s", i, v.Standing)
			}
		}
		proxy.set(cut, 0)
		if _, err := store.Settle(ctx, Owner("a"), Settled(batch, true)); err == nil {
			t.Error("settled without an answer")
		}
		proxy.set(pass, 0)
		for i, ok := range settle(ctx, t, store, "a", true, batch...) {
			if !ok {
				t.Errorf("settlement %d is lost to its owner", i)
			}
		}
	})
}

// fails expects an error of both operations that tells no secret.
func (n Network) fails(ctx context.Context, t *testing.T, store idempotency.Store) {
	t.Helper()
	_, claiming := store.Claim(ctx, Owner("a"), Claims(3))
	_, settling := store.Settle(ctx, Owner("b"), Settled(Claims(3), true))
	for _, err := range []error{claiming, settling} {
		if err == nil {
			t.Error("no error from an engine that does not answer")
		} else if n.Secret != "" && strings.Contains(err.Error(), n.Secret) {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
	if ctx.Err() != nil {
		t.Error("it took the whole time to find out")
	}
}

// endsInTime expects an operation to end with the deadline of its context.
func (n Network) endsInTime(t *testing.T, store idempotency.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := store.Claim(ctx, Owner("late"), Claims(2))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("claim: %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err := store.Settle(ctx, Owner("late"), Settled(Claims(2), true)); err == nil {
		t.Error("settled after the deadline")
	}
	if took := time.Since(begin); took > 100*time.Millisecond+patience {
		t.Errorf("took %v with a deadline of 100ms", took)
	}
}
