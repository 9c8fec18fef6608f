package main

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Times of the queues. The visibility time-out is longer than that of the
// function, as platforms advise, but for the few hasty messages, which come
// again while they are being worked on.
const (
	visibility      = 9 * time.Second
	hastyVisibility = 700 * time.Millisecond
	retryDelay      = 500 * time.Millisecond
	poisonReceives  = 4  // of a message that can never be processed
	missingReceives = 15 // of one in which a part can
	maxBatch        = 10
)

// channel is a way to one kind of function.
type channel struct {
	lambda bool
	direct bool // one event an invocation, or a batch from a queue
}

// item is one copy of a message in a queue.
type item struct {
	activity *activity
	channel  channel
	hasty    bool
	visible  time.Time
	receives int
	over     bool
}

// queue delivers each of its items at least once: until it is acknowledged.
type queue struct {
	ledger *ledger
	mu     sync.Mutex
	random *rand.Rand
	items  map[channel][]*item
	left   int
}

func newQueue(l *ledger, seed uint64) *queue {
	return &queue{ledger: l, random: newRandom(seed, 2), items: map[channel][]*item{}}
}

// put adds the copies of a message.
func (q *queue) put(a *activity, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range a.copies {
		ch := channel{lambda: c.lambda, direct: a.form.isDirect()}
		q.items[ch] = append(q.items[ch], &item{activity: a, channel: ch, hasty: c.hasty, visible: now.Add(c.late)})
		q.left++
	}
}

// take hands out what is visible, in no order: one event, or a batch.
func (q *queue) take(ch channel, now time.Time) []*item {
	q.mu.Lock()
	defer q.mu.Unlock()
	most := 1
	if !ch.direct {
		most = 1 + q.random.IntN(maxBatch)
	}
	var out []*item
	waiting := q.items[ch]
	if len(waiting) == 0 {
		return nil
	}
	start := 0 // the oldest, or anything
	if q.random.IntN(2) == 0 {
		start = q.random.IntN(len(waiting))
	}
	for i := range waiting {
		it := waiting[(start+i)%len(waiting)]
		if it.over || it.visible.After(now) || ch.lambda && contains(out, it.activity) {
			continue
		}
		it.receives++
		it.visible = now.Add(visibility)
		if it.hasty {
			it.visible = now.Add(hastyVisibility)
		}
		if out = append(out, it); len(out) == most {
			break
		}
	}
	return out
}

// contains reports whether a batch has a copy of a. A message of Amazon SQS is
// in a batch once at most, because it is acknowledged by its id.
func contains(batch []*item, a *activity) bool {
	for _, it := range batch {
		if it.activity == a {
			return true
		}
	}
	return false
}

// ack ends an item.
func (q *queue) ack(it *item) {
	if q.remove(it) {
		q.ledger.ack(it.activity)
	}
}

// park moves an item to the dead letters.
func (q *queue) park(it *item) {
	if q.remove(it) {
		q.ledger.park(it.activity)
	}
}

func (q *queue) remove(it *item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.over {
		return false
	}
	it.over = true
	q.left--
	kept := q.items[it.channel][:0]
	for _, o := range q.items[it.channel] {
		if !o.over {
			kept = append(kept, o)
		}
	}
	clear(q.items[it.channel][len(kept):])
	q.items[it.channel] = kept
	return true
}

// fail makes an item visible again soon. What can never be processed is given
// up after a few times, as a redrive policy does.
func (q *queue) fail(it *item, now time.Time) {
	if limit := it.activity.maxReceives(); limit > 0 && q.received(it) >= limit {
		q.park(it)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	it.visible = now.Add(retryDelay + time.Duration(q.random.IntN(1000))*time.Millisecond)
}

func (q *queue) received(it *item) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return it.receives
}

// rest is how many items are left, and one of them.
func (q *queue) rest() (int, *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, waiting := range q.items {
		if len(waiting) > 0 {
			return q.left, waiting[0]
		}
	}
	return q.left, nil
}

// hopeless reports whether some part of the message can never succeed.
func (a *activity) hopeless() bool { return a.poison || a.missing != "" }

// maxReceives is how often a message comes before it is given up, 0 for ever.
func (a *activity) maxReceives() int {
	switch {
	case a.poison:
		return poisonReceives
	case a.missing != "":
		return missingReceives
	}
	return 0
}
