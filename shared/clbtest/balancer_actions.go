package clbtest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	specDefault = "slb.s1.small"
	specShared  = "slb.s0.share"
)

func loadBalancerActions() []action {
	of := []string{"RegionId", "LoadBalancerId"}
	return []action{
		{"CreateLoadBalancer", productSLB, []string{"RegionId"}, []string{
			"AddressIPVersion", "MasterZoneId", "SlaveZoneId", "ResourceGroupId", "LoadBalancerName", "LoadBalancerSpec", "VSwitchId",
			"VpcId", "InternetChargeType", "InstanceChargeType", "PayType", "PricingCycle", "Duration", "AutoPay", "AutoRenew", "AutoRenewPeriod",
			"ModificationProtectionReason", "ModificationProtectionStatus", "DeleteProtection", "SupportPrivateLink", "EnableVpcVipFlow",
			"CloudType", "AddressType", "Address", "Bandwidth", "InstanceListenerType", "Ratio", "Tag.",
		}, true, (*exchange).createLoadBalancer},
		{"DeleteLoadBalancer", productSLB, of, []string{"EnableEipReserve"}, true, (*exchange).deleteLoadBalancer},
		{"DescribeLoadBalancers", productSLB, []string{"RegionId"}, []string{
			"LoadBalancerId", "LoadBalancerName", "LoadBalancerStatus", "NetworkType", "AddressType", "AddressIPVersion", "Address", "VpcId",
			"VSwitchId", "MasterZoneId", "SlaveZoneId", "ResourceGroupId", "InternetChargeType", "InstanceChargeType", "PayType", "BusinessStatus",
			"ServerId", "ServerIntranetAddress", "SupportPrivateLink", "Fuzzy", "FilterByTagOrName", "PageNumber", "PageSize", "Tag.",
		}, false, (*exchange).describeLoadBalancers},
		{"DescribeLoadBalancerAttribute", productSLB, of, []string{"IncludeReservedData"}, false, (*exchange).describeLoadBalancerAttribute},
		{"DescribeHealthStatus", productSLB, of, []string{"ListenerPort", "ListenerProtocol"}, false, (*exchange).describeHealthStatus},
	}
}

func (e *exchange) createLoadBalancer() (document, *failure) {
	tags, fail := e.tags()
	if fail != nil {
		return nil, fail
	}
	bandwidth, fail := e.number("Bandwidth", 0, -1, 5000)
	if fail != nil {
		return nil, fail
	}
	for name, allowed := range map[string][]string{
		"AddressType":      {"", "internet", "intranet"},
		"AddressIPVersion": {"", "ipv4", "ipv6"},
		"DeleteProtection": {"", "on", "off"},
	} {
		if !slices.Contains(allowed, e.get(name)) {
			return nil, refuse("InvalidParameter", "The specified value of parameter %s is not valid.", name)
		}
	}
	clone := func(name string) string { return strings.Clone(e.get(name)) }
	now := time.Now()
	lb := e.world.newLoadBalancer(LoadBalancer{
		RegionID: e.call.RegionID, LoadBalancerID: newID("lb-"), MaxBackends: e.sim.options.MaxBackends,
		LoadBalancerName: clone("LoadBalancerName"), LoadBalancerSpec: clone("LoadBalancerSpec"), Address: clone("Address"),
		AddressType: clone("AddressType"), AddressIPVersion: clone("AddressIPVersion"), VpcID: clone("VpcId"), VSwitchID: clone("VSwitchId"),
		InternetChargeType: clone("InternetChargeType"), InstanceChargeType: clone("InstanceChargeType"), MasterZoneID: clone("MasterZoneId"),
		SlaveZoneID: clone("SlaveZoneId"), ResourceGroupID: clone("ResourceGroupId"), Bandwidth: bandwidth,
		DeleteProtection: clone("DeleteProtection"), Tags: tags,
	}, now)
	if lb.info.LoadBalancerName == "" {
		lb.info.LoadBalancerName = "auto_named_slb"
	}
	e.call.LoadBalancerID = lb.id
	fail = e.change(lb, nil, func(time.Time) (plan, *failure) {
		lb.deleted = true // not there before the change applies, yet found by whoever applies it
		e.world.loadBalancers.Store(lb.key, lb)
		return plan{apply: func() { lb.deleted = false }}, nil
	})
	if fail != nil {
		return nil, fail
	}
	return document{
		{"LoadBalancerId", lb.id},
		{"LoadBalancerName", lb.info.LoadBalancerName},
		{"Address", lb.address()},
		{"AddressIPVersion", cmp.Or(lb.info.AddressIPVersion, "ipv4")},
		{"NetworkType", lb.networkType()},
		{"VpcId", lb.info.VpcID},
		{"VSwitchId", lb.info.VSwitchID},
		{"ResourceGroupId", lb.info.ResourceGroupID},
		{"OrderId", int64(0)},
	}, nil
}

func (e *exchange) deleteLoadBalancer() (document, *failure) {
	lb := e.loadBalancer
	fail := e.change(lb, nil, func(time.Time) (plan, *failure) {
		if lb.info.DeleteProtection == "on" {
			return plan{}, refuse("OperationDenied.DeleteProtection", "")
		}
		return plan{apply: func() {
			lb.deleted = true
			for _, g := range lb.groups {
				g.deleted = true
				e.world.groups.Delete(g.key)
			}
			e.world.loadBalancers.Delete(lb.key)
		}}, nil
	})
	return document{}, fail
}

