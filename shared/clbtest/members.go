package clbtest

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// added returns the members after an add. Of a server that the request lists
// twice the first entry counts, as the documentation of a sibling action says.
func (s *Simulator) added(members []Backend, servers []listed) ([]Backend, *failure) {
	wanted := make(map[identity]int, len(servers))
	for i, b := range servers {
		if _, twice := wanted[b.identity()]; !twice {
			wanted[b.identity()] = i
		}
	}
	next := append(make([]Backend, 0, len(members)+len(wanted)), members...)
	var there []string
	for i := range next {
		w, ok := wanted[next[i].identity()]
		if !ok {
			continue
		}
		delete(wanted, next[i].identity())
		switch s.options.Duplicate {
		case DuplicateUpdate:
			next[i] = servers[w].Backend
		case DuplicateError:
			there = append(there, next[i].ServerID)
		}
	}
	if len(there) > 0 {
		return nil, s.refuseServers("InvalidBackendServers.ServerIpConflict", there)
	}
	for i, b := range servers {
		if w, ok := wanted[b.identity()]; ok && w == i {
			next = append(next, b.Backend)
		}
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

// weighted returns the members after weights and descriptions were set. What is
// no member is ignored, and what a server does not give stays.
func weighted(members []Backend, servers []listed) []Backend {
	given := make(map[identity]listed, len(servers))
	for _, b := range servers {
		given[b.identity()] = b
	}
	next := slices.Clone(members)
	for i := range next {
		b := given[next[i].identity()]
		if b.hasWeight {
			next[i].Weight = b.Weight
		}
		if b.hasDescription {
			next[i].Description = b.Description
		}
	}
	return next
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

// memberList is how answers list members of a group of lb.
func (e *exchange) memberList(lb *loadBalancer, members []Backend) list {
	if e.sim.options.FillServerIP {
		members = slices.Clone(members)
		for i := range members {
			members[i].ServerIP = cmp.Or(members[i].ServerIP, e.address(members[i].ServerID))
		}
	}
	return list{element: "BackendServer", members: members, vpc: lb.info.VpcID} // which never changes
}

// address is that of a server: its private one, or one that is made of the
// order in which it came.
func (e *exchange) address(serverID string) string {
	in, ok := e.sim.findInstance(e.world, serverID)
	if !ok {
		return "10.0.0.1"
	}
	n := in.order
	return cmp.Or(in.PrivateIPAddress, netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String())
}

// describe appends what answers say of a member. ServerIp, Description and VpcId
// are absent when it has none.
func (b *Backend) describe(d document, vpc string, detailed bool) document {
	d = append(d, field{"ServerId", &b.ServerID}, field{"Port", &b.Port}, field{"Weight", &b.Weight}, field{"Type", &b.Type})
	if b.ServerIP != "" {
		d = append(d, field{"ServerIp", &b.ServerIP})
	}
	if b.Description != "" {
		d = append(d, field{"Description", &b.Description})
	}
	if vpc != "" {
		d = append(d, field{"VpcId", vpc})
	}
	if detailed {
		d = append(d, field{"ProxyProtocolV2Enabled", false})
	}
	return d
}
