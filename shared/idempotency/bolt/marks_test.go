package bolt_test

import (
	"path/filepath"
	"testing"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/bolt"
	"slb-registrar/shared/idempotency/storetest"
)

func TestMarksAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	storetest.RunMarks(t, func() idempotency.Store { return bolt.New(path, bolt.Options{}) })
}

func TestMarksAreForgottenLikeRecords(t *testing.T) {
	store := bolt.New(filepath.Join(t.TempDir(), "records"), bolt.Options{Retention: time.Hour})
	now := time.Now()
	for name, at := range map[string]time.Time{"old": now.Add(-2 * time.Hour), "new": now.Add(-time.Minute)} {
		if err := store.Mark(t.Context(), at, []string{name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Mark(t.Context(), now, []string{"newest"}); err != nil {
		t.Fatal(err)
	}
	marks, err := store.Marks(t.Context(), []string{"old", "new", "newest"})
	if _, is := marks["old"]; err != nil || is || len(marks) != 2 {
		t.Errorf("marks %v, %v", marks, err)
	}
}