func (e *exchange) describeLoadBalancers() (document, *failure) {
	number, fail := e.number("PageNumber", 1, 1, 1<<30)
	if fail != nil {
		return nil, fail
	}
	size, fail := e.number("PageSize", 50, 1, 100)
	if fail != nil {
		return nil, fail
	}
	want, fail := e.tags()
	if fail != nil {
		return nil, fail
	}
	now := time.Now()
	var all []document
	for _, lb := range e.world.listLoadBalancers() {
		lb.mu.Lock()
		lb.advance(now)
		if !lb.deleted && lb.region == e.get("RegionId") && hasTags(lb.info.Tags, want) && e.selects(lb) {
			all = append(all, lb.describe())
		}
		lb.mu.Unlock()
	}
	page := list{element: "LoadBalancer"}
	from := min((number-1)*size, len(all))
	for _, d := range all[from:min(from+size, len(all))] {
		page.items = append(page.items, d)
	}
	return document{{"PageNumber", number}, {"PageSize", size}, {"TotalCount", len(all)}, {"LoadBalancers", page}}, nil
}

// selects applies the filters of DescribeLoadBalancers. The caller holds lb.mu.
func (e *exchange) selects(lb *loadBalancer) bool {
	d := lb.describe()
	for _, name := range []string{
		"LoadBalancerStatus", "NetworkType", "AddressType", "AddressIPVersion", "Address", "VpcId", "VSwitchId", "MasterZoneId", "SlaveZoneId",
		"ResourceGroupId", "InternetChargeType", "InstanceChargeType", "PayType", "BusinessStatus",
	} {
		if !allows(e.get(name), d.text(name)) {
			return false
		}
	}
	for _, name := range []string{"LoadBalancerId", "LoadBalancerName"} { // these take several, separated by commas
		if filter := e.get(name); filter != "" && !slices.Contains(strings.Split(filter, ","), d.text(name)) {
			return false
		}
	}
	if server := e.get("ServerId"); server != "" {
		return slices.ContainsFunc(lb.groups, func(g *group) bool {
			return slices.ContainsFunc(g.members, func(b Backend) bool { return b.ServerID == server })
		})
	}
	return true
}

func (e *exchange) describeLoadBalancerAttribute() (document, *failure) {
	lb := e.loadBalancer
	lb.mu.Lock()
	defer lb.mu.Unlock()
	lb.advance(time.Now())
	if lb.deleted {
		return nil, refuse("InvalidLoadBalancerId.NotFound", "")
	}
	ports, withProtocol, misspelt := list{element: "ListenerPort"}, list{element: "ListenerPortAndProtocol"}, list{element: "ListenerPortAndProtocal"}
	for _, g := range lb.groups {
		if g.info.ListenerPort == 0 {
			continue
		}
		ports.items = append(ports.items, strconv.Itoa(g.info.ListenerPort))
		withProtocol.items = append(withProtocol.items, document{{"ListenerPort", g.info.ListenerPort}, {"ListenerProtocol", g.protocol()}})
		misspelt.items = append(misspelt.items, document{{"ListenerPort", g.info.ListenerPort}, {"ListenerProtocal", g.protocol()}})
	}
	return append(lb.describe(),
		field{"EndTime", "2999-09-08T16:00:00Z"},
		field{"EndTimeStamp", int64(32493801600000)},
		field{"ListenerPorts", ports},
		field{"ListenerPortsAndProtocol", withProtocol},
		field{"ListenerPortsAndProtocal", misspelt},
		field{"BackendServers", list{element: "BackendServer"}}, // the default group, which there is none of
	), nil
}

// describe is what the list and the attributes have in common. The caller holds
// lb.mu.
func (lb *loadBalancer) describe() document {
	info := lb.info
	return document{
		{"LoadBalancerId", lb.id},
		{"LoadBalancerName", info.LoadBalancerName},
		{"LoadBalancerStatus", cmp.Or(info.LoadBalancerStatus, "active")},
		{"LoadBalancerSpec", cmp.Or(info.LoadBalancerSpec, specDefault)},
		{"Address", lb.address()},
		{"AddressType", cmp.Or(info.AddressType, "internet")},
		{"AddressIPVersion", cmp.Or(info.AddressIPVersion, "ipv4")},
		{"RegionId", lb.region},
		{"RegionIdAlias", lb.region},
		{"NetworkType", lb.networkType()},
		{"VpcId", info.VpcID},
		{"VSwitchId", info.VSwitchID},
		{"MasterZoneId", cmp.Or(info.MasterZoneID, lb.region+"-b")},
		{"SlaveZoneId", cmp.Or(info.SlaveZoneID, lb.region+"-d")},
		{"InternetChargeType", cmp.Or(info.InternetChargeType, "paybytraffic")},
		{"InstanceChargeType", cmp.Or(info.InstanceChargeType, "PayBySpec")},
		{"PayType", "PayOnDemand"},
		{"Bandwidth", cmp.Or(info.Bandwidth, 5120)},
		{"BusinessStatus", "Normal"},
		{"ResourceGroupId", info.ResourceGroupID},
		{"DeleteProtection", cmp.Or(info.DeleteProtection, "off")},
		{"ModificationProtectionStatus", "NonProtection"},
		{"ServiceManagedMode", "Unmanaged"},
		{"CreateTime", utc(info.CreateTime)},
		{"CreateTimeStamp", info.CreateTime.UnixMilli()},
		{"Tags", tagList(info.Tags, "TagKey", "TagValue")},
	}
}

// address is of a range that is reserved for documentation.
func (lb *loadBalancer) address() string {
	return cmp.Or(lb.info.Address, fmt.Sprintf("203.0.113.%d", 1+lb.order%254))
}

func (lb *loadBalancer) networkType() string {
	if lb.info.VpcID != "" {
		return "vpc"
	}
	return "classic"
}

// utc formats a time as the service does.
func utc(t *time.Time) string { return t.UTC().Format(timestampLayout) }
