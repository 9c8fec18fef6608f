package dynamodb

import (
	"context"
	"fmt"
	"sync"
	"time"

	"slb-registrar/shared/idempotency"
)

// markPrefix keeps marks apart from records, whose names begin with a region.
const markPrefix = "mark/"

// Marks returns which of the names have a mark, and which. A mark is an item
// like a record, whose text is its time.
func (s *Store) Marks(ctx context.Context, names []string) (map[string]time.Time, error) {
	var mu sync.Mutex
	marks := map[string]time.Time{}
	err := s.each(ctx, len(names), func(ctx context.Context, i int) error {
		text, err := s.table.read(ctx, markPrefix+names[i])
		if err != nil {
			return err
		}
		// What cannot be read is no mark: it comes first, and is set anew.
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			mu.Lock()
			defer mu.Unlock()
			marks[names[i]] = at
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("idempotency: dynamodb: marks: %w", err)
	}
	return marks, nil
}

// Mark notes at which time something was last done to each of the names. Marks
// are forgotten like records.
func (s *Store) Mark(ctx context.Context, at time.Time, names []string) error {
	retention := s.rules.Retention
	if retention <= 0 {
		retention = idempotency.DefaultRetention
	}
	text, expires := at.UTC().Format(time.RFC3339Nano), idempotency.MomentOf(at.Add(retention))
	err := s.each(ctx, len(names), func(ctx context.Context, i int) error {
		return s.table.put(ctx, markPrefix+names[i], text, expires)
	})
	if err != nil {
		return fmt.Errorf("idempotency: dynamodb: mark: %w", err)
	}
	return nil
}
