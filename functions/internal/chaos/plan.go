package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// form is how an activity is told.
type form string

const (
	hookQueue  form = "hook in a queue"              // the time of the envelope
	hookBridge form = "hook of EventBridge"          // the time of the event
	hookPlain  form = "hook without a time"          // handed to the function as it is
	notice     form = "scaling activity in a queue"  // nobody waits
	instances  form = "instance message in a queue"  // with a time of its own
	parameters form = "request parameters"           // the API's own
	stateOf    form = "state of a server in a queue" // of one instance
	noise      form = "noise"                        // asks for nothing, or cannot be read
)

func (f form) isHook() bool { return f == hookQueue || f == hookBridge || f == hookPlain }

// isDirect reports whether the event is handed over alone, not from a queue.
func (f form) isDirect() bool { return f == hookBridge || f == hookPlain }

// activity is something that happens to instances, and the message about it.
type activity struct {
	number    int
	launch    bool
	form      form
	scaling   *scalingGroup // nil for parameters, states and noise
	instances []string
	places    []place
	missing   string        // an instance among them that the service does not know
	late      time.Duration // until its instances run
	offset    time.Duration // from the start, at the earliest
	before    []*activity   // what happened to these instances before
	copies    []deliveryPlan
	body      string // of noise
	poison    bool   // noise that can never be processed

	// What became of it; guarded by the ledger.
	at        time.Time // when it happened, as its message says
	published int64     // 0 as long as it was not
	firstAck  int64     // 0 as long as there is none
	acks      []int64
	parked    int
}

// deliveryPlan is one copy of a message.
type deliveryPlan struct {
	lambda bool // or Function Compute
	late   time.Duration
	hasty  bool // its visibility time-out is too short
}

func (a *activity) name() string { return fmt.Sprintf("chaos-%06d", a.number) }

func (a *activity) verb() string {
	if a.launch {
		return "launch"
	}
	return "termination"
}

func (a *activity) String() string {
	return fmt.Sprintf("%s %s (%s of %d instances)", a.verb(), a.name(), a.form, len(a.instances))
}

// strict reports whether what came before has to be over first. An event
// without a time can only be put in order by when it comes, and the platform
// does not terminate what its own hook still holds.
func (a *activity) strict() bool {
	return a.form == hookPlain || slices.ContainsFunc(a.before, func(b *activity) bool { return b.form == hookPlain })
}

// backends lists what the activity is about, without what cannot succeed.
func (a *activity) backends() []backend {
	var out []backend
	for _, server := range a.instances {
		if server == a.missing {
			continue
		}
		for _, p := range a.places {
			out = append(out, backend{p.group, server, p.port})
		}
	}
	return out
}

