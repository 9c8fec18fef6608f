package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"slb-registrar/functions/internal/environment"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
)

const routes = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-web}
    targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-web, port: 80}]
    complete: {success: leave}
`

const hook = `{"regionId":"cn-hangzhou","content":{"lifecycleHookId":"ash-1","lifecycleActionToken":"token-1","lifecycleTransition":"SCALE_OUT","scalingGroupId":"asg-web","instanceIds":["i-1","i-2"]}}`

// custom serves a function with those routes over a simulator.
func custom(t *testing.T) (*httptest.Server, *lines) {
	t.Helper()
	simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	getenv := func(name string) string {
		return map[string]string{"REGISTRAR_CONFIG": routes, "REGISTRAR_ENDPOINT": simulator.URL}[name]
	}
	f := environment.Begin(func() (*function, error) { return load(getenv, io.Discard) }, func(err error) { panic(err) })
	t.Cleanup(func() { f.Get().preStop(context.Background()) })
	marks := &lines{}
	web := httptest.NewServer((&server{function: f, stdout: marks}).handler())
	t.Cleanup(web.Close)
	return web, marks
}

// lines is what was written, from any goroutine.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func send(t *testing.T, web *httptest.Server, method, path, body string, header map[string]string) (answer, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("x-fc-status")}, raw
}

// answer is what the platform goes by.
type answer struct {
	code   int
	status string // x-fc-status
}

func headers(id string) map[string]string {
	return map[string]string{"x-fc-request-id": id, "x-fc-function-timeout": "60",
		"x-fc-access-key-id": "testid", "x-fc-access-key-secret": "testsecret"}
}

func TestTheCustomRuntimeAnswersWithTheResult(t *testing.T) {
	web, marks := custom(t)
	response, raw := send(t, web, http.MethodPost, "/invoke", hook, headers("req-1"))
	var result handler.Result
	if err := json.Unmarshal(raw, &result); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if response != (answer{http.StatusOK, "200"}) {
		t.Errorf("answer %+v", response)
	}
	if result.RequestID != "req-1" || len(result.Changes) != 2 || result.Changes[0].Status != "added" {
		t.Errorf("result %s", raw)
	}
	if want := "FC Invoke Start RequestId: req-1\nFC Invoke End RequestId: req-1\n"; marks.String() != want {
		t.Errorf("marks %q", marks)
	}
}

func TestTheCustomRuntimeReportsAFailureAsThePlatformReadsIt(t *testing.T) {
	web, marks := custom(t)
	response, raw := send(t, web, http.MethodPost, "/invoke", "not json at all", headers("req-1"))
	var failure struct{ ErrorType, ErrorMessage string }
	if err := json.Unmarshal(raw, &failure); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if response != (answer{http.StatusNotFound, "404"}) || failure.ErrorType != "RejectedError" {
		t.Errorf("answer %+v, %+v", response, failure)
	}
	if !strings.Contains(marks.String(), "FC Invoke End RequestId: req-1, Error: Unhandled function error\n") {
		t.Errorf("marks %q", marks)
	}
}

func TestTheCustomRuntimeUsesTheCredentialsOfEachInvocation(t *testing.T) {
	web, _ := custom(t)
	wrong := headers("req-1")
	wrong["x-fc-access-key-secret"] = "another"
	if response, raw := send(t, web, http.MethodPost, "/invoke", hook, wrong); response.status != "404" || strings.Contains(string(raw), "another") {
		t.Errorf("with a wrong secret: %s", raw)
	}
	if response, raw := send(t, web, http.MethodPost, "/invoke", hook, headers("req-2")); response.status != "200" {
		t.Errorf("with the right one: %s", raw)
	}
}

func TestTheCustomRuntimeServesManyInvocationsAtOnce(t *testing.T) {
	web, _ := custom(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			event := strings.ReplaceAll(strings.ReplaceAll(hook, "token-1", "token-"+strconv.Itoa(i)), `"i-1","i-2"`, `"i-`+strconv.Itoa(i)+`"`)
			if response, raw := send(t, web, http.MethodPost, "/invoke", event, headers("req-"+strconv.Itoa(i))); response.status != "200" {
				t.Errorf("invocation %d: %s", i, raw)
			}
		})
	}
	all.Wait()
}

func TestTheCustomRuntimeHasHooksAndNothingElse(t *testing.T) {
	web, marks := custom(t)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodPost, "/initialize", 200},
		{http.MethodGet, "/pre-stop", 200},
		{http.MethodGet, "/invoke", 405},
		{http.MethodPost, "/", 404},
		{http.MethodGet, "/metrics", 404},
	} {
		if response, _ := send(t, web, c.method, c.path, "", headers("req-1")); response.code != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, response.code, c.want)
		}
	}
	if !strings.Contains(marks.String(), "FC Initialize End RequestId: req-1\n") || !strings.Contains(marks.String(), "FC PreStop End RequestId: req-1\n") {
		t.Errorf("marks %q", marks)
	}
}

func TestTheTimeIsUpWhenThePlatformSaysSo(t *testing.T) {
	at := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	for name, c := range map[string]struct {
		header http.Header
		least  time.Duration
		most   time.Duration
	}{
		"by the deadline, where there is one": {http.Header{"X-Fc-Function-Deadline": {strconv.FormatInt(at.UnixMilli(), 10)}, "X-Fc-Function-Timeout": {"5"}}, 59 * time.Minute, time.Hour},
		"else by the time-out":                {http.Header{"X-Fc-Function-Timeout": {"120"}}, 119 * time.Second, 120 * time.Second},
	} {
		ctx, cancel := deadline(t.Context(), c.header)
		until, ok := ctx.Deadline()
		if left := time.Until(until); !ok || left < c.least || left > c.most {
			t.Errorf("%s: %v left", name, left)
		}
		cancel()
	}
	ctx, cancel := deadline(t.Context(), http.Header{"X-Fc-Function-Timeout": {"soon"}})
	defer cancel()
	if _, ok := ctx.Deadline(); ok {
		t.Error("a deadline out of nothing")
	}
}

func TestTheServerEndsAfterTheInvocationsInProgress(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s := &server{stdout: io.Discard}
	listener := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.serveWith(ctx, listener, blocking(entered, leave)) }()
	answered := make(chan int, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		_ = response.Body.Close()
		answered <- response.StatusCode
	}()
	<-entered
	stop()
	close(leave)
	if code := <-answered; code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
