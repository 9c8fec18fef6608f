package clbtest

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// added returns the members after an add. Of a server that the request lists
// twice the first entry counts, as the documentation of a sibling action says.
func (s *Simulator) added(members []Backend, servers []listed) ([]Backend, *failure) {
	next := append(make([]Backend, 0, len(members)+len(servers)), members...)
	index := indexOf(members)
	mine := make(map[identity]bool, len(servers))
	var there []string
	for _, b := range servers {
		id := b.identity()
		if mine[id] {
			continue
		}
		mine[id] = true
		i, member := index[id]
		switch {
		case !member:
			next = append(next, b.Backend)
		case s.options.Duplicate == DuplicateUpdate:
			next[i] = b.Backend
		case s.options.Duplicate == DuplicateError:
			there = append(there, b.ServerID)
		}
	}
	if len(there) > 0 {
		return nil, s.refuseServers("InvalidBackendServers.ServerIpConflict", there)
	}
	return next, nil
}

// removed returns the members after a removal. What is no member is ignored.
func removed(members []Backend, servers []listed) []Backend {
	gone := make(map[identity]bool, len(servers))
	for _, b := range servers {
		gone[b.identity()] = true
	}
	return slices.DeleteFunc(slices.Clone(members), func(b Backend) bool { return gone[b.identity()] })
}

func indexOf(members []Backend) map[identity]int {
	index := make(map[identity]int, len(members))
	for i := range members {
		index[members[i].identity()] = i
	}
	return index
}

// checkServers refuses servers that cannot become members of lb.
func (e *exchange) checkServers(lb *loadBalancer, servers []listed, now time.Time) *failure {
	var unknown, unknownInterfaces, otherNetwork, notRunning []string
	for _, b := range servers {
		if b.Type != typeECS && lb.info.LoadBalancerSpec == specShared {
			return refuse("OperationUnsupported.AddVServerGroupBackendServers", "A shared-resource load balancer takes no %s.", b.Type)
		}
		if b.ServerIP != "" && lb.info.AddressIPVersion != "ipv6" {
			if ip, err := netip.ParseAddr(b.ServerIP); err == nil && ip.Is6() && !ip.Is4In6() {
				return refuse("OperationDeny.LbNotSupportIPv6Server", "")
			}
		}
		in, ok := (*instance)(nil), typeFits(b.Type, b.ServerID)
		if ok {
			in, ok = e.sim.findInstance(e.world, b.ServerID)
		}
		switch {
		case !ok && b.Type == typeECS:
			unknown = append(unknown, b.ServerID)
		case !ok:
			unknownInterfaces = append(unknownInterfaces, b.ServerID)
		case in.VpcID != "" && lb.info.VpcID != "" && in.VpcID != lb.info.VpcID:
			otherNetwork = append(otherNetwork, b.ServerID)
		case !in.isRunning(now):
			notRunning = append(notRunning, b.ServerID)
		}
	}
	switch {
	case len(unknown) > 0:
		return e.sim.refuseServers("InvalidServerId.NotExist", unknown)
	case len(unknownInterfaces) > 0: // this message always names them
		return refuse("ResourceNotFound.vServers", "The specified resources do not exist: %s.", strings.Join(unknownInterfaces, ","))
	case len(otherNetwork) > 0:
		return e.sim.refuseServers("NetworkConflict", otherNetwork)
	case len(notRunning) > 0:
		return e.sim.refuseServers("ObtainIpFail", notRunning)
	}
	return nil
}

// typeFits says whether an id can be that of a server of this type: network
// interfaces and containers have prefixes of their own.
func typeFits(serverType, id string) bool {
	switch serverType {
	case typeENI:
		return strings.HasPrefix(id, "eni-")
	case typeECI:
		return strings.HasPrefix(id, "eci-")
	}
	return !strings.HasPrefix(id, "eni-") && !strings.HasPrefix(id, "eci-")
}

func (s *Simulator) refuseServers(code string, ids []string) *failure {
	f := refuse(code, "")
	if s.options.NameServers {
		f.message += " ServerId: " + strings.Join(ids, ",") + "."
	}
	return f
}

// memberList is how answers list members. Description and ServerIp are absent
// when a member has none.
func memberList(members []Backend, described bool) list {
	l := list{element: "BackendServer", items: make([]any, len(members))}
	for i, b := range members {
		d := make(document, 0, 7)
		d = append(d, field{"ServerId", b.ServerID}, field{"Port", b.Port}, field{"Weight", b.Weight}, field{"Type", b.Type})
		if b.ServerIP != "" {
			d = append(d, field{"ServerIp", b.ServerIP})
		}
		if b.Description != "" {
			d = append(d, field{"Description", b.Description})
		}
		if described {
			d = append(d, field{"ProxyProtocolV2Enabled", false})
		}
		l.items[i] = d
	}
	return l
}
