package main

import (
	"context"
	"errors"
	"sync/atomic"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// renewing calls the load balancer with the credentials of a source, and once
// more with others when they are refused and there are others by now. A refusal
// for its credentials says that nothing was done, so that is safe.
type renewing struct {
	service *clb.Service
	source  source
	using   atomic.Pointer[clb.Credentials]
}

var _ handler.API = (*renewing)(nil)

func newRenewing(service *clb.Service, source source, c clb.Credentials) *renewing {
	r := &renewing{service: service, source: source}
	r.using.Store(&c)
	return r
}

func (r *renewing) Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error) {
	return call(ctx, r, func(c *clb.Client) (vsg.Reply, error) { return c.Apply(ctx, action, group, backends) })
}

func (r *renewing) Describe(ctx context.Context, group vsg.Group) (vsg.Reply, error) {
	return call(ctx, r, func(c *clb.Client) (vsg.Reply, error) { return c.Describe(ctx, group) })
}

func (r *renewing) Health(ctx context.Context, regionID, loadBalancerID string) ([]vsg.Health, error) {
	return call(ctx, r, func(c *clb.Client) ([]vsg.Health, error) { return c.Health(ctx, regionID, loadBalancerID) })
}

func (r *renewing) Bindings(ctx context.Context, regionID, loadBalancerID string) ([]vsg.Binding, error) {
	return call(ctx, r, func(c *clb.Client) ([]vsg.Binding, error) { return c.Bindings(ctx, regionID, loadBalancerID) })
}

func call[T any](ctx context.Context, r *renewing, once func(*clb.Client) (T, error)) (T, error) {
	using := r.using.Load()
	reply, err := once(r.service.With(*using))
	var refusal registrar.Refusal
	if !errors.As(err, &refusal) || refusal.Disposition() != vsg.DispositionAuth {
		return reply, err
	}
	other, ok := r.source.renewed(ctx, *using)
	if !ok {
		return reply, err
	}
	r.using.CompareAndSwap(using, &other)
	return once(r.service.With(other))
}
