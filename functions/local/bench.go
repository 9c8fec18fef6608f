package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/rs/zerolog"

	"slb-registrar/functions"
	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/event"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/asg"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/route"
)

// bench is a handler set up on this machine.
type bench struct {
	handler    *handler.Handler
	invocation handler.Invocation
	progress   *progress
	close      func()
}

// settings are what a bench is made of.
type settings struct {
	config, store string
	endpoint      string // empty: the built-in simulator
	dryRun        bool
}

// officialEndpoints stands for those of the regions, where no one endpoint does.
const officialEndpoints = "aliyuncs.com"

// open sets a handler up as a function would be, against the built-in
// simulator or the endpoint.
func open(ctx context.Context, std stdio, c settings, sources []source) (*bench, error) {
	progress := &progress{out: std.err}
	log, err := newLogger(progress, isTerminal(std.err))
	if err != nil {
		return nil, err
	}
	config, _, err := findConfig(c.config, functions.Sample, c.endpoint == "")
	if err != nil {
		return nil, err
	}
	options := clb.Options{Endpoint: c.endpoint}
	credentials, err := credentialsFor(c.endpoint)
	if err != nil {
		return nil, err
	}
	switch c.endpoint {
	case officialEndpoints:
		options.Endpoint = ""
	case "":
		simulated, err := builtInOptions(config, sources)
		if err != nil {
			return nil, err
		}
		options = clb.Options{Endpoint: "127.0.0.1", Transport: clbtest.New(simulated).Transport()}
	}
	service, err := clb.New(options)
	if err != nil {
		return nil, err
	}
	scaling, err := ess.New(ess.Options{Endpoint: options.Endpoint, Transport: options.Transport})
	if err != nil {
		return nil, err
	}
	groups := scaling.With(credentials)
	hooks := map[event.HookPlatform]lifecycle.Completer{event.ESS: groups}
	if err := addEC2(ctx, hooks, c.endpoint != ""); err != nil {
		return nil, err
	}
	store, err := openStore(ctx, c.store, config.Retention)
	if err != nil {
		return nil, err
	}
	h, err := handler.New(handler.Options{
		Config: config, Store: store.Store, Log: log,
		Engine: registrar.Options{MaxBatch: config.MaxBatch, Turns: store.turns, Observe: progress.observe},
	})
	if err != nil {
		store.close()
		return nil, err
	}
	return &bench{
		handler:    h,
		invocation: handler.Invocation{API: service.With(credentials), Hooks: hooks, Scaling: groups, DryRun: c.dryRun, Local: true},
		progress:   progress,
		close:      store.close,
	}, nil
}

// credentialsFor takes the credentials from the environment. A loopback
// endpoint is a simulator, which has credentials that everybody knows.
func credentialsFor(endpoint string) (clb.Credentials, error) {
	c := clb.Credentials{
		AccessKeyID:     os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
		AccessKeySecret: os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		SecurityToken:   os.Getenv("ALIBABA_CLOUD_SECURITY_TOKEN"),
	}
	switch {
	case endpoint == "":
		return clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}, nil
	case c.AccessKeyID != "" && c.AccessKeySecret != "":
		return c, nil
	case alibaba.IsLoopback(endpoint):
		return clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}, nil
	}
	// The endpoint is not repeated: it may hold a password.
	return c, errors.New("no credentials for the endpoint: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET")
}

// builtInOptions sets the built-in simulator up with what the config and the
// events mention: groups and instances appear when they are first named, load
// balancers are those of the config, and every hook of the events is pending.
// It has no quota worth mentioning, so that any event can be tried out.
func builtInOptions(config *route.Config, sources []source) (clbtest.Options, error) {
	var state clbtest.State
	byID := map[string]int{}
	for _, g := range config.Groups() {
		id := g.LoadBalancerID
		if id == "" {
			continue
		}
		i, ok := byID[g.Group.RegionID+"/"+id]
		if !ok {
			i = len(state.LoadBalancers)
			byID[g.Group.RegionID+"/"+id] = i
			state.LoadBalancers = append(state.LoadBalancers, clbtest.LoadBalancer{RegionID: g.Group.RegionID, LoadBalancerID: id, MaxBackends: 100_000})
		}
		lb := &state.LoadBalancers[i]
		lb.VServerGroups = append(lb.VServerGroups, clbtest.VServerGroup{VServerGroupID: g.Group.ID, ListenerPort: 80})
	}
	seen := map[string]bool{}
	for _, s := range sources {
		messages, err := event.Decode(s.body)
		if err != nil {
			return clbtest.Options{}, fmt.Errorf("%s: %w", s.name, err)
		}
		state.LifecycleActions = append(state.LifecycleActions, pendingActions(messages, seen)...)
	}
	options := clbtest.Options{AutoCreate: true, MaxBackends: 100_000, MaxBatch: config.MaxBatch, State: state}
	return options, clbtest.New(options).Seed(state)
}

// pendingActions lists the hooks of Auto Scaling that messages speak of, each
// once, and remembers in seen which those are.
func pendingActions(messages []event.Message, seen map[string]bool) []clbtest.LifecycleAction {
	var out []clbtest.LifecycleAction
	for _, m := range messages {
		for _, n := range m.Notices {
			if h := n.Hook; h != nil && h.Platform == event.ESS && !seen[h.Token] {
				seen[h.Token] = true
				out = append(out, clbtest.LifecycleAction{
					LifecycleHookID: h.ID, LifecycleActionToken: h.Token, InstanceIDs: h.InstanceIDs, Timeout: "600s", Status: "Pending",
				})
			}
		}
	}
	return out
}

// newLogger writes for a person on a terminal and JSON lines otherwise.
func newLogger(w io.Writer, terminal bool) (zerolog.Logger, error) {
	if terminal {
		console := zerolog.ConsoleWriter{Out: w, PartsOrder: []string{"timestamp", "level", "message"}}
		return handler.NewLogger(console, os.Getenv("LOG_LEVEL"))
	}
	return handler.NewLogger(w, os.Getenv("LOG_LEVEL"))
}

// passedOn are the settings of this process that a driven binary gets too.
func passedOn() []string {
	var env []string
	for _, name := range []string{"LOG_LEVEL", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// addEC2 adds the answers to hooks of EC2 Auto Scaling if there is somebody to
// give them to: a server that AWS_ENDPOINT_URL names or, next to a real load
// balancer, the account of the AWS environment. Without, such hooks are left.
func addEC2(ctx context.Context, hooks map[event.HookPlatform]lifecycle.Completer, realEndpoint bool) error {
	account := slices.ContainsFunc([]string{
		"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	}, func(name string) bool { return os.Getenv(name) != "" })
	if os.Getenv("AWS_ENDPOINT_URL") == "" && (!realEndpoint || !account) {
		return nil
	}
	settings, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("the AWS environment: %w", err)
	}
	client, err := asg.New(settings)
	if err != nil {
		return err
	}
	hooks[event.EC2] = client
	return nil
}
