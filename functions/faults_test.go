package functions_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"slb-registrar/functions/internal/artifact"
	"slb-registrar/functions/local/runtimeapi"
	"slb-registrar/shared/clbtest"
)

var platforms = []runtimeapi.Platform{runtimeapi.FC, runtimeapi.FCCustom, runtimeapi.Lambda}

// onEach runs a test on every platform.
func onEach(t *testing.T, test func(t *testing.T, platform runtimeapi.Platform)) {
	t.Helper()
	for _, platform := range platforms {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			test(t, platform)
		})
	}
}

const group = "rsp-cige6j5e7p" // of the sample config's route web

// gate is a simulator whose adds can be held up.
type gate struct {
	*clbtest.Server
	url     string
	arrived chan struct{} // gets one for every add that waits
	mu      sync.Mutex
	held    chan struct{} // nil: nothing is held up
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{Server: clbtest.Start(t, clbtest.Options{AutoCreate: true}), arrived: make(chan struct{}, 100)}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "AddVServerGroupBackendServers") {
			g.mu.Lock()
			held := g.held
			g.mu.Unlock()
			if held != nil {
				g.arrived <- struct{}{}
				<-held
			}
		}
		g.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		g.open()
		web.Close()
	})
	g.url = web.URL
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.held != nil {
		close(g.held)
		g.held = nil
	}
}

// background invokes without waiting for the answer.
func background(t *testing.T, d *runtimeapi.Driver, e runtimeapi.Event) <-chan runtimeapi.Answer {
	t.Helper()
	answers := make(chan runtimeapi.Answer, 1)
	go func() {
		answer, err := d.Invoke(t.Context(), e)
		if err != nil {
			t.Errorf("Invoke: %v", err)
		}
		answers <- answer
	}()
	return answers
}

// stop ends the function, so that all that it printed has been read.
func stop(t *testing.T, d *runtimeapi.Driver) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func wantMembers(t *testing.T, s *clbtest.Server, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, members(s, group)); diff != "" {
		t.Errorf("members of %s (want -, got +):\n%s", group, diff)
	}
}

// redis is a server that both deliveries find their records in.
func redis(t *testing.T) (*miniredis.Miniredis, string) {
	t.Helper()
	server := miniredis.RunT(t)
	server.SetTime(time.Now())
	return server, "REGISTRAR_STORE=redis://" + server.Addr()
}

// A process is killed while the load balancer works on its call. The call still
// takes effect, nobody recorded it, and the claim is held by nobody. The same
// event, delivered again, finds that out.
func TestAKillInMidFlightIsFinishedByTheRedelivery(t *testing.T) {
	onEach(t, func(t *testing.T, platform runtimeapi.Platform) {
		g := newGate(t)
		store, env := redis(t)
		d, _ := start(t, runtimeapi.Options{Platform: platform, Timeout: 20 * time.Second}, g.url, env)
		g.shut()
		answers := background(t, d, runtimeapi.Event{Body: launch("token-1", "i-1", "i-2")})
		<-g.arrived
		d.Kill()
		if answer := <-answers; !answer.Crashed {
			t.Fatalf("got %+v", answer)
		}
		g.open()
		store.SetTime(time.Now().Add(10 * time.Minute)) // the claim lapses
		resultOf(t, invokeDone(t, d, runtimeapi.Event{Body: launch("token-1", "i-1", "i-2"), RetryCount: 1}))
		wantMembers(t, g.Server, "i-1", "i-2")
	})
}

// invokeDone invokes and wants every message to be done.
func invokeDone(t *testing.T, d *runtimeapi.Driver, e runtimeapi.Event) runtimeapi.Answer {
	t.Helper()
	answer := invoke(t, d, e)
	for _, m := range resultOf(t, answer).Messages {
		if m.Status != "done" {
			t.Fatalf("message %s is %s: %s", m.ID, m.Status, answer.Payload)
		}
	}
	return answer
}

func TestAnAnswerThatIsLostIsGivenAgainWithoutASecondEffect(t *testing.T) {
	onEach(t, func(t *testing.T, platform runtimeapi.Platform) {
		simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
		_, env := redis(t)
		d, _ := start(t, runtimeapi.Options{Platform: platform}, simulator.URL, env)
		e := runtimeapi.Event{Body: launch("token-1", "i-1"), RefuseAnswer: http.StatusInternalServerError}
		if answer := invoke(t, d, e); !answer.Lost {
			t.Fatalf("got %+v", answer)
		}
		e.RefuseAnswer = 0
		for _, c := range resultOf(t, invokeDone(t, d, e)).Changes {
			if c.Status != "duplicate" {
				t.Errorf("%s is %s, want duplicate", c.ServerID, c.Status)
			}
		}
		if got := added(simulator, group); !slices.Equal(got, []string{"i-1"}) {
			t.Errorf("added %v", got)
		}
	})
}

