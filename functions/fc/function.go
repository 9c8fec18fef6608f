package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/rs/zerolog"

	"slb-registrar/functions/internal/environment"
	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/clb"
	"slb-registrar/shared/event"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/registrar"
)

// function is the handler with what it needs of this platform. It is shared by
// all invocations of the process.
type function struct {
	handler  *handler.Handler
	service  *clb.Service
	hooks    *ess.Service
	store    storage
	fallback alibaba.Credentials // for a function without a role
	log      zerolog.Logger
}

// invocation is what the platform says about one event.
type invocation struct {
	requestID   string
	credentials alibaba.Credentials // of the function's role, for this invocation
}

func newFunction(env *environment.Environment, getenv func(string) string) (*function, error) {
	hooks, err := ess.New(ess.Options{Endpoint: getenv("REGISTRAR_ENDPOINT")})
	if err != nil {
		return nil, fmt.Errorf("REGISTRAR_ENDPOINT: %w", err)
	}
	store, err := openStore(env.StoreURL, env.Config.Retention)
	if err != nil {
		return nil, err
	}
	h, err := handler.New(handler.Options{
		Config: env.Config, Log: env.Log, Platform: "fc",
		Store: store.Store, StoreIsLocal: store.local,
		Engine: registrar.Options{MaxBatch: env.Config.MaxBatch, Turns: store.turns},
	})
	if err != nil {
		return nil, err
	}
	// Without them the role's are all there is, which is the ordinary case.
	fallback, _ := environment.Credentials(getenv)
	return &function{handler: h, service: env.Service, hooks: hooks, store: store, fallback: fallback, log: env.Log}, nil
}

// handle takes one event the whole way.
func (f *function) handle(ctx context.Context, in invocation, raw []byte) (json.RawMessage, error) {
	credentials := in.credentials
	if credentials.Empty() {
		credentials = f.fallback
	}
	return f.handler.Handle(ctx, handler.Invocation{
		RequestID: in.requestID,
		API:       f.service.With(credentials),
		Hooks:     map[event.HookPlatform]lifecycle.Completer{event.ESS: f.hooks.With(credentials)},
		Scaling:   f.hooks.With(credentials),
	}, raw).ForFunctionCompute()
}

// initialize is called once, before the first event. It opens the connection to
// the store, so that the first event does not wait for it, and says early that
// the store cannot be reached; what that means for an event the config decides.
func (f *function) initialize(ctx context.Context) {
	if err := f.store.ping(ctx); err != nil {
		f.log.Warn().Err(err).Msg("the store cannot be reached")
	}
}

// preStop is called once, after the last event.
func (f *function) preStop(context.Context) {
	if closer, ok := f.store.Store.(io.Closer); ok {
		if err := closer.Close(); err != nil {
			f.log.Warn().Err(err).Msg("the store was not closed in order")
		}
	}
	f.service.Close()
	f.hooks.Close()
}
