package clbtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// State is everything a simulator holds: what GET /_sim/state answers and what
// a seed file contains.
type State struct {
	LoadBalancers    []LoadBalancer    `json:"loadBalancers"`
	Instances        []Instance        `json:"instances"`
	LifecycleActions []LifecycleAction `json:"lifecycleActions"`
}

// LoadBalancer is a load balancer and its VServer groups. Only the region and
// the id are needed.
type LoadBalancer struct {
	RegionID       string `json:"regionId"`
	LoadBalancerID string `json:"loadBalancerId"`
	// MaxBackends is how many backend servers all groups may have together;
	// 0 means what [Options] says.
	MaxBackends   int            `json:"maxBackends"`
	VServerGroups []VServerGroup `json:"vServerGroups"`

	LoadBalancerName string `json:"loadBalancerName,omitempty"`
	// LoadBalancerSpec is slb.s1.small by default; slb.s0.share is a
	// shared-resource instance, which takes no eni and no eci.
	LoadBalancerSpec string `json:"loadBalancerSpec,omitempty"`
	// LoadBalancerStatus is active by default; an inactive or locked one
	// refuses changes.
	LoadBalancerStatus string `json:"loadBalancerStatus,omitempty"`
	Address            string `json:"address,omitempty"`
	AddressType        string `json:"addressType,omitempty"`
	// AddressIPVersion is ipv4 by default; only ipv6 takes IPv6 servers.
	AddressIPVersion   string            `json:"addressIPVersion,omitempty"`
	VpcID              string            `json:"vpcId,omitempty"`
	VSwitchID          string            `json:"vSwitchId,omitempty"`
	InternetChargeType string            `json:"internetChargeType,omitempty"`
	InstanceChargeType string            `json:"instanceChargeType,omitempty"`
	MasterZoneID       string            `json:"masterZoneId,omitempty"`
	SlaveZoneID        string            `json:"slaveZoneId,omitempty"`
	ResourceGroupID    string            `json:"resourceGroupId,omitempty"`
	Bandwidth          int               `json:"bandwidth,omitempty"`
	DeleteProtection   string            `json:"deleteProtection,omitempty"`
	Tags               map[string]string `json:"tags,omitempty"`
	CreateTime         *time.Time        `json:"createTime,omitempty"`
}

// VServerGroup is a VServer group.
type VServerGroup struct {
	VServerGroupID string `json:"vServerGroupId"`
	// ListenerPort is the port of the listener that uses the group; 0 means
	// that none does. Only the members of a group with a listener have health.
	ListenerPort int       `json:"listenerPort"`
	Backends     []Backend `json:"backends"`

	// ListenerProtocol is http by default.
	ListenerProtocol string            `json:"listenerProtocol,omitempty"`
	VServerGroupName string            `json:"vServerGroupName,omitempty"`
	Tags             map[string]string `json:"tags,omitempty"`
	CreateTime       *time.Time        `json:"createTime,omitempty"`
}

// Backend is a backend server, a member of a group. Two are the same member if
// ServerID, ServerIP and Port are equal. In JSON a missing Weight means 100
// and a missing Type ecs; in Go a Weight of 0 is a weight of 0.
type Backend struct {
	ServerID    string `json:"ServerId"`
	Port        int    `json:"Port"`
	Weight      int    `json:"Weight"`
	Type        string `json:"Type"`
	ServerIP    string `json:"ServerIp"`
	Description string `json:"Description"`
}

// Instance is what can become a backend server: an ECS instance, or by the
// prefix of its id a network interface (eni-) or a container (eci-). Both times
// count from the moment of seeding.
type Instance struct {
	InstanceID string `json:"instanceId"`
	// RunningAfter is a duration; empty means at once. Only what is running can
	// be added to a group.
	RunningAfter string `json:"runningAfter"`
	// HealthyAfter is a duration, or "never"; empty means at once. What is not
	// running is not healthy either.
	HealthyAfter   string `json:"healthyAfter"`
	ScalingGroupID string `json:"scalingGroupId"`

	// LifecycleState, as DescribeScalingInstances shows it. Without it an
	// instance with a pending lifecycle action is Pending:Wait, one that does
	// not run yet Pending, and any other InService.
	LifecycleState    string `json:"lifecycleState,omitempty"`
	PrivateIPAddress  string `json:"privateIpAddress,omitempty"`
	ZoneID            string `json:"zoneId,omitempty"`
	VpcID             string `json:"vpcId,omitempty"`
	ScalingActivityID string `json:"scalingActivityId,omitempty"`
}

