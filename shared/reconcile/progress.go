package reconcile

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"slb-registrar/shared/vsg"
)

// Progress remembers when each VServer group was last compared, so that a run
// that does not fit its time goes on where the last one ended. It is advice: a
// run that cannot ask begins anywhere. The stores of package idempotency that
// implement it forget what is older than their records.
type Progress interface {
	// Marks returns which of the names have a mark, and which.
	Marks(ctx context.Context, names []string) (map[string]time.Time, error)
	// Mark sets marks.
	Mark(ctx context.Context, at time.Time, names []string) error
}

// sequence hands out the tasks, the one that was compared longest ago first. A
// task is as old as its oldest group.
func (r *run) sequence(ctx context.Context, tasks []*task) (next func() *task) {
	marks := map[string]time.Time{}
	if r.progress != nil && len(tasks) > 1 {
		var names []string
		for _, k := range tasks {
			names = append(names, k.names()...)
		}
		var err error
		if marks, err = r.progress.Marks(ctx, names); err != nil {
			r.problem(Problem{Code: "StoreUnavailable", Message: "begins anywhere, for it is not known where the last run ended: " + err.Error()})
		}
	}
	// Of those that are equally old, and without marks all are, any may come
	// first: no order of the configuration must keep the same ones waiting.
	rand.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
	age := make(map[*task]time.Time, len(tasks))
	for _, k := range tasks {
		oldest := marks[name(k.targets[0].group)]
		for _, t := range k.targets {
			if at := marks[name(t.group)]; at.Before(oldest) {
				oldest = at
			}
		}
		age[k] = oldest
	}
	slices.SortStableFunc(tasks, func(a, b *task) int { return age[a].Compare(age[b]) })
	for i, k := range tasks {
		k.first = i < parallel
	}
	var mu sync.Mutex
	return func() *task {
		mu.Lock()
		defer mu.Unlock()
		if len(tasks) == 0 {
			return nil
		}
		k := tasks[0]
		tasks = tasks[1:]
		return k
	}
}

// mark notes that a task had its turn, whatever came of it: one that fails, or
// that is too large for any run, must not keep the others waiting.
func (r *run) mark(ctx context.Context, k *task) {
	if r.progress == nil {
		return
	}
	ctx, cancel := r.recording(ctx)
	defer cancel()
	if err := r.progress.Mark(ctx, time.Now(), k.names()); err != nil {
		r.problem(Problem{Code: "StoreUnavailable", Message: "the next run does not know where this one ended: " + err.Error()})
	}
}

func (k *task) names() []string {
	names := make([]string, len(k.targets))
	for i, t := range k.targets {
		names[i] = name(t.group)
	}
	return names
}

func name(g vsg.Group) string { return g.RegionID + "/" + g.ID }

// sort puts the report in an order that does not depend on who was first.
func (r *run) sort() {
	position := make(map[vsg.Group]int, len(r.groups))
	for i, ref := range r.groups {
		position[ref.Group] = i
	}
	slices.SortStableFunc(r.report.Drift, func(a, b Drift) int { return cmp.Compare(position[a.Group], position[b.Group]) })
	slices.SortStableFunc(r.report.Changes, func(a, b Change) int { return cmp.Compare(position[a.Group], position[b.Group]) })
	slices.SortStableFunc(r.report.Problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.ScalingGroupID, b.ScalingGroupID), cmp.Compare(position[a.Group], position[b.Group]))
	})
}
