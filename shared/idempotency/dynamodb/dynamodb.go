// Package dynamodb keeps the records of backends in a DynamoDB table, where
// any number of function instances meet.
//
// The table has a partition key and nothing else that matters:
//
//	pk       S  the name of the subject: cn-hangzhou/rsp-cige6j5e7p/i-bp1a//80
//	record   S  the record as JSON
//	expires  N  when it is forgotten, in seconds since 1970: the table's TTL attribute
//
// TTL may delete days late, so the record itself says when it expires too.
// A role needs dynamodb:GetItem, UpdateItem and DeleteItem on the table.
//
// There is no transaction over a batch: every record is written on its own, up
// to Parallel of them at once, on the condition that it still says what was
// read. A claim guesses that the backend is unknown, and a settlement that the
// record is as the claim left it, so that the usual change is one request; a
// refused guess comes back with the record, and the change is decided anew.
// All reads are consistent.
//
// Time is that of the hosts. Their clocks may be [DefaultSkew] apart: claims
// last that much longer than their owner asked for, and a claim that lapsed
// can be taken over that much later.
package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/sync/errgroup"

	"slb-registrar/shared/idempotency"
)

const (
	// DefaultSkew is how far the clocks of two hosts may be apart. Those of
	// AWS are within milliseconds.
	DefaultSkew = 5 * time.Second
	// DefaultParallel keeps a batch of 1,000 well below a second without
	// opening more connections than a small function can bear.
	DefaultParallel = 32
	// longestPause between two tries at a record that others are changing.
	longestPause = 50 * time.Millisecond
	// ownMost is how many claims of its own a store remembers, which saves a
	// read when they are settled.
	ownMost = 10_000
)

// Options adjust a store; the zero value is fine.
type Options struct {
	// Retention is how long a record lives; idempotency.DefaultRetention if 0.
	Retention time.Duration
	// Skew is how far clocks may be apart; DefaultSkew if 0.
	Skew time.Duration
	// Parallel is how many requests one batch has under way; DefaultParallel if 0.
	Parallel int
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Store is an idempotency.Store in DynamoDB, safe for concurrent use. Every
// operation ends with its context, and without a deadline after some seconds:
// a throttled table is an error then. An error may come after some records of
// the batch were written: the same owner can ask again, others wait until
// those claims lapse.
type Store struct {
	table    table
	rules    idempotency.Rules
	parallel int
	now      func() time.Time

	mu  sync.Mutex
	own map[idempotency.Subject]string // what our claims were written as
}

var _ idempotency.Store = (*Store)(nil)

func newStore(client *dynamodb.Client, name string, options Options) *Store {
	s := &Store{
		table:    table{client: client, name: name},
		rules:    idempotency.Rules{Retention: options.Retention, Skew: options.Skew},
		parallel: options.Parallel,
		now:      options.Now,
		own:      map[idempotency.Subject]string{},
	}
	if s.rules.Skew <= 0 {
		s.rules.Skew = DefaultSkew
	}
	if s.parallel <= 0 {
		s.parallel = DefaultParallel
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Claim claims what is free, each record on its own, and reports the rest.
func (s *Store) Claim(ctx context.Context, owner idempotency.Owner, claims []idempotency.Claim) ([]idempotency.Verdict, error) {
	if err := idempotency.CheckClaims(owner, claims); err != nil {
		return nil, err
	}
	verdicts := make([]idempotency.Verdict, len(claims))
	err := s.each(ctx, len(claims), func(ctx context.Context, i int) error {
		subject := claims[i].Subject
		written, err := s.change(ctx, subject, "", func(before idempotency.Record, now idempotency.Moment) (after idempotency.Record) {
			after, verdicts[i] = s.rules.Claim(before, now, owner, claims[i])
			return after
		})
		if err == nil && verdicts[i].Standing == idempotency.Claimed {
			s.remember(subject, written)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("idempotency: dynamodb: claim: %w", err)
	}
	return verdicts, nil
}

// Settle completes or releases what owner still holds, each record on its own.
func (s *Store) Settle(ctx context.Context, owner idempotency.Owner, settlements []idempotency.Settlement) ([]bool, error) {
	if err := idempotency.CheckSettlements(owner, settlements); err != nil {
		return nil, err
	}
	held := make([]bool, len(settlements))
	err := s.each(ctx, len(settlements), func(ctx context.Context, i int) error {
		subject := settlements[i].Subject
		_, err := s.change(ctx, subject, s.recall(subject), func(before idempotency.Record, now idempotency.Moment) (after idempotency.Record) {
			after, held[i] = s.rules.Settle(before, now, owner, settlements[i])
			return after
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("idempotency: dynamodb: settle: %w", err)
	}
	return held, nil
}

// each runs do for all of a batch. The first error ends the rest: nothing may
// be assumed of the batch any more.
func (s *Store) each(ctx context.Context, n int, do func(context.Context, int) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.parallel)
	for i := range n {
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// change decides what becomes of a record and writes it, until nobody else has
// changed it in between. guess is what the record probably says; nothing is
// concluded from it without a write that proves it.
func (s *Store) change(ctx context.Context, subject idempotency.Subject, guess string, decide func(idempotency.Record, idempotency.Moment) idempotency.Record) (written string, err error) {
	pk, says, certain := subject.Name(), guess, false
	for {
		before, err := decode(says)
		if err != nil {
			return "", fmt.Errorf("record %s: %w", pk, err)
		}
		after := decide(before, idempotency.MomentOf(s.now()))
		if after.Equal(before) {
			if certain {
				return says, nil
			}
			if says, err = s.table.read(ctx, pk); err != nil {
				return "", err
			}
			certain = true
			continue
		}
		written, err := encode(after)
		if err != nil {
			return "", err
		}
		var refused *refusal
		err = s.table.write(ctx, pk, says, written, after.Expires)
		if !errors.As(err, &refused) {
			return written, err
		}
		if certain {
			if err := pause(ctx); err != nil {
				return "", err
			}
		}
		if says, certain = refused.says, true; !refused.told {
			if says, err = s.table.read(ctx, pk); err != nil {
				return "", err
			}
		}
	}
}

// pause lets those finish who change the same record.
func pause(ctx context.Context) error {
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(longestPause))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) remember(subject idempotency.Subject, written string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.own) >= ownMost {
		clear(s.own) // claims that were never settled; the others cost a read
	}
	s.own[subject] = written
}

func (s *Store) recall(subject idempotency.Subject) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := s.own[subject]
	delete(s.own, subject)
	return written
}

// decode reads a record; an empty text is that of an unknown backend.
func decode(text string) (record idempotency.Record, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &record)
	}
	return record, err
}

// encode writes a record; a record that knows nothing is not kept.
func encode(record idempotency.Record) (string, error) {
	if record.IsZero() {
		return "", nil
	}
	text, err := json.Marshal(record)
	return string(text), err
}
