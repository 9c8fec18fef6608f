package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
)

// teller makes up histories of one backend, so that the judge is judged.
type teller struct {
	*ledger
	scaling    *scalingGroup
	activities []*activity
	one, two   *generation // processes
}

func newTeller() *teller {
	g := &scalingGroup{region: region, id: "asg-1", places: []place{{region, "rsp-1", 80, 100}}}
	return &teller{ledger: newLedger(), scaling: g,
		one: &generation{host: &host{name: "one", concurrency: 1}}, two: &generation{host: &host{name: "two", concurrency: 1}}}
}

// happens publishes an activity, a second later than the last.
func (t *teller) happens(launch bool) *activity {
	a := &activity{number: len(t.activities), launch: launch, form: hookQueue, scaling: t.scaling, instances: []string{"i-1"},
		places: t.scaling.places, copies: make([]deliveryPlan, 1)}
	t.publish(a)
	a.at = time.Unix(int64(1000+a.number), 0)
	t.activities = append(t.activities, a)
	return a
}

// sends lets a process make a call that succeeds.
func (t *teller) sends(from *generation, action string, answered bool) {
	c := &call{from: from}
	t.arrive(c)
	t.record(c, clbtest.Call{Action: action, VServerGroupID: "rsp-1", HTTPStatus: 200, Backends: []clbtest.Backend{{ServerID: "i-1", Port: 80}}})
	t.answer(c, answered)
}

func (t *teller) completes(a *activity, clientToken string) {
	c := &call{from: t.one, token: a.token(), clientToken: clientToken, result: "CONTINUE"}
	t.arrive(c)
	t.record(c, clbtest.Call{Action: actionComplete, HTTPStatus: 200})
	t.answer(c, true)
}

// does lets a process take an activity the whole way.
func (t *teller) does(from *generation, a *activity) {
	d := t.begin(from, []*item{{activity: a}})
	action := actionRemove
	if a.launch {
		action = actionAdd
	}
	t.sends(from, action, true)
	t.completes(a, "token")
	t.end(d, false)
	t.ack(a)
}

// kills lets a process die in the middle of an invocation.
func (t *teller) kills(g *generation, d *delivery) {
	t.dies(g)
	t.end(d, true)
}

func stateWith(members ...clbtest.Backend) clbtest.State {
	return clbtest.State{LoadBalancers: []clbtest.LoadBalancer{{VServerGroups: []clbtest.VServerGroup{{VServerGroupID: "rsp-1", Backends: members}}}}}
}

var (
	registered = stateWith(clbtest.Backend{ServerID: "i-1", Port: 80, Weight: 100, Type: "ecs", Description: description})
	empty      = stateWith()
)

