// Command lambda is the function for AWS Lambda, runtime provided.al2023. Besides
// what package environment lists it reads
//
//	REGISTRAR_CREDENTIALS_SECRET  the secret of AWS Secrets Manager that holds the
//	                              Alibaba Cloud access key; without it the key is
//	                              taken from ALIBABA_CLOUD_ACCESS_KEY_ID and its
//	                              companions
//	AWS_ENDPOINT_URL              where the services of AWS are, instead of the region's
//
// Build it with the tag lambda.norpc: without it the runtime module keeps
// net/rpc, and with that the linker cannot drop anything from the AWS clients.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/rs/zerolog"

	"slb-registrar/functions/internal/environment"
	"slb-registrar/shared/clb"
	"slb-registrar/shared/event"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/registrar"
)

// version is stamped by the build.
var version = "devel"

func main() {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		fmt.Fprintf(os.Stderr, "slb-registrar %s for AWS Lambda: started by the platform, which sets AWS_LAMBDA_RUNTIME_API\n", version)
		os.Exit(2)
	}
	// The settings are read while the platform is asked for work.
	lambda.Start(starting{environment.Begin(func() (*function, error) { return newFunction(os.Getenv, os.Stdout) }, func(err error) {
		fmt.Fprintf(os.Stderr, "the function cannot run: %v\n", err)
		os.Exit(1)
	})})
}

// starting is the function while it reads its settings.
type starting struct{ *environment.Soon[*function] }

// Invoke waits for the settings.
func (s starting) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return s.Get().Invoke(ctx, event)
}

// function is the handler with what it needs of this platform. It is shared by
// all invocations of the process, and safe for as many at a time as there are.
type function struct {
	handler *handler.Handler
	service *clb.Service
	ec2     lifecycle.Completer // nil outside of AWS
	ess     *ess.Service
	source  source
	log     zerolog.Logger
}

var _ lambda.Handler = starting{}

func newFunction(getenv func(string) string, stdout io.Writer) (*function, error) {
	env, err := environment.Read(getenv, stdout)
	if err != nil {
		return nil, err
	}
	source, err := openSource(getenv, env.Log)
	if err != nil {
		return nil, err
	}
	store, err := openStore(env.StoreURL, env.Config.Retention, getenv)
	if err != nil {
		return nil, err
	}
	h, err := handler.New(handler.Options{
		Config: env.Config, Log: env.Log, Platform: "lambda",
		Store: store.Store, StoreIsLocal: store.local,
		Engine: registrar.Options{MaxBatch: env.Config.MaxBatch, Turns: store.turns},
	})
	if err != nil {
		return nil, err
	}
	f := &function{handler: h, service: env.Service, source: source, log: env.Log}
	if f.ec2, err = openHooks(getenv); err != nil {
		return nil, err
	}
	if f.ess, err = ess.New(ess.Options{Endpoint: getenv("REGISTRAR_ENDPOINT")}); err != nil {
		return nil, fmt.Errorf("REGISTRAR_ENDPOINT: %w", err)
	}
	f.log.Info().Str("version", version).Msg("the function starts")
	return f, nil
}

// Invoke takes raw bytes, so that a body which is no JSON reaches the decoder
// and is rejected with its reason instead of failing before it.
func (f *function) Invoke(ctx context.Context, raw []byte) ([]byte, error) {
	in := handler.Invocation{}
	if c, ok := lambdacontext.FromContext(ctx); ok {
		in.RequestID = c.AwsRequestID
	}
	credentials, err := f.source.current(ctx)
	if err != nil {
		// Without them every call would be refused; the log says why, and the
		// messages come again.
		f.log.Error().Str("requestId", in.RequestID).Err(err).Msg("there are no credentials for Alibaba Cloud")
	}
	in.API = newRenewing(f.service, f.source, credentials)
	// The load balancer is Alibaba Cloud's in any case, and the scaling group may be.
	in.Hooks = map[event.HookPlatform]lifecycle.Completer{event.ESS: f.ess.With(credentials)}
	in.Scaling = f.ess.With(credentials)
	if f.ec2 != nil {
		in.Hooks[event.EC2] = f.ec2
	}
	return f.handler.Handle(ctx, in, raw).ForLambda()
}