// LifecycleAction is the action of a lifecycle hook that somebody has to
// complete.
type LifecycleAction struct {
	LifecycleHookID      string   `json:"lifecycleHookId"`
	LifecycleActionToken string   `json:"lifecycleActionToken"`
	InstanceIDs          []string `json:"instanceIds"`
	// Timeout counts from the moment of seeding, or from the last heartbeat;
	// empty means the default of the service, 600s.
	Timeout string `json:"timeout"`
	// Status is Pending (the default), Completed or Timeout.
	Status string `json:"status"`
	// Result is how it ended, and the hook's default while it is pending:
	// CONTINUE (the default), ABANDON or ROLLBACK.
	Result string `json:"result"`

	ScalingActivityID string `json:"scalingActivityId,omitempty"`
	// Heartbeats is how many were recorded; 20 are allowed.
	Heartbeats int `json:"heartbeats,omitempty"`
	// ClientToken is that of the call that completed it.
	ClientToken string `json:"clientToken,omitempty"`
}

// The statuses of a lifecycle action.
const (
	StatusPending   = "Pending"
	StatusCompleted = "Completed"
	StatusTimeout   = "Timeout"
)

const never = "never"

// UnmarshalJSON reads a backend server, with the service's defaults for what is
// missing, and refuses unknown fields.
func (b *Backend) UnmarshalJSON(data []byte) error {
	type plain Backend // without this method
	p := plain{Weight: defaultWeight, Type: typeECS}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return err
	}
	*b = Backend(p)
	return nil
}

// clone copies st deep enough that the copy does not see what happens to it.
func (st State) clone() State {
	st.LoadBalancers = slices.Clone(st.LoadBalancers)
	for i := range st.LoadBalancers {
		lb := &st.LoadBalancers[i]
		lb.Tags = maps.Clone(lb.Tags)
		lb.VServerGroups = slices.Clone(lb.VServerGroups)
		for j := range lb.VServerGroups {
			g := &lb.VServerGroups[j]
			g.Tags, g.Backends = maps.Clone(g.Tags), slices.Clone(g.Backends)
		}
	}
	st.Instances = slices.Clone(st.Instances)
	st.LifecycleActions = slices.Clone(st.LifecycleActions)
	for i := range st.LifecycleActions {
		st.LifecycleActions[i].InstanceIDs = slices.Clone(st.LifecycleActions[i].InstanceIDs)
	}
	return st
}

// ParseState reads a seed file. Unknown fields, impossible values and anything
// mentioned twice are errors that say where. How many backends a load balancer
// may have that does not say so is the simulator's to know: [Simulator.Seed]
// and [Listen] check it.
func ParseState(data []byte) (State, error) {
	var st State
	if err := decodeStrictly(data, &st); err != nil {
		return State{}, fmt.Errorf("state: %w", err)
	}
	if _, err := newWorld(st, Options{MaxBackends: math.MaxInt}, time.Now()); err != nil {
		return State{}, err
	}
	return st, nil
}

// decodeStrictly decodes exactly one JSON value and says where it goes wrong.
func decodeStrictly(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return at(data, dec.InputOffset(), err)
	}
	if rest := bytes.TrimSpace(data[dec.InputOffset():]); len(rest) > 0 {
		return at(data, dec.InputOffset(), fmt.Errorf("something follows the JSON value"))
	}
	return nil
}

// at adds line and column to an error of the JSON decoder, which gives a
// position for some of its errors only.
func at(data []byte, offset int64, err error) error {
	switch e := err.(type) { //nolint:errorlint // the decoder returns these two unwrapped
	case *json.SyntaxError:
		offset = e.Offset - 1
	case *json.UnmarshalTypeError:
		offset = e.Offset
	default:
		if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
			if bytes.Count(data, []byte(name)) != 1 {
				return err
			}
			offset = int64(bytes.Index(data, []byte(name)))
		}
	}
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// check says what is wrong with a member of a seed, and completes it.
func (b *Backend) check() error {
	if b.Type == "" {
		b.Type = typeECS
	}
	switch {
	case b.ServerID == "":
		return fmt.Errorf("ServerId is missing")
	case b.Port < 1 || b.Port > 65535:
		return fmt.Errorf("port %d is not in 1–65535", b.Port)
	case b.Weight < 0 || b.Weight > 100:
		return fmt.Errorf("weight %d is not in 0–100", b.Weight)
	case b.Type != typeECS && b.Type != typeENI && b.Type != typeECI:
		return fmt.Errorf("type %q is not ecs, eni or eci", b.Type)
	}
	if b.ServerIP != "" {
		if _, err := netip.ParseAddr(b.ServerIP); err != nil {
			return fmt.Errorf("ServerIp %q is no address", b.ServerIP)
		}
	}
	return nil
}

// duration reads the duration of a seed; empty means byDefault.
func duration(text string, byDefault time.Duration) (time.Duration, error) {
	if text == "" {
		return byDefault, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is no duration (2s, 500ms, 10m)", text)
	}
	return d, nil
}
