package redis

import (
	"context"
	"fmt"
	"time"
)

// marksKey is a hash from a name to the time of its mark. It is touched once a
// run, not once a change, and so needs no hash tag.
const marksKey = "registrar:marks:1"

// Marks returns which of the names have a mark, and which.
func (s *Store) Marks(ctx context.Context, names []string) (map[string]time.Time, error) {
	marks := map[string]time.Time{}
	if len(names) == 0 {
		return marks, nil
	}
	fields, err := s.client.HMGet(ctx, marksKey, names...).Result()
	if err != nil {
		return nil, fmt.Errorf("idempotency: redis: marks: %w", ended(ctx, err))
	}
	for i, name := range names {
		// What cannot be read is no mark: it comes first, and is set anew.
		text, _ := fields[i].(string)
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
