// Command lambda is the function for AWS Lambda, runtime provided.al2023.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

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
	lambda.Start(f)
}

func fatal(err error) {
	fmt.Fprintf(os.Stderr, "the function cannot start: %v\n", err)
	os.Exit(1)
}

// function is the handler with what it needs of this platform.
type function struct {
	handler     *handler.Handler
	service     *clb.Service
	credentials clb.Credentials
}

func newFunction(env *environment.Environment) (*function, error) {
	if environment.Scheme(env.StoreURL) != "memory" {
		return nil, fmt.Errorf("REGISTRAR_STORE: %q is not known here; want memory", environment.Scheme(env.StoreURL))
	}
	credentials, err := environment.Credentials(os.Getenv)
	if err != nil {
		return nil, err
	}
	h, err := handler.New(handler.Options{
		Config: env.Config, Log: env.Log, Platform: "lambda",
		Store: memory.New(memory.Options{Retention: env.Config.Retention}), StoreIsLocal: true,
		Engine: registrar.Options{MaxBatch: env.Config.MaxBatch},
	})
	if err != nil {
		return nil, err
	}
	return &function{handler: h, service: env.Service, credentials: credentials}, nil
}

// Invoke takes raw bytes, so that a body which is no JSON reaches the decoder
// and is rejected with its reason instead of failing before it.
func (f *function) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	in := handler.Invocation{API: f.service.With(f.credentials)}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		in.RequestID = lc.AwsRequestID
	}
	return f.handler.Handle(ctx, in, event).ForLambda()
}
