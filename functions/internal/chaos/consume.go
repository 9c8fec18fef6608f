package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"slb-registrar/functions/local/runtimeapi"
	"slb-registrar/shared/handler"
)

// consume hands events to the processes of a host until ctx ends, one at a time.
func (r *runner) consume(ctx context.Context, h *host, number uint64) error {
	random := newRandom(r.options.Seed, 100+number)
	for ctx.Err() == nil {
		ch := channel{lambda: h.platform == runtimeapi.Lambda, direct: random.IntN(3) == 0}
		items := r.queue.take(ch, time.Now())
		if len(items) == 0 {
			ch.direct = !ch.direct
			items = r.queue.take(ch, time.Now())
		}
		if len(items) == 0 {
			sleep(ctx, 20*time.Millisecond)
			continue
		}
		gen, err := r.living(ctx, h)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			r.invoke(ctx, gen, ch, items)
		}
	}
	return nil
}

// invoke is one delivery and what its answer leads to.
func (r *runner) invoke(ctx context.Context, gen *generation, ch channel, items []*item) {
	d := r.ledger.begin(gen, items)
	r.tally.invocations.Add(1)
	r.tally.deliveries.Add(int64(len(items)))
	answer, err := gen.driver.Invoke(context.WithoutCancel(ctx), runtimeapi.Event{Body: eventOf(ch, items)})
	died := err != nil || answer.Crashed || answer.TimedOut
	if died && r.kill(gen) { //nolint:contextcheck // a driver closes without one; else it was killed on purpose
		if answer.TimedOut {
			r.tally.timeouts.Add(1)
		} else {
			r.broke("a process ended by itself", "%s: %v, %v", gen, err, answer.Error)
		}
	}
	r.ledger.end(d, died)
	switch {
	case died: // the visibility time-out brings it back
	case answer.Error != nil && answer.Error.Type == "RejectedError" && len(items) == 1:
		r.rejected(items[0])
	case answer.Error != nil:
		if answer.Error.Type != "RetryError" {
			r.broke("an invocation failed", "%s: %v", gen, answer.Error)
		}
		r.tally.retries.Add(1)
		for _, it := range items {
			r.queue.fail(it, time.Now())
		}
	case ch.lambda && !ch.direct:
		r.partial(items, answer.Payload)
	default:
		r.result(items, answer.Payload)
	}
}

// eventOf is what the platform hands to the function.
func eventOf(ch channel, items []*item) []byte {
	if ch.direct {
		return []byte(items[0].activity.message())
	}
	list := make([]object, len(items))
	for i, it := range items {
		if ch.lambda {
			list[i] = it.activity.inSQS(it.receives)
		} else {
			list[i] = it.activity.inMNS()
		}
	}
	var event any = list
	if ch.lambda {
		event = object{"Records": list}
	}
	b, err := json.Marshal(event)
	if err != nil {
		panic(err) // it is made of texts
	}
	return b
}

// partial acknowledges the messages of a queue that an answer does not name.
func (r *runner) partial(items []*item, payload []byte) {
	var answer struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(payload, &answer); err != nil || answer.BatchItemFailures == nil {
		r.broke("the answer to a queue is none", "%q: %v", payload, err)
		return
	}
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	if len(failed) > 0 {
		r.tally.retries.Add(1)
	}
	for _, it := range items {
		if failed[it.activity.name()] {
			r.queue.fail(it, time.Now())
			continue
		}
		r.queue.ack(it)
	}
}

// result acknowledges what a Result says of its messages, which are in the
// order of the items. An answer without an error acknowledges them all.
func (r *runner) result(items []*item, payload []byte) {
	var result handler.Result
	if err := json.Unmarshal(payload, &result); err != nil || len(result.Messages) != len(items) {
		r.broke("the answer is no Result", "%d messages for %d: %v", len(result.Messages), len(items), err)
		return
	}
	for i, it := range items {
		switch m := result.Messages[i]; m.Status {
		case handler.Done, handler.Ignored:
			r.queue.ack(it)
		case handler.Rejected:
			r.rejected(it)
		default:
			r.broke("a message was acknowledged that has to come again", "%s", it.activity)
			r.queue.ack(it)
		}
	}
}

func (r *runner) rejected(it *item) {
	if !it.activity.hopeless() {
		r.broke("a message was rejected that could be processed", "%s", it.activity)
	}
	r.queue.park(it)
}

// broke notes a broken promise that is seen at once.
func (r *runner) broke(promise, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = append(r.broken, violation{promise, fmt.Sprintf(format, args...)})
}
