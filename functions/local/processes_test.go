package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/vsg"
)

const addAction = "AddVServerGroupBackendServers"

// site is what processes of the command line share: a simulated cloud, a
// config with one group for each of its scaling groups, and a store.
type site struct {
	t      *testing.T
	sim    *clbtest.Simulator
	config string
	store  string
}

// newSite has a scaling group asg-N for each group rsp-N. Its store is a file;
// a test that wants another one says so.
func newSite(t *testing.T, groups int, o clbtest.Options) *site {
	t.Helper()
	o.AutoCreate, o.MaxBackends = true, 2000
	dir := t.TempDir()
	s := &site{t: t, sim: clbtest.New(o), config: filepath.Join(dir, "registrar.yaml"), store: "bolt:" + filepath.Join(dir, "records")}
	config := "version: 1\nroutes:\n"
	for n := range groups {
		config += fmt.Sprintf("  - {name: r%d, match: {scalingGroupId: asg-%d}, targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-%d, port: 80}]}\n", n, n, n)
	}
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// message is what somebody puts into a queue about instances of asg-N.
func message(kind, id string, group int, at time.Time, instances ...string) []byte {
	body, err := json.Marshal(map[string]any{
		"kind": kind, "id": id, "time": at, "regionId": "cn-hangzhou",
		"scalingGroupId": fmt.Sprintf("asg-%d", group), "instanceIds": instances,
	})
	if err != nil {
		panic(err) // it is made of texts
	}
	return body
}

// hookNotice is what a lifecycle hook sends through a topic: it does not say
// when anything happened.
func hookNotice(transition, token string, instances ...string) []byte {
	body, err := json.Marshal(map[string]any{"regionId": "cn-hangzhou", "content": map[string]any{
		"lifecycleHookId": "ash-1", "lifecycleActionToken": token, "lifecycleTransition": transition,
		"scalingGroupId": "asg-0", "instanceIds": instances,
	}})
	if err != nil {
		panic(err)
	}
	return body
}

// pendingHooks are the actions of hookNotice, each waiting to be completed.
func pendingHooks(tokens ...string) clbtest.State {
	var state clbtest.State
	for _, token := range tokens {
		state.LifecycleActions = append(state.LifecycleActions, clbtest.LifecycleAction{LifecycleHookID: "ash-1", LifecycleActionToken: token})
	}
	return state
}

func instances(prefix string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("i-%s-%03d", prefix, i)
	}
	return ids
}

// process is one invocation by a process of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	event  []byte
	stdin  io.WriteCloser
	out    bytes.Buffer
	logs   bytes.Buffer
	dead   chan struct{}
	ended  chan struct{} // dead, and all of its calls have arrived
	killed bool          // to be read after ended

	mu sync.Mutex // held while it starts
}

// pass is called for each call of a process before it gets to the simulator,
// which next does; what is left of the answer is sent when pass returns.
type pass func(p *process, action string, next func())

// start starts a process that has a way to the simulator of its own and waits
// for its event.
func (s *site) start(event []byte, timeout time.Duration, tee io.Writer, through pass) *process {
	s.t.Helper()
	p := &process{t: s.t, event: event, dead: make(chan struct{}), ended: make(chan struct{})}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.enter(w, r, p, through) }))
	p.cmd = exec.CommandContext(s.t.Context(), "slb-registrar", "invoke", "--config", s.config, "--store", s.store,
		"--endpoint", door.URL, "--timeout", timeout.String(), "--output", "json", "-")
	p.cmd.Env = environment()
	p.cmd.Stdout, p.cmd.Stderr = &p.out, io.MultiWriter(&p.logs, tee)
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its status is looked at when it is wanted
		close(p.dead)
		door.Close() // which lets calls that are under way arrive
		close(p.ended)
	}()
	return p
}

