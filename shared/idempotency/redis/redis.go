// Package redis keeps the records of backends in Redis, where any number of
// function instances meet, and lets them take turns at a load balancer.
//
// A batch is one pipelined flush with one script for each group. All records
// of a group have the hash tag {region/group}, so that a cluster accepts the
// script; region, group and the rest of the key are escaped as URL path
// segments are. The layout has a version, which changes with it:
//
//	registrar:record:1:{cn-hangzhou/rsp-cige6j5e7p}:i-bp1a//80   the record, a line of words (record.lua)
//	registrar:turn:1:{cn-hangzhou/lb-bp1}                        whose turn it is (turns.lua)
//	registrar:turn:1:{cn-hangzhou/lb-bp1}:queue, …:seen          who waits for it
//
// Time is the server's, so the clocks of hosts do not matter. Redis 5 or later
// is needed, and an instance that does not evict: with any maxmemory-policy
// but noeviction a record may be dropped before its time, and what it knew may
// happen twice. So does what a replica had not received yet when it took over.
//
// Records expire on their own. Errors never hold the password: they name the
// address at most.
package redis

import (
	"context"
	_ "embed" // for the scripts
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/registrar"
)

//go:embed record.lua
var recordLua string

//go:embed claim.lua
var claimLua string

//go:embed settle.lua
var settleLua string

var (
	claimScript  = goredis.NewScript(recordLua + claimLua)
	settleScript = goredis.NewScript(recordLua + settleLua)
)

const recordPrefix = "registrar:record:1:"

// Options adjust a store; the zero value is fine.
type Options struct {
	// Retention is how long a record lives; idempotency.DefaultRetention if 0.
	Retention time.Duration
}

// Store is an idempotency.Store in Redis, safe for concurrent use. Every
// operation ends with the deadline of its context, and without one after a few
// seconds. An error may come after some groups of the batch were claimed: the
// same owner can claim them again, others wait until those claims lapse.
type Store struct {
	client    goredis.UniversalClient
	retention time.Duration
	turns     *turns
	now       func() time.Time // nil: the server's; only tests have another
}

var _ idempotency.Store = (*Store)(nil)

// Open returns the store at a redis:// or rediss:// URL (see [Parse]). It does
// not connect yet.
func Open(url string, options Options) (*Store, error) {
	config, err := Parse(url)
	if err != nil {
		return nil, err
	}
	return open(config, options), nil
}

func open(config Config, options Options) *Store {
	s := &Store{client: config.client(), retention: options.Retention}
	if s.retention <= 0 {
		s.retention = idempotency.DefaultRetention
	}
	if config.Turns {
		s.turns = newTurns(s.client)
	}
	return s
}

// Turns returns the turns at the load balancers, nil unless the URL asks for them.
func (s *Store) Turns() registrar.Turns {
	if s.turns == nil {
		return nil
	}
	return s.turns
}

// Close closes the connections, after the last operation. Turns that are held
// still lapse.
func (s *Store) Close() error {
	if s.turns != nil {
		s.turns.close()
	}
	return s.client.Close()
}

// Claim claims what is free, each group of the batch at one moment, and reports the rest.
func (s *Store) Claim(ctx context.Context, owner idempotency.Owner, claims []idempotency.Claim) ([]idempotency.Verdict, error) {
	if err := idempotency.CheckClaims(owner, claims); err != nil {
		return nil, err
	}
	head := []any{s.clock(), word(owner.Token), owner.Hold.Microseconds(), s.retention.Microseconds(), idempotency.Sighted}
	answers, err := s.run(ctx, claimScript, head, len(claims), func(i int) (idempotency.Subject, []any) {
		c := claims[i]
		pending := "-"
		if c.Pending {
			pending = "pending"
		}
		return c.Subject, []any{string(c.Action), word(c.Key), int64(idempotency.MomentOf(c.At)), pending, word(c.Content)}
	})
	if err != nil {
		return nil, fmt.Errorf("idempotency: redis: claim: %w", err)
	}
	verdicts := make([]idempotency.Verdict, len(claims))
	for i, answer := range answers {
		if verdicts[i], err = parseVerdict(answer); err != nil {
			return nil, fmt.Errorf("idempotency: redis: claim: %w", err)
		}
	}
	return verdicts, nil
}