func TestTwoProcessesThatGetTheSameEventAddItOnce(t *testing.T) {
	simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true, Latency: 50 * time.Millisecond})
	_, env := redis(t)
	var all sync.WaitGroup
	for _, platform := range platforms {
		d, _ := start(t, runtimeapi.Options{Platform: platform}, simulator.URL, env)
		all.Go(func() {
			answer, err := d.Invoke(t.Context(), runtimeapi.Event{Body: launch("token-1", "i-1")})
			if err != nil || answer.Error != nil {
				t.Errorf("%s: %v, %v", platform, answer.Error, err)
			}
		})
	}
	all.Wait()
	if got := added(simulator, group); !slices.Equal(got, []string{"i-1"}) {
		t.Errorf("added %v", got)
	}
}

func TestADeadlineIsMetWithAnAnswer(t *testing.T) {
	onEach(t, func(t *testing.T, platform runtimeapi.Platform) {
		g := newGate(t)
		store, env := redis(t)
		d, _ := start(t, runtimeapi.Options{Platform: platform, Timeout: 3 * time.Second}, g.url, env)
		g.shut()
		answer := invoke(t, d, runtimeapi.Event{Body: launch("token-1", "i-1")})
		if answer.TimedOut || answer.Crashed {
			t.Fatalf("the platform had to end it: %+v", answer)
		}
		wantFailure(t, answer, "RetryError")
		g.open()
		store.SetTime(time.Now().Add(10 * time.Minute))
		invokeDone(t, d, runtimeapi.Event{Body: launch("token-1", "i-1"), RetryCount: 1})
		wantMembers(t, g.Server, "i-1")
	})
}

func TestADeadlineThatHasPassedStartsNoCall(t *testing.T) {
	for _, platform := range []runtimeapi.Platform{runtimeapi.FC, runtimeapi.Lambda} { // the custom runtime is told none
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
			d, _ := start(t, runtimeapi.Options{Platform: platform}, simulator.URL)
			answer := invoke(t, d, runtimeapi.Event{Body: launch("token-1", "i-1"), Deadline: time.Now().Add(-time.Second)})
			wantFailure(t, answer, "RetryError")
			if calls := simulator.Calls(); len(calls) != 0 {
				t.Errorf("%d calls", len(calls))
			}
		})
	}
}

func TestAnEventThatIsNoneIsRejectedAndTheProcessLives(t *testing.T) {
	onEach(t, func(t *testing.T, platform runtimeapi.Platform) {
		simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
		d, printed := start(t, runtimeapi.Options{Platform: platform}, simulator.URL)
		pid := d.PID()
		for _, body := range []string{`{"regionId":`, "", "not json", `{"Records":`, "\xff\xfe\x00", `"bm90IGpzb24"`, strings.Repeat("[", 100_000)} {
			wantFailure(t, invoke(t, d, runtimeapi.Event{Body: []byte(body)}), "RejectedError")
		}
		invokeDone(t, d, runtimeapi.Event{Body: launch("token-1", "i-1")})
		if d.PID() != pid {
			t.Error("the process was replaced")
		}
		stop(t, d)
		if !strings.Contains(printed.String(), "NotJSON") {
			t.Error("the log does not say why")
		}
	})
}

func TestCredentialsThatChangeBetweenInvocationsAreUsed(t *testing.T) {
	for _, platform := range []runtimeapi.Platform{runtimeapi.FC, runtimeapi.FCCustom} {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			simulator := clbtest.Start(t, clbtest.Options{
				AutoCreate:     true,
				AccessKeys:     map[string]string{"STS.first": "secret-1", "STS.second": "secret-2"},
				SecurityTokens: map[string]string{"token-1": "STS.first", "token-2": "STS.second"},
			})
			first := runtimeapi.Credentials{AccessKeyID: "STS.first", AccessKeySecret: "secret-1", SecurityToken: "token-1"}
			second := runtimeapi.Credentials{AccessKeyID: "STS.second", AccessKeySecret: "secret-2", SecurityToken: "token-2"}
			mixed := runtimeapi.Credentials{AccessKeyID: "STS.second", AccessKeySecret: "secret-2", SecurityToken: "token-1"}
			d, printed := start(t, runtimeapi.Options{Platform: platform, Credentials: first, Concurrency: 2}, simulator.URL)
			invokeDone(t, d, runtimeapi.Event{Body: launch("a", "i-1")})
			invokeDone(t, d, runtimeapi.Event{Body: launch("b", "i-2"), Credentials: &second})
			wantFailure(t, invoke(t, d, runtimeapi.Event{Body: launch("c", "i-3"), Credentials: &mixed}), "RetryError")
			invokeDone(t, d, runtimeapi.Event{Body: launch("d", "i-4")})
			wantMembers(t, simulator, "i-1", "i-2", "i-4")
			stop(t, d)
			for _, secret := range []string{"secret-1", "secret-2", "token-1", "token-2"} {
				if strings.Contains(printed.String(), secret) {
					t.Errorf("the function printed %s", secret)
				}
			}
		})
	}
}

