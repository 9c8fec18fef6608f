package storetest

import (
	"context"
	"testing"
	"time"

	"slb-registrar/shared/idempotency"
)

// marker is a store that remembers when something was last done, as package
// reconcile wants it.
type marker interface {
	Marks(ctx context.Context, names []string) (map[string]time.Time, error)
	Mark(ctx context.Context, at time.Time, names []string) error
}

// RunMarks checks the marks of a store that keeps them. open is called for
// every client of one empty engine.
func RunMarks(t *testing.T, open func() idempotency.Store) {
	t.Helper()
	ctx := t.Context()
	client := func() marker {
		store, keeps := open().(marker)
		if !keeps {
			t.Fatal("the store keeps no marks")
		}
		return store
	}
	is := func(what string, want map[string]time.Time) {
		t.Helper()
		got, err := client().Marks(ctx, []string{"cn-hangzhou/rsp-ü b", "cn-hangzhou/rsp-none", "cn-hangzhou/rsp-a"})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("%s: marks %v, want %v", what, got, want)
		}
		for name, at := range want {
			if !got[name].Equal(at) {
				t.Errorf("%s: %s is marked %v, want %v", what, name, got[name], at)
			}
		}
	}
	set := func(at time.Time, names ...string) {
		t.Helper()
		if err := client().Mark(ctx, at, names); err != nil {
			t.Fatal(err)
		}
	}
	first := time.Now().Add(-time.Hour)
	second := first.Add(1500 * time.Microsecond)
	is("at first", nil)
	set(first, "cn-hangzhou/rsp-a", "cn-hangzhou/rsp-ü b", "cn-hangzhou/rsp-other")
	set(second, "cn-hangzhou/rsp-a")
	set(second)
	is("then", map[string]time.Time{"cn-hangzhou/rsp-a": second, "cn-hangzhou/rsp-ü b": first})

	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := client().Marks(over, []string{"n"}); err == nil {
		t.Error("marks were read after the end of the context")
	}
	if err := client().Mark(over, second, []string{"n"}); err == nil {
		t.Error("a mark was set after the end of the context")
	}
}