// newRandom is one of the streams of chance that a seed gives.
func newRandom(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// planner makes the activities of a run.
type planner struct {
	random *rand.Rand
	world  *world
	end    time.Duration
	out    []*activity
	count  int // of instances
}

// plan lists all that will happen until end, in the order in which it may.
func plan(seed uint64, w *world, end time.Duration, rate float64) []*activity {
	p := &planner{random: newRandom(seed, 1), world: w, end: end}
	for at := 0.0; ; {
		n := p.size()
		at += float64(n) / rate * 2 * p.random.Float64()
		offset := time.Duration(at * float64(time.Second))
		if offset >= end {
			break
		}
		p.story(offset, n)
		if p.random.IntN(12) == 0 {
			p.noise(offset)
		}
	}
	slices.SortStableFunc(p.out, func(a, b *activity) int { return int(a.offset - b.offset) })
	for i, a := range p.out {
		a.number = i
	}
	return p.out
}

// size is how many instances one activity launches: mostly few, sometimes many.
func (p *planner) size() int {
	switch p.random.IntN(10) {
	case 0:
		return 10 + p.random.IntN(35)
	case 1, 2:
		return 4 + p.random.IntN(6)
	}
	return 1 + p.random.IntN(3)
}

// story is the life of a few instances: launched, mostly terminated, sometimes
// started again.
func (p *planner) story(offset time.Duration, n int) {
	first := &activity{launch: true, offset: offset}
	switch p.random.IntN(10) {
	case 0: // somebody sends the API's own parameters
		first.form = parameters
		first.places = []place{{region, p.world.byHand[p.random.IntN(2)], 7000 + p.random.IntN(3), 1 + p.random.IntN(100)}}
	case 1: // nothing but the state of a server is known
		first.form, n = stateOf, 1
		first.places = []place{p.world.probe}
	default:
		first.scaling = p.world.scaling[p.random.IntN(len(p.world.scaling))]
		first.places = first.scaling.places
		first.form = p.form()
	}
	for range n {
		p.count++
		first.instances = append(first.instances, fmt.Sprintf("i-chaos%05d", p.count))
	}
	if p.random.IntN(20) == 0 {
		first.late = time.Duration(100+p.random.IntN(1500)) * time.Millisecond
	}
	healthy := slices.Clone(first.instances)
	if first.scaling != nil && first.form != hookPlain && p.random.IntN(40) == 0 {
		p.count++
		first.missing = fmt.Sprintf("i-missing%05d", p.count)
		first.instances = append(first.instances, first.missing)
	}
	p.add(first)
	for len(healthy) > 0 {
		part := healthy[:1+p.random.IntN(len(healthy))]
		healthy = healthy[len(part):]
		p.follow(first, part)
	}
}

// follow goes on with some instances of an activity.
func (p *planner) follow(a *activity, servers []string) {
	for chance := 75; p.random.IntN(100) < chance; chance = 40 {
		next := &activity{
			launch: !a.launch, scaling: a.scaling, places: a.places, instances: servers, form: a.form,
			offset: a.offset + time.Duration(200+p.random.IntN(8000)+p.random.IntN(2)*8000)*time.Millisecond,
			before: []*activity{a},
		}
		if next.offset >= p.end {
			return
		}
		if a.scaling != nil {
			next.form = p.form()
			if a.missing != "" && next.form == hookPlain {
				next.form = instances // its hook is never completed, and cannot be waited for
			}
		}
		p.add(next)
		a = next
	}
}

func (p *planner) form() form {
	return []form{hookQueue, hookQueue, hookQueue, hookBridge, hookBridge, hookPlain, notice, instances, instances}[p.random.IntN(9)]
}

func (p *planner) add(a *activity) {
	for range []int{1, 1, 2, 2, 2, 3}[p.random.IntN(6)] {
		late := time.Duration(p.random.IntN(300)) * time.Millisecond
		switch p.random.IntN(10) {
		case 0:
			late += time.Duration(p.random.IntN(12_000)) * time.Millisecond
		case 1, 2, 3:
			late += time.Duration(p.random.IntN(2000)) * time.Millisecond
		}
		a.copies = append(a.copies, deliveryPlan{lambda: p.random.IntN(2) == 0, late: late, hasty: p.random.IntN(30) == 0})
	}
	p.out = append(p.out, a)
}

// noise is what else comes along: events that mean nothing here, and broken ones.
func (p *planner) noise(offset time.Duration) {
	bodies := []struct {
		text   string
		poison bool
	}{
		{`{"hello":"world"}`, false},
		{`{"regionId":"cn-hangzhou","eventType":"AUTOSCALING:SCALE_OUT_START","content":{"scalingGroupId":"asg-chaos00","scalingActivityId":"asa-0"}}`, false},
		{`{"id":"x","source":"acs.ess","specversion":"1.0","type":"ess:LifecycleHook:Test","data":{}}`, false},
		{`{"kind":"launch","instanceIds":`, true},
		{`{"kind":"launch","id":"nobody","regionId":"cn-hangzhou","scalingGroupId":"asg-unknown","instanceIds":["i-nobody"]}`, true},
		{`{"regionId":"cn-hangzhou","content":{"lifecycleHookId":"ash-x","lifecycleTransition":"SCALE_OUT","instanceIds":["i-x"]}}`, true},
	}
	b := bodies[p.random.IntN(len(bodies))]
	p.add(&activity{form: noise, offset: offset, body: b.text, poison: b.poison})
}
