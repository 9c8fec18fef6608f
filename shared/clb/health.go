package clb

import (
	"context"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/alibaba"
)

// The states of a backend's health at a listener.
const (
	Healthy   = "normal"
	Unhealthy = "abnormal"
	// Unchecked says that no check was completed, because none was made yet or
	// because the listener makes none; the service does not tell them apart.
	Unchecked = "unavailable"
)

// Health is what one listener of a load balancer thinks of one backend.
type Health struct {
	ServerID     string
	ServerIP     string // also set for ECS instances, which have none in their identity
	Port         int    // of the backend
	ListenerPort int
	Protocol     string // of the listener
	Status       string // Healthy, Unhealthy, Unchecked
}

// Health reads the health of all backends of a load balancer at all its
// listeners. A backend whose group no listener uses has no row.
func (c *Client) Health(ctx context.Context, regionID, loadBalancerID string) ([]Health, error) {
	request := slb.CreateDescribeHealthStatusRequest()
	request.LoadBalancerId = loadBalancerID
	if loadBalancerID == "" {
		return nil, refuse(request.GetActionName(), "the load balancer has no id")
	}
	answer := &healthRows{Envelope: alibaba.NewEnvelope()}
	if err := c.do(ctx, Call{LoadBalancerID: loadBalancerID}, regionID, request, answer, nil); err != nil {
		return nil, err
	}
	health := make([]Health, len(answer.BackendServers.BackendServer))
	for i, s := range answer.BackendServers.BackendServer {
		health[i] = Health{
			ServerID: s.ServerId, ServerIP: s.ServerIp, Port: s.Port,
			ListenerPort: s.ListenerPort, Protocol: s.Protocol, Status: s.ServerHealthStatus,
		}
	}
	return health, nil
}

// Use is how a VServer group is used by its load balancer.
type Use struct {
	VServerGroupID string
	// ListenerPorts are those of the listeners that send to the group.
	ListenerPorts []int
	// Rules is how many forwarding rules do. The service does not say of which
	// listener they are.
	Rules int
}

// Uses reads which listeners and rules of a load balancer send to which of its
// VServer groups. The service does not page this answer.
func (c *Client) Uses(ctx context.Context, regionID, loadBalancerID string) ([]Use, error) {
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
	uses := make([]Use, len(answer.VServerGroups.VServerGroup))
	for i, g := range answer.VServerGroups.VServerGroup {
		uses[i] = Use{VServerGroupID: g.VServerGroupId, Rules: len(g.AssociatedObjects.Rules.Rule)}
		for _, l := range g.AssociatedObjects.Listeners.Listener {
			port := l.Port
			if port == 0 {
				port = l.ListenerPort
			}
			uses[i].ListenerPorts = append(uses[i].ListenerPorts, port)
		}
	}
	return uses, nil
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
