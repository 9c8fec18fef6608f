package clb

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/vsg"
)

// Apply changes a group with one call, for 1 to [vsg.MaxBatchLimit] backends:
//
//	vsg.Add        AddVServerGroupBackendServers
//	vsg.Remove     RemoveVServerGroupBackendServers
//	vsg.SetWeight  SetVServerGroupAttribute
//
// The call stands or falls as a whole; the service has no verdict on single
// backends. Whether adding a member again is ignored, updates it or fails is
// not documented; removing what is absent is documented to succeed. The Reply
// lists the members of the group after the call. The error is nil or an
// [*Error]; a call that cannot be right is refused before it is sent.
func (c *Client) Apply(ctx context.Context, action vsg.Action, group vsg.Group, backends []vsg.Backend) (vsg.Reply, error) {
	var request requests.AcsRequest
	list, problem := encode(action, backends)
	switch action {
	case vsg.Add:
		r := slb.CreateAddVServerGroupBackendServersRequest()
		r.VServerGroupId, r.BackendServers = group.ID, list
		request = r
	case vsg.Remove:
		r := slb.CreateRemoveVServerGroupBackendServersRequest()
		r.VServerGroupId, r.BackendServers = group.ID, list
		request = r
	case vsg.SetWeight:
		r := slb.CreateSetVServerGroupAttributeRequest()
		r.VServerGroupId, r.BackendServers = group.ID, list
		request = r
	default:
		return vsg.Reply{}, refuse(string(action), "there is no such change")
	}
	if problem == "" && group.ID == "" {
		problem = "the VServer group has no id"
	}
	if problem != "" {
		return vsg.Reply{}, refuse(request.GetActionName(), problem)
	}
	answer := newMembers()
	err := c.do(ctx, Call{Group: group, BatchSize: len(backends)}, group.RegionID, request, answer, backends)
	if err != nil {
		return vsg.Reply{}, err
	}
	reply := answer.reply()
	// A group that was just added to is not empty, whatever the answer says.
	reply.Listed = reply.Listed && (action != vsg.Add || len(reply.Backends) > 0)
	return reply, nil
}

// Describe reads a group: the load balancer it belongs to and all its
// members. The service does not page this answer.
func (c *Client) Describe(ctx context.Context, group vsg.Group) (vsg.Reply, error) {
	request := slb.CreateDescribeVServerGroupAttributeRequest()
	request.VServerGroupId = group.ID
	if group.ID == "" {
		return vsg.Reply{}, refuse(request.GetActionName(), "the VServer group has no id")
	}
	answer := newMembers()
	if err := c.do(ctx, Call{Group: group}, group.RegionID, request, answer, nil); err != nil {
		return vsg.Reply{}, err
	}
	return answer.reply(), nil
}

// do makes a call and reports it. A change carries backends, a reading none.
func (c *Client) do(ctx context.Context, call Call, regionID string, request requests.AcsRequest, answer answer, backends []vsg.Backend) error {
	request.GetQueryParams()["RegionId"] = regionID
	call.Action = request.GetActionName()
	start := time.Now()
	err := explain(c.client.Do(ctx, request, answer), backends)
	if err == nil && call.Group.ID != "" && !answer.of(call.Group.ID) {
		err = &Error{Action: call.Action, Status: 200, Code: alibaba.CodeBadAnswer, RequestID: answer.id(),
			Message: "the answer is about another VServer group", change: len(backends) > 0, lost: true}
	}
	if c.observe != nil {
		call.Duration = time.Since(start)
		call.Disposition, call.Known, call.RequestID = vsg.DispositionDone, true, answer.id()
		if err != nil {
			call.Disposition, call.Known = err.Disposition(), err.Known()
			call.Status, call.Code, call.Message, call.RequestID = err.Status, err.Code, err.Message, err.RequestID
		}
		c.observe(ctx, call)
	}
	if err != nil {
		return err
	}
	return nil
}

