package runtimeapi_test

import (
	"strings"
	"testing"
	"time"

	"slb-registrar/functions/local/runtimeapi"
)

func custom(o runtimeapi.Options) runtimeapi.Options {
	o.Platform, o.Binary = runtimeapi.FCCustom, binaries["fccustom"]
	return o
}

func TestTheCustomRuntimeIsSentHTTPRequests(t *testing.T) {
	d, printed := start(t, custom(runtimeapi.Options{Timeout: 30 * time.Second, Credentials: runtimeapi.Credentials{AccessKeyID: "first"}}))
	e := do("")
	e.RequestID, e.RetryCount = "req-1", 3
	answer := send(t, d, e)
	got := read(t, answer)
	want := told{RequestID: "req-1", AccessKeyID: "first", RetryCount: "3", Timeout: "30", ControlPath: "/invoke", Initialized: true}
	if got.RequestID != want.RequestID || got.AccessKeyID != want.AccessKeyID || got.RetryCount != want.RetryCount ||
		got.Timeout != want.Timeout || got.ControlPath != want.ControlPath || got.Initialized != want.Initialized {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !answer.ColdStart {
		t.Error("the first invocation was no cold start")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(printed.String(), "pre-stop called") {
		t.Error("pre-stop did not run")
	}
}

func TestTheCustomRuntimeFailsByItsStatusHeader(t *testing.T) {
	d, _ := start(t, custom(runtimeapi.Options{}))
	wantFailure(t, send(t, d, do("fail")), "errorString", "as told")
}

func TestTheCustomRuntimeIsReplacedAfterItsEnd(t *testing.T) {
	d, _ := start(t, custom(runtimeapi.Options{Timeout: 200 * time.Millisecond}))
	answer := send(t, d, do("exit"))
	wantFailure(t, answer, "UnhandledInvocationError", "exit status 7")
	if !answer.Crashed {
		t.Errorf("got %+v", answer)
	}
	if answer = send(t, d, do("hang")); !answer.TimedOut || !answer.ColdStart {
		t.Errorf("got %+v", answer)
	}
	read(t, send(t, d, do("")))
}

func TestTheCustomRuntimeServesManyAtATime(t *testing.T) {
	d, _ := start(t, custom(runtimeapi.Options{Concurrency: 3}))
	first, second := inBackground(t, d, do("hang")), inBackground(t, d, do("hang"))
	read(t, send(t, d, do("")))
	d.Kill()
	for _, answers := range []<-chan runtimeapi.Answer{first, second} {
		if answer := <-answers; !answer.Crashed {
			t.Errorf("got %+v", answer)
		}
	}
}
