// Package bolt keeps the records of backends in a file of this host.
//
// It is meant for the command line, where one invocation after another, or a
// few at once, are processes of their own. The file is opened and closed for
// every operation, because bbolt locks it as long as it is open; a batch is
// one transaction, on disk when the answer is given. Killed at any moment, the
// file holds all of a batch or nothing of it.
//
// It does not belong on a network file system, whose locks cannot be trusted,
// and each operation costs an fsync: where many hosts or functions meet, use
// packages redis or dynamodb.
//
// The file has one bucket, "records/1", from the name of the subject to the
// record as JSON, one, "sweep/1", that remembers how far the search for expired
// records has come, and one, "marks/1", for [Store.Mark].
package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	boltErrors "go.etcd.io/bbolt/errors"

	"slb-registrar/shared/idempotency"
)

const (
	// attempt is the shortest time-out that makes bbolt try its lock once and
	// come back, so that the waiting is done here, where it ends with its context.
	attempt = time.Nanosecond
	// longestPause between two attempts: an operation takes a few milliseconds.
	longestPause = 20 * time.Millisecond
	// sweepLength is how many records every transaction looks at for expired
	// ones: more than a batch adds on average, so the file cannot grow for ever.
	sweepLength = 50
)

var (
	recordBucket = []byte("records/1")
	sweepBucket  = []byte("sweep/1")
	sweepKey     = []byte("next")
	markBucket   = []byte("marks/1")
)

// Options adjust a store; the zero value is fine.
type Options struct {
	// Retention is how long a record lives; idempotency.DefaultRetention if 0.
	Retention time.Duration
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Store is an idempotency.Store in a file, safe for concurrent use by
// goroutines and by processes. An operation waits for the others until its
// context ends; then its error is that of the context, and nothing was done.
type Store struct {
	path  string
	rules idempotency.Rules
	now   func() time.Time
}

var _ idempotency.Store = (*Store)(nil)

// New returns the store in the file at path, which is created when it is first
// needed; its directory has to be there.
func New(path string, options Options) *Store {
	s := &Store{path: path, rules: idempotency.Rules{Retention: options.Retention}, now: options.Now}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Claim claims what is free, in one transaction, and reports the rest.
func (s *Store) Claim(ctx context.Context, owner idempotency.Owner, claims []idempotency.Claim) ([]idempotency.Verdict, error) {
	if err := idempotency.CheckClaims(owner, claims); err != nil {
		return nil, err
	}
	verdicts := make([]idempotency.Verdict, len(claims))
	err := s.update(ctx, func(records *records, now idempotency.Moment) error {
		for i, c := range claims {
			err := records.change(c.Subject, func(before idempotency.Record) (after idempotency.Record) {
				after, verdicts[i] = s.rules.Claim(before, now, owner, c)
				return after
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return verdicts, nil
}

// Settle completes or releases what owner still holds, in one transaction.
func (s *Store) Settle(ctx context.Context, owner idempotency.Owner, settlements []idempotency.Settlement) ([]bool, error) {
	if err := idempotency.CheckSettlements(owner, settlements); err != nil {
		return nil, err
	}
	held := make([]bool, len(settlements))
	err := s.update(ctx, func(records *records, now idempotency.Moment) error {
		for i, settlement := range settlements {
			err := records.change(settlement.Subject, func(before idempotency.Record) (after idempotency.Record) {
				after, held[i] = s.rules.Settle(before, now, owner, settlement)
				return after
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return held, nil
}

// update runs do in one transaction. The clock is read when the lock is held,
// because waiting for it may take long.
func (s *Store) update(ctx context.Context, do func(*records, idempotency.Moment) error) error {
	return s.transact(ctx, func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(recordBucket)
		if err != nil {
			return err
		}
		now := idempotency.MomentOf(s.now())
		records := &records{bucket: bucket}
		if err := do(records, now); err != nil {
			return err
		}
		if !records.changed {
			return errUnchanged
		}
		return sweep(tx, bucket, now)
	})
}

// transact opens the file for one transaction.
func (s *Store) transact(ctx context.Context, do func(*bolt.Tx) error) (err error) {
	db, err := s.open(ctx)
	if err != nil {
		return fmt.Errorf("idempotency: store %s: %w", s.path, err)
	}
	defer func() {
		if closing := db.Close(); closing != nil && err == nil {
			err = fmt.Errorf("idempotency: store %s: close: %w", s.path, closing)
		}
	}()
	if err = db.Update(do); err != nil && !errors.Is(err, errUnchanged) {
		return fmt.Errorf("idempotency: store %s: %w", s.path, err)
	}
	return nil
}

// errUnchanged rolls a transaction back that would write nothing new, which
// saves it the disk.
var errUnchanged = errors.New("unchanged")

// open waits for the file, at most until ctx ends.
func (s *Store) open(ctx context.Context) (*bolt.DB, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := create(s.path); err != nil {
			return nil, err
		}
		db, err := bolt.Open(s.path, 0o600, &bolt.Options{Timeout: attempt})
		if !errors.Is(err, boltErrors.ErrTimeout) {
			return db, err
		}
		pause := time.NewTimer(time.Duration(rand.Int64N(int64(longestPause))))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, fmt.Errorf("locked by another process: %w", ctx.Err())
		}
	}
}

// create makes an empty file aside and links it into place. bbolt would write
// its first pages into place itself, and a process killed between them leaves
// a file that nobody can open any more.
func create(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	aside, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(aside.Name()) }()
	if err := aside.Close(); err != nil {
		return err
	}
	db, err := bolt.Open(aside.Name(), 0o600, nil)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := os.Link(aside.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// records are those of one transaction.
type records struct {
	bucket  *bolt.Bucket
	changed bool
}

func (r *records) change(subject idempotency.Subject, decide func(idempotency.Record) idempotency.Record) error {
	name := []byte(subject.Name())
	var before idempotency.Record
	if value := r.bucket.Get(name); value != nil {
		if err := json.Unmarshal(value, &before); err != nil {
			return fmt.Errorf("record %s: %w", name, err)
		}
	}
	after := decide(before)
	if after.Equal(before) {
		return nil
	}
	r.changed = true
	if after.IsZero() {
		return r.bucket.Delete(name)
	}
	value, err := json.Marshal(after)
	if err != nil {
		return err
	}
	return r.bucket.Put(name, value)
}

// sweep deletes what has expired among the next records, round and round.
func sweep(tx *bolt.Tx, bucket *bolt.Bucket, now idempotency.Moment) error {
	progress, err := tx.CreateBucketIfNotExists(sweepBucket)
	if err != nil {
		return err
	}
	cursor := bucket.Cursor()
	name, value := cursor.Seek(progress.Get(sweepKey))
	var expired [][]byte
	for range sweepLength {
		if name == nil {
			break
		}
		var record idempotency.Record
		if err := json.Unmarshal(value, &record); err != nil {
			return fmt.Errorf("record %s: %w", name, err)
		}
		if record.Expires <= now {
			expired = append(expired, append([]byte(nil), name...))
		}
		name, value = cursor.Next()
	}
	next := append([]byte(nil), name...) // none: from the start again
	for _, name := range expired {
		if err := bucket.Delete(name); err != nil {
			return err
		}
	}
	return progress.Put(sweepKey, next)
}
