package bolt

import (
	"context"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Marks returns which of the names have a mark, and which. Those that are older
// than records get are forgotten with the next Mark.
func (s *Store) Marks(ctx context.Context, names []string) (map[string]time.Time, error) {
	marks := map[string]time.Time{}
	err := s.transact(ctx, func(tx *bolt.Tx) error {
		bucket := tx.Bucket(markBucket)
		if bucket == nil {
			return errUnchanged
		}
		for _, name := range names {
			// What cannot be read is no mark: it comes first, and is set anew.
			if at, err := time.Parse(time.RFC3339Nano, string(bucket.Get([]byte(name)))); err == nil {
				marks[name] = at
			}
		}
		return errUnchanged
	})
	if err != nil {
		return nil, err
	}
	return marks, nil
}

// Mark notes at which time something was last done to each of the names.
func (s *Store) Mark(ctx context.Context, at time.Time, names []string) error {
	return s.transact(ctx, func(tx *bolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(markBucket)
		if err != nil {
			return err
		}
		var old [][]byte
		err = bucket.ForEach(func(name, value []byte) error {
			set, err := time.Parse(time.RFC3339Nano, string(value))
			if err != nil || s.rules.Forgotten(set, at) {
				old = append(old, append([]byte(nil), name...))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := bucket.Delete(name); err != nil {
				return err
			}
		}
		for _, name := range names {
			if err := bucket.Put([]byte(name), []byte(at.UTC().Format(time.RFC3339Nano))); err != nil {
				return err
			}
		}
		return nil
	})
}
