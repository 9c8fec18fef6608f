// Package memory keeps the records of backends in this process.
//
// It is the store of tests, of the command line without --store, and of a
// function that has no other: there it catches duplicates as long as they
// reach the same warm instance and no longer. Where that is not enough, use
// packages redis or dynamodb.
package memory

import (
	"container/list"
	"context"
	"sync"
	"time"

	"slb-registrar/shared/idempotency"
)

// DefaultMaxRecords bounds the memory to some 80 MB at worst, a few in practice.
const DefaultMaxRecords = 50_000

// Options adjust a store; the zero value is fine.
type Options struct {
	// Retention is how long a record lives; idempotency.DefaultRetention if 0.
	Retention time.Duration
	// MaxRecords is how many are kept. Beyond it those go first that have not
	// changed for the longest time, but none that is claimed. DefaultMaxRecords if 0.
	MaxRecords int
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Store is an idempotency.Store in memory, safe for concurrent use. It never
// fails but for a batch that no store can answer and a context that has ended.
type Store struct {
	rules idempotency.Rules
	limit int
	now   func() time.Time

	mu      sync.Mutex
	records map[idempotency.Subject]*list.Element // of entry
	byAge   list.List                             // the last changed in front
	marks   map[string]time.Time
}

type entry struct {
	subject idempotency.Subject
	record  idempotency.Record
}

var _ idempotency.Store = (*Store)(nil)

// New returns an empty store.
func New(options Options) *Store {
	s := &Store{
		rules:   idempotency.Rules{Retention: options.Retention},
		limit:   options.MaxRecords,
		now:     options.Now,
		records: make(map[idempotency.Subject]*list.Element),
	}
	if s.limit <= 0 {
		s.limit = DefaultMaxRecords
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Claim claims what is free, all of the batch at one moment, and reports the rest.
func (s *Store) Claim(ctx context.Context, owner idempotency.Owner, claims []idempotency.Claim) ([]idempotency.Verdict, error) {
	if err := idempotency.CheckClaims(owner, claims); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := idempotency.MomentOf(s.now())
	verdicts := make([]idempotency.Verdict, len(claims))
	for i, c := range claims {
		before := s.get(c.Subject)
		var after idempotency.Record
		after, verdicts[i] = s.rules.Claim(before, now, owner, c)
		s.put(c.Subject, before, after)
	}
	s.trim(now)
	return verdicts, nil
}

// Settle completes or releases what owner still holds.
func (s *Store) Settle(ctx context.Context, owner idempotency.Owner, settlements []idempotency.Settlement) ([]bool, error) {
	if err := idempotency.CheckSettlements(owner, settlements); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := idempotency.MomentOf(s.now())
	held := make([]bool, len(settlements))
	for i, settlement := range settlements {
		before := s.get(settlement.Subject)
		var after idempotency.Record
		after, held[i] = s.rules.Settle(before, now, owner, settlement)
		s.put(settlement.Subject, before, after)
	}
	s.trim(now)
	return held, nil
}

// Len returns how many records there are.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records)
}

func (s *Store) get(subject idempotency.Subject) idempotency.Record {
	if element := s.records[subject]; element != nil {
		return element.Value.(entry).record
	}
	return idempotency.Record{}
}

func (s *Store) put(subject idempotency.Subject, before, after idempotency.Record) {
	element := s.records[subject]
	switch {
	case after.Equal(before):
	case after.IsZero():
		if element != nil {
			s.drop(element)
		}
	case element == nil:
		s.records[subject] = s.byAge.PushFront(entry{subject, after})
	default:
		element.Value = entry{subject, after}
		s.byAge.MoveToFront(element)
	}
}

// trim drops from the back what has expired or is too much. A record's life
// counts from its last change, so the back expires first; a claim that lasts
// longer than the retention only delays that.
func (s *Store) trim(now idempotency.Moment) {
	for element := s.byAge.Back(); element != nil; {
		older, record := element, element.Value.(entry).record
		element = element.Prev()
		switch {
		case record.Expires <= now:
			s.drop(older)
		case len(s.records) <= s.limit:
			return
		case record.Holding.Until <= now:
			s.drop(older)
		}
	}
}

func (s *Store) drop(element *list.Element) {
	delete(s.records, element.Value.(entry).subject)
	s.byAge.Remove(element)
}
