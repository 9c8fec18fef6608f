package bolt_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bbolt "go.etcd.io/bbolt"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/bolt"
	"slb-registrar/shared/idempotency/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Harness {
		path := filepath.Join(t.TempDir(), "records")
		return storetest.Harness{Open: func(now func() time.Time) idempotency.Store {
			return bolt.New(path, bolt.Options{Now: now})
		}}
	})
}

func TestALockedFileEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	lock, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := bolt.New(path, bolt.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := store.Claim(ctx, storetest.Owner("a"), storetest.Claims(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("claim of a locked file: %v", err)
	}

	answer := make(chan error, 1)
	go func() {
		_, err := store.Claim(t.Context(), storetest.Owner("a"), storetest.Claims(1))
		answer <- err
	}()
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Errorf("claim after the lock was given back: %v", err)
	}
}

func TestAFileThatIsNoStoreIsAnErrorThatNamesIt(t *testing.T) {
	for name, path := range map[string]string{
		"another file":         filepath.Join(t.TempDir(), "text"),
		"a missing directory":  filepath.Join(t.TempDir(), "missing", "records"),
		"a directory":          t.TempDir(),
		"a file for a dirname": "/dev/null/records",
	} {
		if name == "another file" {
			if err := os.WriteFile(path, []byte("not a store, but long enough to be looked at"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := bolt.New(path, bolt.Options{}).Claim(t.Context(), storetest.Owner("a"), storetest.Claims(1))
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExpiredRecordsLeaveTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	clock := storetest.NewClock(storetest.Start)
	store := bolt.New(path, bolt.Options{Now: clock.Now})
	old := storetest.Claims(120)
	claim := func(claims []idempotency.Claim) {
		t.Helper()
		if _, err := store.Claim(t.Context(), storetest.Owner("a"), claims); err != nil {
			t.Fatal(err)
		}
	}
	claim(old)
	clock.Advance(idempotency.DefaultRetention)
	for i := range 8 { // the sweep goes round: 50 records each time
		fresh := storetest.Claims(200)[190+i : 191+i]
		claim(fresh)
	}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.View(func(tx *bbolt.Tx) error {
		if n := tx.Bucket([]byte("records/1")).Stats().KeyN; n != 8 {
			t.Errorf("%d records, want the 8 fresh ones", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkClaimAndSettle(b *testing.B) {
	storetest.Benchmark(b, bolt.New(filepath.Join(b.TempDir(), "records"), bolt.Options{}))
}
