// Command fc is the function for Alibaba Cloud Function Compute, runtime go1.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"slb-registrar/functions/internal/environment"
	"slb-registrar/shared/clb"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/registrar"
)

func main() {
	env, err := environment.Read(os.Getenv, os.Stdout)
	if err != nil {
		fatal(err)
	}
	f, err := newFunction(env)
	if err != nil {
		fatal(err)
	}
	fc.Start(f.handle)
}

func fatal(err error) {
	fmt.Fprintf(os.Stderr, "the function cannot start: %v\n", err)
	os.Exit(1)
}

// function is the handler with what it needs of this platform.
type function struct {
	handler *handler.Handler
	service *clb.Service
}

func newFunction(env *environment.Environment) (*function, error) {
	if environment.Scheme(env.StoreURL) != "memory" {
		return nil, fmt.Errorf("REGISTRAR_STORE: %q is not known here; want memory", environment.Scheme(env.StoreURL))
	}
	h, err := handler.New(handler.Options{
		Config: env.Config, Log: env.Log, Platform: "fc",
		Store: memory.New(memory.Options{Retention: env.Config.Retention}), StoreIsLocal: true,
		Engine: registrar.Options{MaxBatch: env.Config.MaxBatch},
	})
	if err != nil {
		return nil, err
	}
	return &function{handler: h, service: env.Service}, nil
}

// handle takes raw bytes because a message of a topic may be plain text, and
// returns raw JSON because the runtime would encode anything else once more.
func (f *function) handle(ctx context.Context, event []byte) (json.RawMessage, error) {
	in := handler.Invocation{}
	credentials, _ := environment.Credentials(os.Getenv)
	if fctx, ok := fccontext.FromContext(ctx); ok {
		in.RequestID = fctx.RequestID
		if c := fctx.Credentials; c.AccessKeyId != "" {
			credentials = clb.Credentials{AccessKeyID: c.AccessKeyId, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken}
		}
	}
	in.API = f.service.With(credentials)
	return f.handler.Handle(ctx, in, event).ForFunctionCompute()
}
