package runtimeapi_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"slb-registrar/functions/local/runtimeapi"
)

func TestLambdaTellsTheInvocationItsCircumstances(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"], Timeout: 30 * time.Second, FunctionName: "register", AccountID: "700100200300"})
	if d.Platform() != runtimeapi.Lambda {
		t.Fatalf("detected %q", d.Platform())
	}
	answer := send(t, d, runtimeapi.Event{Body: []byte(`{}`), RequestID: "req-1"})
	got := read(t, answer)
	if got.RequestID != "req-1" || got.ARN != "arn:aws:lambda:eu-central-1:700100200300:function:register" {
		t.Errorf("the function was told %+v", got)
	}
	if got.LeftMs <= 0 || got.LeftMs > 30_000 {
		t.Errorf("the deadline was %d ms away, want up to 30,000", got.LeftMs)
	}
	if !answer.ColdStart || !strings.HasPrefix(answer.ContentType, "application/json") {
		t.Errorf("got %+v", answer)
	}
	if !slices.Contains(got.Env, "AWS_LAMBDA_FUNCTION_NAME=register") {
		t.Errorf("environment %v", got.Env)
	}
}

func TestLambdaReplacesTheProcessAfterAPanic(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"]})
	pid := read(t, send(t, d, do(""))).PID
	wantFailure(t, send(t, d, do("fail")), "errorString", "as told")
	if d.PID() != pid {
		t.Error("an error ended the process")
	}
	panicked := send(t, d, do("panic"))
	wantFailure(t, panicked, "string", "as told")
	// The process answers first and ends then; the next event must find another.
	answer := send(t, d, do(""))
	if got := read(t, answer).PID; got == pid || !answer.ColdStart {
		t.Errorf("process %d after %d, cold start %v", got, pid, answer.ColdStart)
	}
}

func TestLambdaReportsHowTheProcessEnded(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"], Timeout: 100 * time.Millisecond})
	wantFailure(t, send(t, d, do("exit")), "Runtime.ExitError", "exit status 7")
	wantFailure(t, send(t, d, do("hang")), "Sandbox.Timedout", "Task timed out after 0.10 seconds")
	read(t, send(t, d, do("")))
}

func TestLambdaEndsAtARefusedAnswer(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"]})
	pid := d.PID()
	e := do("")
	e.RefuseAnswer = http.StatusOK // Function Compute's status, which this SDK takes for a refusal
	if answer := send(t, d, e); !answer.Lost {
		t.Errorf("got %+v", answer)
	}
	if got := read(t, send(t, d, do(""))).PID; got == pid {
		t.Error("the process lives on")
	}
}

func TestLambdaAnswersABadDeadline(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"]})
	e := do("")
	e.Header = http.Header{"Lambda-Runtime-Deadline-Ms": nil}
	wantFailure(t, send(t, d, e), "errorString", "failed to parse deadline")
	read(t, send(t, d, do("")))
}

func TestLambdaRefusesAnAnswerThatIsTooLarge(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"]})
	wantFailure(t, send(t, d, do("large")), "Function.ResponseSizeTooLarge", "6291456 bytes")
}

func TestLambdaEndsWhenItsRuntimeAPIGoesAway(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"]})
	<-d.HangUp() // else the test would hang
}

func TestLambdaTakesSeveralEventsAtATime(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"], Concurrency: 2})
	hanging := inBackground(t, d, do("hang"))
	if got := read(t, send(t, d, do(""))); !slices.Contains(got.Env, "AWS_LAMBDA_MAX_CONCURRENCY=2") {
		t.Errorf("environment %v", got.Env)
	}
	d.Kill()
	if answer := <-hanging; !answer.Crashed {
		t.Errorf("got %+v", answer)
	}
}

func TestACallerThatGivesUpTakesTheProcessAlong(t *testing.T) {
	d, _ := start(t, runtimeapi.Options{Binary: binaries["lambda"]})
	ctx, cancel := context.WithCancel(t.Context())
	e := do("hang")
	e.OnDelivered = cancel
	if _, err := d.Invoke(ctx, e); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if d.PID() != 0 {
		t.Error("the process lives on")
	}
	read(t, send(t, d, do("")))
}