// Settle completes or releases what owner still holds.
func (s *Store) Settle(ctx context.Context, owner idempotency.Owner, settlements []idempotency.Settlement) ([]bool, error) {
	if err := idempotency.CheckSettlements(owner, settlements); err != nil {
		return nil, err
	}
	head := []any{s.clock(), word(owner.Token), s.retention.Microseconds(), idempotency.Remembered}
	answers, err := s.run(ctx, settleScript, head, len(settlements), func(i int) (idempotency.Subject, []any) {
		settlement := settlements[i]
		completed := "-"
		if settlement.Completed {
			completed = "completed"
		}
		return settlement.Subject, []any{string(settlement.Action), word(settlement.Key), completed, word(settlement.Content)}
	})
	if err != nil {
		return nil, fmt.Errorf("idempotency: redis: settle: %w", err)
	}
	held := make([]bool, len(settlements))
	for i, answer := range answers {
		held[i] = answer == int64(1)
	}
	return held, nil
}

func (s *Store) clock() any {
	if s.now == nil {
		return ""
	}
	return int64(idempotency.MomentOf(s.now()))
}

// batch is what one script is asked: all of one group.
type batch struct {
	places []int
	keys   []string
	args   []any
}

// run asks script about n subjects, a script a group, all of them in one
// flush, and returns the answers in the order of the subjects.
func (s *Store) run(ctx context.Context, script *goredis.Script, head []any, n int, at func(int) (idempotency.Subject, []any)) ([]any, error) {
	if err := ctx.Err(); err != nil || n == 0 {
		return nil, err
	}
	batches := map[string]*batch{}
	var order []*batch
	for i := range n {
		subject, words := at(i)
		group := subject.GroupName()
		b := batches[group]
		if b == nil {
			b = &batch{args: append([]any(nil), head...)}
			batches[group] = b
			order = append(order, b)
		}
		b.places = append(b.places, i)
		b.keys = append(b.keys, recordPrefix+"{"+group+"}:"+subject.BackendName())
		b.args = append(b.args, words...)
	}
	answers := make([]any, n)
	unknown, err := s.flush(ctx, order, answers, func(p goredis.Pipeliner, b *batch) *goredis.Cmd {
		return p.EvalSha(ctx, script.Hash(), b.keys, b.args...)
	})
	if err == nil && len(unknown) > 0 {
		// The server has been restarted or never seen this version: send it whole.
		unknown, err = s.flush(ctx, unknown, answers, func(p goredis.Pipeliner, b *batch) *goredis.Cmd {
			return script.Eval(ctx, p, b.keys, b.args...)
		})
		if err == nil && len(unknown) > 0 {
			err = errors.New("the server does not run scripts")
		}
	}
	return answers, ended(ctx, err)
}

// flush sends the batches at once and puts the answers in their places. It
// returns those whose script the server does not know.
func (s *Store) flush(ctx context.Context, batches []*batch, answers []any, send func(goredis.Pipeliner, *batch) *goredis.Cmd) ([]*batch, error) {
	commands := make([]*goredis.Cmd, len(batches))
	pipe := s.client.Pipeline()
	for i, b := range batches {
		commands[i] = send(pipe, b)
	}
	_, _ = pipe.Exec(ctx) // every command has its own error
	var unknown []*batch
	for i, b := range batches {
		list, err := commands[i].Slice()
		switch {
		case goredis.HasErrorPrefix(err, "NOSCRIPT"):
			unknown = append(unknown, b)
		case err != nil:
			return nil, err
		case len(list) != len(b.places):
			return nil, fmt.Errorf("%d answers to %d questions", len(list), len(b.places))
		default:
			for j, place := range b.places {
				answers[place] = list[j]
			}
		}
	}
	return unknown, nil
}

// ended says that ctx is over where the client only says that a read timed out.
func ended(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	over := ctx.Err()
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		over = context.DeadlineExceeded // the connection's own deadline may come first
	}
	if over != nil {
		return fmt.Errorf("%w: %w", over, err)
	}
	return err
}

// word makes any text one word that is not taken for none.
func word(text string) string {
	switch text {
	case "":
		return "-"
	case "-":
		return "%2D"
	}
	return escape(text)
}

func parseVerdict(answer any) (idempotency.Verdict, error) {
	text, _ := answer.(string)
	standing, rest, _ := strings.Cut(text, " ")
	v := idempotency.Verdict{Standing: idempotency.Standing(standing)}
	switch v.Standing {
	case idempotency.Claimed, idempotency.Superseded:
		return v, nil
	case idempotency.Duplicate:
		v.ContentDiffers = rest == "differs"
		return v, nil
	case idempotency.Held:
		until, err := strconv.ParseInt(rest, 10, 64)
		v.HeldUntil = idempotency.Moment(until).Time()
		return v, err
	}
	return v, fmt.Errorf("unexpected answer %q", text)
}
