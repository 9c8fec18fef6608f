package runtimeapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"slb-registrar/functions/local/runtimeapi"
)

// binaries are the functions of testdata, built once.
var binaries = map[string]string{}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "runtimeapi")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"fc", "fccustom", "lambda", "mute"} {
		binaries[name] = filepath.Join(dir, name)
		build := exec.Command("go", "build", "-buildvcs=false", "-tags", "lambda.norpc", "-o", binaries[name], "./testdata/"+name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v: %s", err, out)
			os.Exit(1)
		}
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// output collects what a process prints, and lets a test wait for a line.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs a function of testdata until the end of the test.
func start(t *testing.T, o runtimeapi.Options) (*runtimeapi.Driver, *output) {
	t.Helper()
	printed := &output{}
	o.Stdout, o.Stderr = printed, printed
	d, err := runtimeapi.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("Start: %v\n%s", err, printed)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if t.Failed() {
			t.Logf("the function printed:\n%s", printed)
		}
	})
	return d, printed
}

func do(what string) runtimeapi.Event {
	return runtimeapi.Event{Body: []byte(`{"do":"` + what + `"}`)}
}

func send(t *testing.T, d *runtimeapi.Driver, e runtimeapi.Event) runtimeapi.Answer {
	t.Helper()
	answer, err := d.Invoke(t.Context(), e)
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	return answer
}

// told is what the functions of testdata say about their invocation.
type told struct {
	RequestID, AccessKeyID, Secret, Token, Region, ARN, ControlPath, Timeout string
	RetryCount                                                               any
	LeftMs                                                                   int64
	Initialized                                                              bool
	PID                                                                      int
	Env                                                                      []string
}

func read(t *testing.T, answer runtimeapi.Answer) told {
	t.Helper()
	if answer.Error != nil {
		t.Fatalf("the function failed: %v", answer.Error)
	}
	var v told
	if err := json.Unmarshal(answer.Payload, &v); err != nil {
		t.Fatalf("payload %s: %v", answer.Payload, err)
	}
	return v
}

func wantFailure(t *testing.T, answer runtimeapi.Answer, errorType, message string) {
	t.Helper()
	if answer.Error == nil {
		t.Fatalf("no error, but the answer %s", answer.Payload)
	}
	if answer.Error.Type != errorType || !strings.Contains(answer.Error.Message, message) {
		t.Fatalf("got error %q: %q, want %q: …%q…", answer.Error.Type, answer.Error.Message, errorType, message)
	}
}

// inBackground invokes without waiting, and returns when the process has the event.
func inBackground(t *testing.T, d *runtimeapi.Driver, e runtimeapi.Event) <-chan runtimeapi.Answer {
	t.Helper()
	delivered := make(chan struct{})
	e.OnDelivered = func() { close(delivered) }
	answers := make(chan runtimeapi.Answer, 1)
	go func() {
		answer, err := d.Invoke(context.WithoutCancel(t.Context()), e)
		if err != nil {
			t.Errorf("Invoke: %v", err)
		}
		answers <- answer
	}()
	<-delivered
	return answers
}
