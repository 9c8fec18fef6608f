package runtimeapi_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slb-registrar/functions/local/runtimeapi"
)

func TestFunctionComputeTellsTheInvocationItsCircumstances(t *testing.T) {
	d, printed := start(t, runtimeapi.Options{
		Binary:      binaries["fc"],
		Timeout:     30 * time.Second,
		Region:      "cn-shanghai",
		Env:         []string{"GREETING=hello"},
		Credentials: runtimeapi.Credentials{AccessKeyID: "first", AccessKeySecret: "s1", SecurityToken: "t1"},
	})
	if d.Platform() != runtimeapi.FC {
		t.Fatalf("detected %q", d.Platform())
	}
	answer := send(t, d, runtimeapi.Event{Body: []byte(`{}`), RequestID: "req-1", RetryCount: 2})
	got := read(t, answer)
	if got.RequestID != "req-1" || got.RetryCount != 2.0 || got.AccessKeyID != "first" || got.Secret != "s1" || got.Token != "t1" || got.Region != "cn-shanghai" {
		t.Errorf("the function was told %+v", got)
	}
	if !got.Initialized {
		t.Error("the initializer did not run first")
	}
	if got.LeftMs <= 0 || got.LeftMs > 30_000 {
		t.Errorf("the deadline was %d ms away, want up to 30,000", got.LeftMs)
	}
	if !answer.ColdStart || answer.InitDuration <= 0 {
		t.Errorf("first answer: cold start %v after %v", answer.ColdStart, answer.InitDuration)
	}
	if !strings.HasPrefix(answer.ContentType, "application/json") {
		t.Errorf("content type %q", answer.ContentType)
	}
	if !slices.Contains(got.Env, "GREETING=hello") {
		t.Errorf("the environment lacks what was asked for: %v", got.Env)
	}
	for _, v := range got.Env {
		name, _, _ := strings.Cut(v, "=")
		if strings.Contains(strings.ToLower(name), "proxy") || name == "GOPATH" || name == "USER" {
			t.Errorf("the process inherited %s", v)
		}
	}
	if answer = send(t, d, runtimeapi.Event{Body: []byte(`{}`)}); answer.ColdStart {
		t.Error("the second invocation was a cold start too")
	}
	// What is printed after the answer has certainly come when the process has ended.
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(printed.String(), "FC Invoke End RequestId: req-1") {
		t.Errorf("the output was not passed on: %q", printed)
	}
}

func TestCredentialsOfAnInvocationAreItsOwn(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"], Credentials: runtimeapi.Credentials{AccessKeyID: "first"}})
	rotated := do("")
	rotated.Credentials = &runtimeapi.Credentials{AccessKeyID: "second", SecurityToken: "t2"}
	if got := read(t, send(t, d, rotated)); got.AccessKeyID != "second" || got.Token != "t2" {
		t.Errorf("the function was told %+v", got)
	}
	if got := read(t, send(t, d, do(""))); got.AccessKeyID != "first" {
		t.Errorf("the function was told %+v", got)
	}
}

func TestTheSameDeliveryCanComeTwice(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"], Concurrency: 2})
	first := do("wait")
	first.RequestID, first.Deadline = "twice", time.Now() // it has expired already
	wantFailure(t, send(t, d, first), "deadlineExceededError", "deadline")
	second := send(t, d, runtimeapi.Event{Body: []byte(`{}`), RequestID: "twice", RetryCount: 1})
	if got := read(t, second); got.RequestID != "twice" || got.RetryCount != 1.0 {
		t.Errorf("the function was told %+v", got)
	}
}

func TestTwoInvocationsRunInOneInstance(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"], Concurrency: 2})
	first := do("wait")
	first.Deadline = time.Now().Add(time.Hour)
	// It occupies its slot for as long as the test wants; the second gets through.
	answers := inBackground(t, d, first)
	read(t, send(t, d, do("")))
	d.Kill()
	wantFailure(t, <-answers, "UnhandledInvocationError", "killed")
}

func TestAFunctionThatFailsOrPanicsLivesOn(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"]})
	pid := read(t, send(t, d, do(""))).PID
	wantFailure(t, send(t, d, do("fail")), "errorString", "as told")
	panicked := send(t, d, do("panic"))
	wantFailure(t, panicked, "string", "as told")
	if len(panicked.Error.Stack) == 0 || panicked.Crashed {
		t.Errorf("crashed %v, stack %v", panicked.Crashed, panicked.Error.Stack)
	}
	if got := read(t, send(t, d, do(""))).PID; got != pid {
		t.Errorf("process %d was replaced by %d", pid, got)
	}
}

func TestAProcessThatEndsIsReplaced(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"]})
	pid := read(t, send(t, d, do(""))).PID
	answer := send(t, d, do("exit"))
	wantFailure(t, answer, "UnhandledInvocationError", "exit status 7")
	if !answer.Crashed || answer.TimedOut {
		t.Errorf("got %+v", answer)
	}
	answer = send(t, d, do(""))
	if got := read(t, answer); got.PID == pid || !answer.ColdStart || !got.Initialized {
		t.Errorf("process %d after %d, cold start %v, initialized %v", got.PID, pid, answer.ColdStart, got.Initialized)
	}
}

