package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency/storetest"
	"slb-registrar/shared/vsg"
)

// instanceCommand is a process that stays and runs events as they come, many
// at once, as an instance of a function does.
const instanceCommand = "registrar-instance"

// numbered is what goes over its standard input and output, a line each.
type numbered struct {
	Number int             `json:"number"`
	Event  json.RawMessage `json:"event,omitempty"`
	Result *handler.Result `json:"result,omitempty"`
}

func serveInvocations() {
	if err := answerLines(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
}

func answerLines(ctx context.Context, config, store, endpoint string) error {
	bench, err := open(ctx, stdio{os.Stdin, os.Stdout, os.Stderr}, settings{config: config, store: store, endpoint: endpoint}, nil)
	if err != nil {
		return err
	}
	defer bench.close()
	var all sync.WaitGroup
	defer all.Wait()
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var in numbered
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			return err
		}
		all.Go(func() {
			result := bench.invoke(ctx, time.Minute, "fc", fmt.Sprint(in.Number), in.Event)
			mu.Lock()
			defer mu.Unlock()
			_ = out.Encode(numbered{Number: in.Number, Result: &result}) // nobody may be there any more
		})
	}
	return nil
}

// instance is such a process, seen from outside.
type instance struct {
	t *testing.T

	mu      sync.Mutex
	stdin   *json.Encoder
	number  int
	pending map[int]chan *handler.Result
	ended   bool
}

func (s *site) startInstance(endpoint string) *instance {
	s.t.Helper()
	// It ends when its standard input does, which is when the test has ended.
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), instanceCommand, s.config, s.store, endpoint)
	cmd.Env = append(environment(), "LOG_LEVEL=error")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	i := &instance{t: s.t, stdin: json.NewEncoder(in), pending: map[int]chan *handler.Result{}}
	over := make(chan struct{})
	go func() {
		defer close(over)
		i.read(out)
	}()
	s.t.Cleanup(func() {
		_ = in.Close()
		<-over
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("an instance: %v", err)
		}
	})
	return i
}

// read hands the answers to who waits for them.
func (i *instance) read(out io.Reader) {
	lines := json.NewDecoder(out)
	for {
		var answer numbered
		err := lines.Decode(&answer)
		i.mu.Lock()
		if err != nil {
			i.ended = true
			for _, c := range i.pending {
				close(c)
			}
			i.mu.Unlock()
			return
		}
		i.pending[answer.Number] <- answer.Result
		delete(i.pending, answer.Number)
		i.mu.Unlock()
	}
}

// invoke runs an event there.
func (i *instance) invoke(event []byte) *handler.Result {
	answer := make(chan *handler.Result, 1)
	i.mu.Lock()
	i.number++
	err := i.stdin.Encode(numbered{Number: i.number, Event: event})
	if err != nil || i.ended {
		i.mu.Unlock()
		i.t.Errorf("the instance is gone: %v", err)
		return nil
	}
	i.pending[i.number] = answer
	i.mu.Unlock()
	return <-answer
}

// redeliver does what a queue does, and returns how the one change ended.
func (i *instance) redeliver(event []byte) vsg.Status {
	for range 20 {
		r := i.invoke(event)
		if r == nil || len(r.Changes) != 1 {
			i.t.Errorf("no result: %+v", r)
			return ""
		}
		if r.Messages[0].Status == handler.Done {
			return r.Changes[0].Status
		}
	}
	i.t.Errorf("20 deliveries and no end: %s", event)
	return ""
}

// tally counts how a launch and a termination of the same round ended.
type tally struct {
	mu    sync.Mutex
	ended map[string]int
}

func (c *tally) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended[what]++
}

// TestOfALaunchAndATerminationAtOnceTheLaterEventHasItsWay lets one process add
// and another remove the same backend at the same time, a thousand times: a
// backend that nobody has heard of each time, and the same one again and again.
func TestOfALaunchAndATerminationAtOnceTheLaterEventHasItsWay(t *testing.T) {
	for name, test := range map[string]struct {
		store         func(*testing.T) string
		again         bool
		lanes, rounds int
	}{
		"a new backend each time":       {func(t *testing.T) string { return "redis://" + storetest.Redis(t) }, false, 40, 25},
		"the same backend each time":    {func(t *testing.T) string { return "redis://" + storetest.Redis(t) }, true, 40, 25},
		"the same backend, over a file": {nil, true, 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.lanes, clbtest.Options{Latency: time.Millisecond})
			if test.store != nil {
				s.store = test.store(t)
			}
			door := httptest.NewServer(s.sim)
			t.Cleanup(door.Close)
			adder, remover := s.startInstance(door.URL), s.startInstance(door.URL)
			count := tally{ended: map[string]int{}}
			begin := time.Now()
			var lanes sync.WaitGroup
			for lane := range test.lanes {
				lanes.Go(func() {
					server := fmt.Sprintf("i-%d", lane)
					for round := range test.rounds {
						if !test.again {
							server = fmt.Sprintf("i-%d-%d", lane, round)
						}
						s.round(adder, remover, lane, round, server, &count)
					}
				})
			}
			lanes.Wait()
			t.Logf("%d rounds in %v: %v", test.lanes*test.rounds, time.Since(begin).Round(time.Millisecond), count.ended)
		})
	}
}

// round is one race; which event is the later one alternates.
func (s *site) round(adder, remover *instance, lane, round int, server string, count *tally) {
	first := time.Date(2026, 11, 2, 6, 0, 2*round, 0, time.UTC)
	launchAt, terminateAt, stays := first, first.Add(time.Second), false
	if (lane+round)%2 == 0 {
		launchAt, terminateAt, stays = terminateAt, launchAt, true
	}
	launch := message("launch", fmt.Sprintf("launch-%d-%d", lane, round), lane, launchAt, server)
	terminate := message("terminate", fmt.Sprintf("terminate-%d-%d", lane, round), lane, terminateAt, server)
	for delivery := range 2 {
		var added, removed vsg.Status
		var both sync.WaitGroup
		both.Go(func() { added = adder.redeliver(launch) })
		both.Go(func() { removed = remover.redeliver(terminate) })
		both.Wait()
		if is := s.member(lane, server); is != stays {
			s.t.Errorf("lane %d, round %d, delivery %d: a member: %v; the launch is %s (%s), the termination %s (%s)",
				lane, round, delivery, is, added, launchAt.Format("04:05"), removed, terminateAt.Format("04:05"))
		}
		if delivery == 0 {
			count.add(fmt.Sprintf("%s/%s", added, removed))
			continue
		}
		for _, status := range []vsg.Status{added, removed} {
			if status != vsg.Duplicate && status != vsg.Superseded {
				s.t.Errorf("lane %d, round %d: delivered once more: %s, %s", lane, round, added, removed)
			}
		}
	}
}