// environment is what a child needs, and nothing of what a developer may have set.
func environment() []string {
	env := []string{"LOG_LEVEL=info"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR", "GORACE"} {
		if v, is := os.LookupEnv(name); is {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// enter lets a call in. It arrives even if its sender has died meanwhile.
func (s *site) enter(w http.ResponseWriter, r *http.Request, p *process, through pass) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	action := r.URL.Query().Get("Action")
	if form, err := url.ParseQuery(string(body)); err == nil && action == "" {
		action = form.Get("Action")
	}
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	if through == nil {
		s.sim.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	through(p, action, func() { s.sim.ServeHTTP(answer, r) })
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // nobody may be there any more
}

// deliver hands the process its event.
func (p *process) deliver() {
	_, err := p.stdin.Write(p.event)
	if err = errors.Join(err, p.stdin.Close()); err != nil {
		p.t.Error(err)
	}
}

// kill ends the process by SIGKILL and returns when it is dead. What it logs
// has to be read meanwhile.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Errorf("kill: %v", err)
	}
	<-p.dead
}

// wait returns the exit status, -1 if it was killed, and the Result.
func (p *process) wait() (int, handler.Result) {
	p.t.Helper()
	<-p.ended
	var r handler.Result
	if p.killed {
		return -1, r
	}
	if err := json.Unmarshal(p.out.Bytes(), &r); err != nil {
		p.t.Errorf("no Result: %v: %s%s", err, p.out.String(), p.logs.String())
	}
	return p.cmd.ProcessState.ExitCode(), r
}

// invoke runs an event in a process of its own.
func (s *site) invoke(event []byte, timeout time.Duration) (int, handler.Result) {
	s.t.Helper()
	p := s.start(event, timeout, io.Discard, nil)
	p.deliver()
	return p.wait()
}

// redeliver does what a queue does: it delivers the event until it is done.
func (s *site) redeliver(event []byte, timeout time.Duration) handler.Result {
	s.t.Helper()
	for range 20 {
		status, r := s.invoke(event, timeout)
		if status == exitDone {
			return r
		}
		if status != exitFailed {
			s.t.Fatalf("exit status %d: %+v", status, r)
		}
	}
	s.t.Fatal("20 deliveries and no end")
	return handler.Result{}
}

// statuses counts the changes of results.
func statuses(results ...handler.Result) map[vsg.Status]int {
	count := map[vsg.Status]int{}
	for _, r := range results {
		for _, c := range r.Changes {
			count[c.Status]++
		}
	}
	return count
}

// member reports whether a server is in a group.
func (s *site) member(group int, server string) bool {
	for _, b := range s.sim.Backends(fmt.Sprintf("rsp-%d", group)) {
		if b.ServerID == server {
			return true
		}
	}
	return false
}

// addedOnce checks that each of n backends is in rsp-0 and was added by one
// call, and returns how many adds were made and how many of them were refused.
func (s *site) addedOnce(n int) (calls, refused int) {
	s.t.Helper()
	times := map[string]int{}
	for _, c := range s.sim.CallsOf(addAction) {
		calls++
		if c.Code != "" {
			refused++
			continue
		}
		for _, b := range c.Backends {
			times[b.ServerID]++
		}
	}
	for server, n := range times {
		if n != 1 {
			s.t.Errorf("%s was added %d times", server, n)
		}
	}
	if members := len(s.sim.Backends("rsp-0")); len(times) != n || members != n {
		s.t.Errorf("%d were added, %d are there, want %d", len(times), members, n)
	}
	return calls, refused
}

func TestTheSameEventInTenProcessesAtOnceIsSentOnce(t *testing.T) {
	t.Parallel()
	const processes, backends = 10, 25
	s := newSite(t, 1, clbtest.Options{Latency: 80 * time.Millisecond, State: pendingHooks("token-1")})
	event := hookNotice("SCALE_OUT", "token-1", instances("same", backends)...)
	all := make([]*process, processes)
	for i := range all {
		all[i] = s.start(event, time.Minute, io.Discard, nil)
	}
	for _, p := range all {
		p.deliver()
	}
	results := make([]handler.Result, processes)
	for i, p := range all {
		status, r := p.wait()
		if status != exitDone {
			t.Errorf("process %d: exit status %d: %+v\n%s", i, status, r, p.logs.String())
		}
		results[i] = r
	}
	s.addedOnce(backends)
	if got := statuses(results...); got[vsg.Added] != backends || got[vsg.Duplicate] != (processes-1)*backends {
		t.Errorf("all together: %v", got)
	}
	if action, _ := s.sim.LifecycleAction("token-1"); action.Status != clbtest.StatusCompleted || action.Result != "CONTINUE" {
		t.Errorf("the hook: %+v", action)
	}
}

func TestALaunchThatComesAgainAfterTheTerminationBringsNothingBack(t *testing.T) {
	at := time.Date(2026, 11, 2, 6, 15, 30, 0, time.UTC)
	for name, events := range map[string]struct{ launch, terminate []byte }{
		"messages with times":   {message("launch", "m-1", 0, at, "i-1"), message("terminate", "m-2", 0, at.Add(time.Hour), "i-1")},
		"hooks without a time":  {hookNotice("SCALE_OUT", "token-1", "i-1"), hookNotice("SCALE_IN", "token-2", "i-1")},
		"a termination without": {message("launch", "m-1", 0, at, "i-1"), hookNotice("SCALE_IN", "token-2", "i-1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, clbtest.Options{State: pendingHooks("token-1", "token-2")})
			for i, step := range []struct {
				event  []byte
				want   vsg.Status
				member bool
			}{{events.launch, vsg.Added, true}, {events.terminate, vsg.Removed, false}, {events.launch, vsg.Superseded, false}} {
				status, r := s.invoke(step.event, 30*time.Second)
				if status != exitDone || statuses(r)[step.want] != 1 || len(r.Changes) != 1 {
					t.Errorf("process %d: exit status %d, want %s: %+v", i+1, status, step.want, r)
				}
				if is := s.member(0, "i-1"); is != step.member {
					t.Errorf("after process %d: a member: %v", i+1, is)
				}
			}
			if n := strings.Count(fmt.Sprint(actions(s.sim)), addAction); n != 1 {
				t.Errorf("calls: %v", actions(s.sim))
			}
		})
	}
}

func actions(sim *clbtest.Simulator) []string {
	var names []string
	for _, c := range sim.Calls() {
		names = append(names, c.Action)
	}
	return names
}
