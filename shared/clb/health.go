package clb

import (
	"cmp"
	"context"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/vsg"
)

// Health reads the health of all backends of a load balancer at all its
// listeners. A backend whose group no listener uses has no row.
func (c *Client) Health(ctx context.Context, regionID, loadBalancerID string) ([]vsg.Health, error) {
	request := slb.CreateDescribeHealthStatusRequest()
	request.LoadBalancerId = loadBalancerID
	if loadBalancerID == "" {
		return nil, refuse(request.GetActionName(), "the load balancer has no id")
	}
	answer := &healthRows{Envelope: alibaba.NewEnvelope()}
	if err := c.do(ctx, Call{LoadBalancerID: loadBalancerID}, regionID, request, answer, nil); err != nil {
		return nil, err
	}
	health := make([]vsg.Health, len(answer.BackendServers.BackendServer))
	for i, s := range answer.BackendServers.BackendServer {
		health[i] = vsg.Health{
			ServerID: s.ServerId, ServerIP: canonical(s.ServerIp), InterfaceIP: canonical(s.EniHost), Port: s.Port,
			Listener: vsg.Listener{Port: s.ListenerPort, Protocol: s.Protocol}, State: vsg.HealthState(s.ServerHealthStatus),
		}
	}
	return health, nil
}

// Bindings reads which listeners and rules of a load balancer send to which of
// its VServer groups. The service does not page this answer.
func (c *Client) Bindings(ctx context.Context, regionID, loadBalancerID string) ([]vsg.Binding, error) {
	request := slb.CreateDescribeVServerGroupsRequest()
	request.LoadBalancerId = loadBalancerID
	request.IncludeListener, request.IncludeRule = requests.NewBoolean(true), requests.NewBoolean(true)
	if loadBalancerID == "" {
		return nil, refuse(request.GetActionName(), "the load balancer has no id")
	}
	answer := &groupRows{Envelope: alibaba.NewEnvelope()}
	if err := c.do(ctx, Call{LoadBalancerID: loadBalancerID}, regionID, request, answer, nil); err != nil {
		return nil, err
	}
	bindings := make([]vsg.Binding, len(answer.VServerGroups.VServerGroup))
	for i, g := range answer.VServerGroups.VServerGroup {
		bindings[i] = vsg.Binding{GroupID: g.VServerGroupId, Rules: len(g.AssociatedObjects.Rules.Rule)}
		for _, l := range g.AssociatedObjects.Listeners.Listener {
			bindings[i].Listeners = append(bindings[i].Listeners, vsg.Listener{
				Port: cmp.Or(l.Port, l.ListenerPort), Protocol: cmp.Or(l.Protocol, l.ListenerProtocol),
			})
		}
	}
	return bindings, nil
}

type healthRows struct {
	alibaba.Envelope
	BackendServers slb.BackendServersInDescribeHealthStatus
}

func (h *healthRows) id() string     { return h.RequestId }
func (h *healthRows) of(string) bool { return true }

type groupRows struct {
	alibaba.Envelope
	VServerGroups slb.VServerGroups
}

func (g *groupRows) id() string     { return g.RequestId }
func (g *groupRows) of(string) bool { return true }
