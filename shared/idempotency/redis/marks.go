package redis

import (
	"context"
	"fmt"
	"time"
)

// marksKey is a hash from a name to the time of its mark. It is touched once a
// run, not once a change, and so needs no hash tag.
const marksKey = "registrar:marks:1"

// Marks returns the marks that were set, by name.
func (s *Store) Marks(ctx context.Context) (map[string]time.Time, error) {
	fields, err := s.client.HGetAll(ctx, marksKey).Result()
	if err != nil {
		return nil, fmt.Errorf("idempotency: redis: marks: %w", ended(ctx, err))
	}
	marks := make(map[string]time.Time, len(fields))
	for name, text := range fields {
		// What cannot be read is no mark: it comes first, and is set anew.
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			marks[name] = at
		}
	}
	return marks, nil
}

// Mark notes at which time something was last done to each of the names. All
// marks are forgotten when none was set for as long as records live.
func (s *Store) Mark(ctx context.Context, at time.Time, names []string) error {
	if len(names) == 0 {
		return nil
	}
	words := make([]any, 0, 2*len(names))
	for _, name := range names {
		words = append(words, name, at.UTC().Format(time.RFC3339Nano))
	}
	pipe := s.client.Pipeline()
	pipe.HSet(ctx, marksKey, words...)
	pipe.PExpire(ctx, marksKey, s.retention)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("idempotency: redis: mark: %w", ended(ctx, err))
	}
	return nil
}
