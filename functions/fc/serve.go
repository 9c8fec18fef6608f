package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"slb-registrar/functions/internal/environment"
	"slb-registrar/shared/alibaba"
)

// maxEvent is what Function Compute sends at most to a synchronous invocation.
const maxEvent = 32 << 20

// server is the function on the custom runtime, where it is an HTTP server that
// the platform sends events to: as many at a time as the instance's concurrency
// allows, all of them to this one process.
type server struct {
	function *environment.Soon[*function]
	stdout   io.Writer // for the lines that mark an invocation in the platform's logs
}

// handler knows the three paths that the platform asks for.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /invoke", s.invoke)
	mux.HandleFunc("POST /initialize", s.hook("Initialize", (*function).initialize))
	mux.HandleFunc("GET /pre-stop", s.hook("PreStop", (*function).preStop))
	return mux
}

// serve answers until ctx ends, and then until the invocations in progress have.
func (s *server) serve(ctx context.Context, listener net.Listener) error {
	return s.serveWith(ctx, listener, s.handler())
}

func (s *server) serveWith(ctx context.Context, listener net.Listener, h http.Handler) error {
	// No time-outs: the platform keeps its connections open between events for
	// as long as the instance lives, and ends an event at the function's time-out.
	web := &http.Server{Handler: h}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		stopped <- web.Shutdown(context.WithoutCancel(ctx))
	}()
	if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

func (s *server) invoke(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Fc-Request-Id")
	s.mark("Invoke Start", id, "")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		s.fail(w, "Invoke", id, fmt.Errorf("the event could not be read: %w", err))
		return
	}
	ctx, cancel := deadline(r.Context(), r.Header)
	defer cancel()
	answer, err := s.function.Get().guarded(ctx, invocation{
		requestID: id,
		credentials: alibaba.Credentials{
			AccessKeyID:     r.Header.Get("X-Fc-Access-Key-Id"),
			AccessKeySecret: r.Header.Get("X-Fc-Access-Key-Secret"),
			SecurityToken:   r.Header.Get("X-Fc-Security-Token"),
		},
	}, body)
	if err != nil {
		s.fail(w, "Invoke", id, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Fc-Status", "200")
	s.mark("Invoke End", id, "")
	_, _ = w.Write(answer)
}

// deadline bounds the invocation as the platform does. The custom runtime is
// told how long an event may take, but not until when.
func deadline(ctx context.Context, h http.Header) (context.Context, context.CancelFunc) {
	if at, err := strconv.ParseInt(h.Get("X-Fc-Function-Deadline"), 10, 64); err == nil {
		return context.WithDeadline(ctx, time.UnixMilli(at))
	}
	if seconds, err := strconv.Atoi(h.Get("X-Fc-Function-Timeout")); err == nil && seconds > 0 {
		return context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
	}
	return context.WithCancel(ctx)
}

func (s *server) hook(name string, run func(*function, context.Context)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Fc-Request-Id")
		s.mark(name+" Start", id, "")
		ctx, cancel := deadline(r.Context(), r.Header)
		defer cancel()
		run(s.function.Get(), ctx)
		w.Header().Set("X-Fc-Status", "200")
		s.mark(name+" End", id, "")
	}
}

// fail answers in the form in which the platform shows errors, which is that of
// the go1 runtime.
func (s *server) fail(w http.ResponseWriter, name, id string, err error) {
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	body, _ := json.Marshal(map[string]string{"errorType": kind.Name(), "errorMessage": err.Error()}) // two strings
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Fc-Status", "404")
	w.WriteHeader(http.StatusNotFound)
	s.mark(name+" End", id, ", Error: Unhandled function error")
	_, _ = w.Write(body)
}

// mark writes the line by which the platform finds where an invocation's logs
// begin and end.
func (s *server) mark(what, id, suffix string) {
	_, _ = fmt.Fprintf(s.stdout, "FC %s RequestId: %s%s\n", what, id, suffix)
}
