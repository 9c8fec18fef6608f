package memory

import (
	"context"
	"time"
)

// Marks returns which of the names have a mark, and which. Those that are older
// than records get are forgotten with the next Mark.
func (s *Store) Marks(ctx context.Context, names []string) (map[string]time.Time, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	marks := map[string]time.Time{}
	for _, name := range names {
		if at, marked := s.marks[name]; marked {
			marks[name] = at
		}
	}
	return marks, nil
}

// Mark notes at which time something was last done to each of the names.
func (s *Store) Mark(ctx context.Context, at time.Time, names []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, old := range s.marks {
		if s.rules.Forgotten(old, at) {
			delete(s.marks, name)
		}
	}
	if s.marks == nil {
		s.marks = make(map[string]time.Time, len(names))
	}
	for _, name := range names {
		s.marks[name] = at
	}
	return nil
}