func TestAKillInMidFlightIsACrash(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"]})
	answers := inBackground(t, d, do("hang"))
	d.Kill()
	if answer := <-answers; !answer.Crashed {
		t.Errorf("got %+v", answer)
	}
	read(t, send(t, d, do("")))
}

func TestAnOverrunIsKilledAndReplaced(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"], Timeout: 50 * time.Millisecond})
	answer := send(t, d, do("hang"))
	wantFailure(t, answer, "FunctionTimedOut", "0.05 seconds")
	if !answer.TimedOut || answer.Crashed || answer.Duration < 50*time.Millisecond {
		t.Errorf("got %+v", answer)
	}
	if d.PID() != 0 {
		t.Errorf("process %d is still there", d.PID())
	}
}

// The SDK posts nothing at all for an invocation whose headers it cannot read:
// only the platform's own watch ends it.
func TestSilenceAfterABadHeaderEndsAtTheTimeout(t *testing.T) {
	for name, header := range map[string]http.Header{
		"no deadline":           {"X-Fc-Function-Deadline": nil},
		"a deadline in words":   {"x-fc-function-deadline": {"soon"}},
		"no time-out":           {"X-Fc-Function-Timeout": nil},
		"a retry count of many": {"X-Fc-Retry-Count": {"many"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"], Timeout: 200 * time.Millisecond})
			e := do("")
			e.Header = header
			if answer := send(t, d, e); !answer.TimedOut {
				t.Errorf("got %+v", answer)
			}
			read(t, send(t, d, do("")))
		})
	}
}

func TestARefusedAnswerIsLostButTheProcessLives(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"]})
	pid := d.PID()
	e := do("")
	e.RefuseAnswer = http.StatusAccepted // Lambda's status, which this SDK takes for a refusal
	if answer := send(t, d, e); !answer.Lost || answer.Payload != nil {
		t.Errorf("got %+v", answer)
	}
	if got := read(t, send(t, d, do(""))).PID; got != pid {
		t.Errorf("process %d was replaced by %d", pid, got)
	}
}

func TestASlowNextEatsIntoTheTime(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["fc"], Timeout: 10 * time.Second})
	e := do("")
	e.NextDelay = 100 * time.Millisecond
	if got := read(t, send(t, d, e)); got.LeftMs > 9_900 {
		t.Errorf("%d ms were left of 10,000, although next was 100 ms late", got.LeftMs)
	}
}

func TestStartReportsWhatTheFunctionDidWrong(t *testing.T) {
	for name, c := range map[string]struct {
		options runtimeapi.Options
		want    string
	}{
		"it ends at once": {runtimeapi.Options{Binary: binaries["fc"], Env: []string{"FAIL_AT_START=1"}},
			"UnhandledInvocationError: the function ended before it asked for work: exit status 3"},
		"its initializer panics": {runtimeapi.Options{Binary: binaries["fc"], Env: []string{"FAIL_INITIALIZER=1"}},
			"InitializationError: the initializer function failed: string: no configuration"},
		"it never asks for work": {runtimeapi.Options{Platform: runtimeapi.FC, Binary: binaries["mute"], InitTimeout: 50 * time.Millisecond},
			"InitializationError: the function did not ask for work within 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runtimeapi.Start(t.Context(), c.options)
			var failure *runtimeapi.FunctionError
			if !errors.As(err, &failure) || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestStartRefusesWhatItCannotRun(t *testing.T) {
	for want, o := range map[string]runtimeapi.Options{
		"no such file":            {Binary: "testdata/absent"},
		"cannot be executed":      {Binary: "testdata/fc/main.go"},
		"name the platform":       {Binary: binaries["mute"]},
		`unknown platform "knat"`: {Binary: binaries["fc"], Platform: "knat"},
		"must not be negative":    {Binary: binaries["fc"], Timeout: -1},
	} {
		if _, err := runtimeapi.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want …%s…", err, want)
		}
	}
}

func TestCloseStopsInOrderAndTakesNoMore(t *testing.T) {
	d, printed := start(t, runtimeapi.Options{Binary: binaries["fc"]})
	answers := inBackground(t, d, func() runtimeapi.Event {
		e := do("wait")
		e.Deadline = time.Now().Add(50 * time.Millisecond)
		return e
	}())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, <-answers, "deadlineExceededError", "deadline")
	text := printed.String()
	if invoke, stop := strings.Index(text, "FC Invoke End"), strings.Index(text, "pre-stop called"); invoke < 0 || stop < invoke {
		t.Errorf("want the invocation to end and then pre-stop: %s", text)
	}
	if d.PID() != 0 {
		t.Errorf("process %d is still there", d.PID())
	}
	if _, err := d.Invoke(t.Context(), do("")); err == nil {
		t.Error("a closed driver took an event")
	}
}

func TestHooksThatAreNotConfiguredAreNotCalled(t *testing.T) {
	d, printed := start(t, runtimeapi.Options{Binary: binaries["fc"], SkipInitializer: true, SkipPreStop: true})
	if read(t, send(t, d, do(""))).Initialized {
		t.Error("the initializer ran")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(printed.String(), "pre-stop") {
		t.Error("pre-stop ran")
	}
}
