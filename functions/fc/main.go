// Command fc is the function for Alibaba Cloud Function Compute. The one binary
// serves both of its runtimes:
//
//	main         go1: polls the runtime API at FC_RUNTIME_API; one event at a time
//	main serve   custom runtime: an HTTP server on FC_SERVER_PORT (9000 if that is
//	             not set); many events at a time in one process
//
// Without an argument the environment decides: FC_RUNTIME_API means go1,
// FC_SERVER_PORT the custom runtime. What else it reads from the environment is
// listed in package environment; credentials come with each invocation, from the
// function's role, and from ALIBABA_CLOUD_ACCESS_KEY_ID and its companions where
// the function has no role.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"slb-registrar/functions/internal/environment"
	"slb-registrar/shared/alibaba"
)

// version is stamped by the build.
var version = "devel"

func main() {
	mode, err := modeOf(os.Args[1:], os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	// The settings are read while the platform is asked for work.
	f := environment.Begin(func() (*function, error) { return load(os.Getenv, os.Stdout) }, fatal)
	if mode == polling {
		poll(f)
	} else if err := serveHTTP(f, os.Getenv("FC_SERVER_PORT"), os.Stdout); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintf(os.Stderr, "the function cannot run: %v\n", err)
	os.Exit(1)
}

// mode is how the platform talks to the process.
type mode int

const (
	polling mode = iota // the go1 runtime
	serving             // the custom runtime
)

func modeOf(args []string, getenv func(string) string) (mode, error) {
	switch {
	case len(args) == 1 && args[0] == "serve":
		return serving, nil
	case len(args) == 0 && getenv("FC_RUNTIME_API") != "":
		return polling, nil
	case len(args) == 0 && getenv("FC_SERVER_PORT") != "":
		return serving, nil
	}
	return polling, fmt.Errorf("slb-registrar %s for Function Compute: started by the platform, which sets FC_RUNTIME_API (go1) or FC_SERVER_PORT (custom runtime); `serve` serves in any case", version)
}

func load(getenv func(string) string, stdout io.Writer) (*function, error) {
	env, err := environment.Read(getenv, stdout)
	if err != nil {
		return nil, err
	}
	f, err := newFunction(env, getenv)
	if err != nil {
		return nil, err
	}
	f.log.Info().Str("version", version).Msg("the function starts")
	return f, nil
}

func serveHTTP(f *environment.Soon[*function], port string, stdout io.Writer) error {
	if port == "" {
		port = "9000"
	}
	// All interfaces: the platform does not come from the loopback address.
	listener, err := net.Listen("tcp", net.JoinHostPort("", port))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return (&server{function: f, stdout: stdout}).serve(ctx, listener)
}

// poll hands the process to the runtime SDK, which never returns.
func poll(f *environment.Soon[*function]) {
	http.DefaultTransport = newPatientPoll(func(since time.Duration) {
		f.Get().log.Error().Int64("goneMs", since.Milliseconds()).Msg("the runtime API is gone: the function ends")
		os.Exit(1)
	})
	fc.RegisterInitializerFunction(func(ctx context.Context) { f.Get().initialize(ctx) })
	fc.RegisterPreStopFunction(func(ctx context.Context) { f.Get().preStop(ctx) })
	// Raw bytes in, because a message of a topic may be plain text. Raw JSON
	// out, because the SDK would encode anything else once more.
	fc.Start(func(ctx context.Context, event []byte) (json.RawMessage, error) {
		in := invocation{}
		if c, ok := fccontext.FromContext(ctx); ok {
			in.requestID = c.RequestID
			in.credentials = alibaba.Credentials{
				AccessKeyID:     c.Credentials.AccessKeyId,
				AccessKeySecret: c.Credentials.AccessKeySecret,
				SecurityToken:   c.Credentials.SecurityToken,
			}
		}
		return f.Get().guarded(ctx, in, event)
	})
}

// guarded turns a panic into an error: the other invocations of this process go
// on, and what this one had claimed lapses.
func (f *function) guarded(ctx context.Context, in invocation, event []byte) (answer json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			f.log.Error().Str("requestId", in.requestID).Str("panic", fmt.Sprint(p)).Bytes("stack", debug.Stack()).Msg("the handler panicked")
			err = &PanicError{fmt.Sprint(p)}
		}
	}()
	return f.handle(ctx, in, event)
}

// PanicError is how a panic appears to the platform.
type PanicError struct{ text string }

func (e *PanicError) Error() string { return "the handler panicked: " + e.text }
