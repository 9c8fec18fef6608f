package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// report prints what was done, and one row of a table for who keeps a record.
func (r *runner) report(f *findings, took time.Duration) {
	out := r.options.Out
	calls, failed, changes := map[string]int{}, map[string]int{}, 0
	faulty, unanswered := 0, 0
	for _, c := range r.ledger.calls {
		calls[c.Action]++
		switch {
		case !c.succeeded():
			faulty++
			failed[cmp.Or(c.Code, "connection reset")]++
		case !c.answered:
			unanswered++
		}
		if c.succeeded() && (c.Action == actionAdd || c.Action == actionRemove) {
			changes += len(c.Backends)
		}
	}
	messages, copies, parked := 0, 0, 0
	for _, a := range r.activities {
		messages++
		copies += len(a.copies)
		parked += a.parked
	}
	p50, p99 := percentile(f.registered, 50), percentile(f.registered, 99)
	total := len(r.ledger.calls)
	fmt.Fprintf(out, `  took          %v, of which %v to work off the queues
  messages      %d, in %d copies; %d delivered in %d invocations; %d parked as hopeless
  came again    %d answers asked for it, %d processes killed, %d timed out
  calls         %d, of which %d refused or broken and %d without a whole answer (%.0f %%); %d held up on their way; %d arrived after their sender was killed
                %v
  refused       %v
  changes       %d backends added or removed; %d added again because the first was not known to have succeeded
  registered    after %v (p50), %v (p99) of %d launches of a backend
  exception     %d backends changed last by a request whose sender was dead
  memory        %d MB at most in a process that lived as long as the run
  printed       %d kB, without a secret
`, took.Round(time.Millisecond), max(0, took-r.options.For).Round(time.Millisecond),
		messages, copies, r.tally.deliveries.Load(), r.tally.invocations.Load(), parked,
		r.tally.retries.Load(), r.tally.kills.Load(), r.tally.timeouts.Load(),
		total, faulty, unanswered, 100*float64(faulty+unanswered)/max(1, float64(total)), r.gate.slow, f.orphans, calls, failed,
		changes, f.again, p50, p99, len(f.registered), f.late, r.memory.most()>>10, r.logs.size>>10)
	verdict := "kept"
	if len(r.broken) > 0 {
		verdict = "BROKEN"
	}
	fmt.Fprintf(out, "\n| seed | for | instances | messages | deliveries | kills | calls | failed | p50 | p99 | promises |\n|---|---|---|---|---|---|---|---|---|---|---|\n"+
		"| %d | %v | %d | %d | %d | %d | %d | %.0f %% | %v | %v | %s |\n",
		r.options.Seed, r.options.For, r.instanceCount(), messages, r.tally.deliveries.Load(), r.tally.kills.Load(), total,
		100*float64(faulty+unanswered)/max(1, float64(total)), p50, p99, verdict)
}

func percentile(durations []time.Duration, p int) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)].Round(time.Millisecond)
}