func TestTheJudgeSeesWhatIsBroken(t *testing.T) {
	for _, c := range []struct {
		name  string
		state clbtest.State
		tell  func(*teller)
		want  []string
	}{
		{"a launch", registered, func(t *teller) { t.does(t.one, t.happens(true)) }, nil},
		{"a launch and a termination", empty, func(t *teller) {
			t.does(t.one, t.happens(true))
			t.does(t.two, t.happens(false))
		}, nil},
		{"a termination that comes before its launch", empty, func(t *teller) {
			launch := t.happens(true)
			t.does(t.one, t.happens(false))
			t.ack(launch)
		}, nil},
		{"a backend that is missing", empty, func(t *teller) { t.does(t.one, t.happens(true)) }, []string{"the load balancer is not as it should be"}},
		{"a backend that nobody asked for", registered, func(*teller) {}, []string{"the load balancer is not as it should be"}},
		{"another weight", stateWith(clbtest.Backend{ServerID: "i-1", Port: 80, Weight: 1, Type: "ecs", Description: description}),
			func(t *teller) { t.does(t.one, t.happens(true)) }, []string{"the load balancer is not as it should be"}},
		{"an acknowledgement without an effect", registered, func(t *teller) {
			a := t.happens(true)
			t.ack(a)
			t.sends(t.one, actionAdd, true)
			t.completes(a, "token")
		}, []string{"acknowledged before its effect"}},
		{"an addition after the removal", registered, func(t *teller) {
			t.does(t.one, t.happens(true))
			t.does(t.one, t.happens(false))
			t.sends(t.two, actionAdd, true)
		}, []string{"came back after its removal", "the load balancer is not as it should be"}},
		{"an addition after the removal by a process that had died", registered, func(t *teller) {
			t.does(t.one, t.happens(true))
			t.does(t.one, t.happens(false))
			t.dies(t.two)
			t.sends(t.two, actionAdd, false)
		}, nil},
		{"the same launch added by two processes that live", registered, func(t *teller) {
			a := t.happens(true)
			d := t.begin(t.one, []*item{{activity: a}})
			t.sends(t.one, actionAdd, true)
			t.end(d, false)
			t.does(t.two, a)
		}, []string{"added twice by the same launch"}},
		{"the same launch added again after the death of the first", registered, func(t *teller) {
			a := t.happens(true)
			d := t.begin(t.one, []*item{{activity: a}})
			t.sends(t.one, actionAdd, true)
			t.kills(t.one, d)
			t.does(t.two, a)
		}, nil},
		{"a lost answer after which nobody looked", registered, func(t *teller) {
			a := t.happens(true)
			d := t.begin(t.one, []*item{{activity: a}})
			t.sends(t.one, actionAdd, false)
			t.sends(t.one, actionAdd, true)
			t.completes(a, "token")
			t.end(d, false)
			t.ack(a)
		}, []string{"added twice by the same launch"}},
		{"a hook that is completed too early", registered, func(t *teller) {
			a := t.happens(true)
			t.completes(a, "token")
			t.sends(t.one, actionAdd, true)
			t.ack(a)
		}, []string{"a hook was completed before its changes"}},
		{"a hook that is completed twice", registered, func(t *teller) {
			a := t.happens(true)
			t.does(t.one, a)
			t.completes(a, "another token")
		}, []string{"a hook's completion succeeded twice"}},
		{"a hook that is never completed", registered, func(t *teller) {
			a := t.happens(true)
			t.sends(t.one, actionAdd, true)
			t.ack(a)
		}, []string{"a hook was never completed"}},
		{"a message that is never done", registered, func(t *teller) {
			a := t.happens(true)
			t.sends(t.one, actionAdd, true)
			t.completes(a, "token")
		}, []string{"a message is never done"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			story := newTeller()
			c.tell(story)
			h := &history{activities: story.activities, calls: story.calls, deliveries: story.deliveries, state: c.state}
			var got []string
			for _, v := range h.judge().violations {
				got = append(got, v.promise)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("broken promises (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALineWithASecretIsNoticed(t *testing.T) {
	secrets := [][]byte{[]byte("topsecret")}
	signatures := map[string]bool{"abcdefghijklmnopqrstuvwxyz1=": true}
	for line, want := range map[string]bool{
		`{"message":"all is well"}`:                              false,
		`{"message":"it is topsecret"}`:                          true,
		`{"url":"http://x/?s=abcdefghijklmnopqrstuvwxyz1=&a=b"}`: false, // no word of its own; Signature= is looked for
		`{"message":"signed: \"abcdefghijklmnopqrstuvwxyz1=\""}`: true,
	} {
		if got := leak([]byte(line), secrets, signatures) != ""; got != want {
			t.Errorf("%s: leaks %v, want %v", line, got, want)
		}
	}
}

func TestThePlanIsMadeFromTheSeedAlone(t *testing.T) {
	describe := func(seed uint64) []string {
		var out []string
		for _, a := range plan(seed, newWorld(newRandom(seed, 0)), 10*time.Second, 40) {
			out = append(out, a.String()+a.offset.String())
		}
		return out
	}
	if diff := cmp.Diff(describe(7), describe(7)); diff != "" {
		t.Errorf("two plans of one seed differ (-first +second):\n%s", diff)
	}
	if cmp.Equal(describe(7), describe(8)) {
		t.Error("two seeds make the same plan")
	}
}
