package memory_test

import (
	"testing"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/idempotency/storetest"
)

func TestMarksAreKept(t *testing.T) {
	store := memory.New(memory.Options{})
	storetest.RunMarks(t, func() idempotency.Store { return store })
}

func TestMarksAreForgottenLikeRecords(t *testing.T) {
	store := memory.New(memory.Options{Retention: time.Hour})
	now := time.Now()
	for _, set := range []struct {
		name string
		at   time.Time
	}{{"old", now.Add(-2 * time.Hour)}, {"new", now.Add(-time.Minute)}, {"newest", now}} {
		if err := store.Mark(t.Context(), set.at, []string{set.name}); err != nil {
			t.Fatal(err)
		}
	}
	marks, err := store.Marks(t.Context(), []string{"old", "new", "newest"})
	if _, is := marks["old"]; err != nil || is || len(marks) != 2 {
		t.Errorf("marks %v, %v", marks, err)
	}
}