// server is a backend as the service reads it. Its parser is lenient; this is
// the strict form: proper JSON, numbers for numbers, the type never left to a
// default.
type server struct {
	ServerID    string   `json:"ServerId"`
	ServerIP    string   `json:"ServerIp,omitempty"`
	Port        int      `json:"Port"`
	Weight      *int     `json:"Weight,omitempty"`
	Type        vsg.Type `json:"Type"`
	Description string   `json:"Description,omitempty"`
}

// encode makes the BackendServers parameter, or says why it would be wrong.
func encode(action vsg.Action, backends []vsg.Backend) (list, problem string) {
	if len(backends) == 0 {
		return "", "a call must carry at least one backend"
	}
	if len(backends) > vsg.MaxBatchLimit {
		return "", "a call must not carry more than " + strconv.Itoa(vsg.MaxBatchLimit) + " backends"
	}
	servers := make([]server, len(backends))
	for i := range backends {
		b := &backends[i]
		if b.ServerID == "" || b.Port < vsg.MinPort || b.Port > vsg.MaxPort || b.Weight < vsg.MinWeight || b.Weight > vsg.MaxWeight {
			return "", "backend " + strconv.Itoa(i) + " has no server id, or a port or weight out of bounds"
		}
		servers[i] = server{ServerID: b.ServerID, ServerIP: b.ServerIP, Port: b.Port, Type: b.Type}
		if b.Type == "" {
			servers[i].Type = vsg.ECS
		}
		if action != vsg.Remove {
			servers[i].Weight, servers[i].Description = &b.Weight, b.Description
		}
	}
	raw, err := json.Marshal(servers)
	if err != nil {
		return "", err.Error()
	}
	return string(raw), ""
}

// answer is what do decodes into and looks at.
type answer interface {
	alibaba.Reply
	id() string
	of(groupID string) bool
}

// members is the answer to every action on one group.
type members struct {
	alibaba.Envelope
	VServerGroupId string //nolint:revive // the SDK's decoder goes by the name on the wire
	LoadBalancerId string //nolint:revive // the same
	BackendServers *struct {
		BackendServer []slb.BackendServerInDescribeVServerGroupAttribute
	}
}

func newMembers() *members { return &members{Envelope: alibaba.NewEnvelope()} }

func (m *members) id() string { return m.RequestId }

func (m *members) of(groupID string) bool {
	return m.VServerGroupId == "" || m.VServerGroupId == groupID
}

func (m *members) reply() vsg.Reply {
	reply := vsg.Reply{RequestID: m.RequestId, LoadBalancerID: m.LoadBalancerId, Listed: m.BackendServers != nil}
	if !reply.Listed {
		return reply
	}
	reply.Backends = make([]vsg.Backend, len(m.BackendServers.BackendServer))
	for i, s := range m.BackendServers.BackendServer {
		reply.Backends[i] = vsg.Backend{
			ServerID: s.ServerId, ServerIP: canonical(s.ServerIp), Port: s.Port, Weight: s.Weight,
			Type: vsg.Type(s.Type), Description: s.Description,
		}
		if isInstance(&reply.Backends[i]) {
			reply.Backends[i].ServerIP = ""
		}
	}
	return reply
}

// canonical is the form of an address in which backends are compared, whichever
// the service writes.
func canonical(address string) string {
	if ip, ok := vsg.CanonicalIP(address); ok {
		return ip
	}
	return address
}

// isInstance reports whether a member is an ECS instance. That is known by its
// id alone, and an address that an answer adds would make another of it.
func isInstance(b *vsg.Backend) bool {
	if b.Type == "" { // the default, which older answers leave out
		return !strings.HasPrefix(b.ServerID, "eni-") && !strings.HasPrefix(b.ServerID, "eci-")
	}
	return strings.EqualFold(string(b.Type), string(vsg.ECS))
}
