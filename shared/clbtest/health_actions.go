package clbtest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// describeHealthStatus lists the members of the groups that a listener uses.
// Weight is a string here, as in the service's own answer.
func (e *exchange) describeHealthStatus() (document, *failure) {
	port, fail := e.number("ListenerPort", 0, 1, 65535)
	if fail != nil {
		return nil, fail
	}
	protocol := e.get("ListenerProtocol")
	if !slices.Contains([]string{"", "tcp", "udp", "http", "https"}, protocol) {
		return nil, refuse("InvalidParameter", "The specified value of parameter ListenerProtocol is not valid.")
	}
	lb, now := e.loadBalancer, time.Now()
	servers := list{element: "BackendServer"}
	lb.mu.Lock()
	defer lb.mu.Unlock()
	lb.advance(now)
	if lb.deleted {
		return nil, refuse("InvalidLoadBalancerId.NotFound", "")
	}
	for _, g := range lb.groups {
		if g.info.ListenerPort == 0 || port != 0 && g.info.ListenerPort != port || !allows(protocol, g.protocol()) {
			continue
		}
		for _, b := range g.members {
			status := "abnormal"
			if in, ok := e.sim.findInstance(e.world, b.ServerID); ok && in.isHealthy(now) {
				status = "normal"
			}
			servers.items = append(servers.items, document{
				{"ListenerPort", g.info.ListenerPort},
				{"Protocol", g.protocol()},
				{"ServerId", b.ServerID},
				{"Port", b.Port},
				{"ServerIp", b.ServerIP},
				{"EniHost", ""},
				{"Type", b.Type},
				{"Weight", strconv.Itoa(b.Weight)},
				{"ServerHealthStatus", status},
			})
		}
	}
	return document{{"BackendServers", servers}}, nil
}

// tags reads Tag.1.Key, Tag.1.Value and so on, at most 20.
func (e *exchange) tags() (map[string]string, *failure) {
	var tags map[string]string
	for i := 1; ; i++ {
		prefix := "Tag." + strconv.Itoa(i) + "."
		k, ok := e.lookup(prefix + "Key")
		if !ok {
			return tags, nil
		}
		if k == "" || i > 20 {
			return nil, refuse("InvalidParameter", "The specified value of parameter %sKey is not valid.", prefix)
		}
		if tags == nil {
			tags = map[string]string{}
		}
		tags[strings.Clone(k)] = strings.Clone(e.get(prefix + "Value"))
	}
}

func hasTags(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || v != "" && v != got {
			return false
		}
	}
	return true
}

func tagList(tags map[string]string, keyName, valueName string) list {
	l := list{element: "Tag"}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		l.items = append(l.items, document{{keyName, k}, {valueName, tags[k]}})
	}
	return l
}