func TestOneInstanceOfTheCustomRuntimeIsOneWriter(t *testing.T) {
	simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true, Latency: 80 * time.Millisecond, Settle: 50 * time.Millisecond})
	const events = 40
	d, _ := start(t, runtimeapi.Options{Platform: runtimeapi.FCCustom, Concurrency: events}, simulator.URL)
	var all sync.WaitGroup
	for i := range events {
		all.Go(func() {
			answer, err := d.Invoke(t.Context(), runtimeapi.Event{Body: launch("token-"+strconv.Itoa(i), "i-"+strconv.Itoa(i))})
			if err != nil || answer.Error != nil {
				t.Errorf("event %d: %v, %v", i, answer.Error, err)
			}
		})
	}
	all.Wait()
	if got := len(members(simulator, group)); got != events {
		t.Errorf("%d members, want %d", got, events)
	}
	calls := 0
	for _, call := range simulator.CallsOf("AddVServerGroupBackendServers") {
		if call.VServerGroupID == group {
			calls++
		}
	}
	if calls > events/4 {
		t.Errorf("%d calls for %d single launches", calls, events)
	}
}

func TestTheRuntimeAPIGoingAwayEndsTheFunctionWithoutASpin(t *testing.T) {
	t.Parallel()
	simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	d, printed := start(t, runtimeapi.Options{Platform: runtimeapi.FC}, simulator.URL)
	before := strings.Count(printed.String(), "\n")
	<-d.HangUp() // by itself, or the test hangs
	if lines := strings.Count(printed.String(), "\n") - before; lines > 50 {
		t.Errorf("%d lines about it", lines)
	}
	if !strings.Contains(printed.String(), "the runtime API is gone") {
		t.Error("the log does not say why it ended")
	}
}

func TestTheRuntimeAPIGoingAwayEndsLambda(t *testing.T) {
	simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	d, _ := start(t, runtimeapi.Options{Platform: runtimeapi.Lambda}, simulator.URL)
	<-d.HangUp()
}

func TestLogLinesAreJSONAndNameTheInvocation(t *testing.T) {
	onEach(t, func(t *testing.T, platform runtimeapi.Platform) {
		simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
		d, printed := start(t, runtimeapi.Options{Platform: platform}, simulator.URL)
		invokeDone(t, d, runtimeapi.Event{Body: launch("token-1", "i-1"), RequestID: "the-request"})
		stop(t, d)
		named := 0
		for line := range strings.Lines(printed.String()) {
			if strings.HasPrefix(line, "FC ") {
				continue // of the platform's own log format
			}
			var fields struct{ Timestamp, Level, Message, RequestID string }
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Errorf("%v: %s", err, line)
				continue
			}
			if _, err := time.Parse(time.RFC3339Nano, fields.Timestamp); err != nil || fields.Level == "" || fields.Message == "" {
				t.Errorf("incomplete: %s", line)
			}
			if fields.RequestID == "the-request" {
				named++
			}
		}
		if named < 2 {
			t.Errorf("%d lines name the invocation: a call and a summary should", named)
		}
		if marks := strings.Count(printed.String(), "RequestId: the-request"); platform != runtimeapi.Lambda && marks != 2 {
			t.Errorf("%d marks of the platform's log format", marks)
		}
	})
}

// panicking is a function whose decoder panics when told to: nothing in the real
// one does so on purpose.
func panicking(t *testing.T, name string) artifact.Function {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "shared", "event", "decode.go"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const entry = "func Decode(raw []byte) ([]Message, error) {\n"
	changed := strings.Replace(string(raw), entry, entry+"\tif string(raw) == \"panic\" {\n\t\tpanic(\"as told\")\n\t}\n", 1)
	if changed == string(raw) {
		t.Fatalf("%s has no %q", path, entry)
	}
	other := filepath.Join(workshop.dir, name+"-decode.go")
	if err := os.WriteFile(other, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: other}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(workshop.dir, name+"-overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	f := deployed(name)
	f.Name, f.Flags = "panicking-"+name, []string{"-overlay", file}
	return f
}

func TestAPanicCostsOneInvocation(t *testing.T) {
	functions := map[string]string{"fc": build(t, panicking(t, "fc")), "lambda": build(t, panicking(t, "lambda"))}
	for platform, want := range map[runtimeapi.Platform]struct {
		binary, errorType string
		lives             bool
	}{
		runtimeapi.FC:       {"fc", "PanicError", true},
		runtimeapi.FCCustom: {"fc", "PanicError", true},
		runtimeapi.Lambda:   {"lambda", "string", false}, // the runtime ends the process, and Lambda starts another
	} {
		t.Run(string(platform), func(t *testing.T) {
			t.Parallel()
			simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
			d, printed := start(t, runtimeapi.Options{Platform: platform, Binary: functions[want.binary]}, simulator.URL)
			pid := d.PID()
			wantFailure(t, invoke(t, d, runtimeapi.Event{Body: []byte("panic")}), want.errorType)
			invokeDone(t, d, runtimeapi.Event{Body: launch("token-1", "i-1")})
			if lives := d.PID() == pid; lives != want.lives {
				t.Errorf("the process lived on: %v", lives)
			}
			stop(t, d)
			if !strings.Contains(printed.String(), "as told") {
				t.Error("the log does not say what panicked")
			}
		})
	}
}
