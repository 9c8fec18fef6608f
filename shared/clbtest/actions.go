package clbtest

import (
	"slices"
	"strings"
)

// The products whose actions there are, by the version that calls name.
const (
	productSLB = "Slb"
	productESS = "Ess"

	versionSLB = "2014-05-15"
	versionESS = "2014-08-28"
)

// action is one action of a product. Its parameters are those of its request,
// without the ones that every call may carry; those that end in a dot stand for
// all that begin so.
type action struct {
	name     string
	product  string
	required []string
	optional []string
	changes  bool // makes a change, which takes the latency
	run      func(*exchange) (document, *failure)
}

func (a *action) needs(parameter string) bool { return slices.Contains(a.required, parameter) }

func (a *action) has(parameter string) bool {
	return a.needs(parameter) || slices.Contains(a.optional, parameter)
}

// commonParameters may come with any call: those of the protocol, and those of
// old interfaces, which the SDK still has and which mean nothing.
var commonParameters = func() map[string]bool {
	all := map[string]bool{}
	for _, name := range []string{
		"Action", "Version", "Format", "RegionId", "AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion",
		"SignatureNonce", "SignatureType", "Timestamp", "TimeStamp", "SecurityToken", "AcceptLanguage",
		"OwnerId", "OwnerAccount", "ResourceOwnerId", "ResourceOwnerAccount", "Owner", "Tags", "access_key_id", "ClientToken",
	} {
		all[name] = true
	}
	return all
}()

var actions = func() map[string]*action {
	all := map[string]*action{}
	for _, a := range append(slices.Concat(vServerGroupActions(), loadBalancerActions()), scalingActions()...) {
		all[a.name] = &a
	}
	return all
}()

// findAction looks up what a call wants to do.
func findAction(name, version string) (*action, *failure) {
	if version != versionSLB && version != versionESS {
		return nil, refuse("InvalidVersion", "")
	}
	a, ok := actions[name]
	if !ok || (a.product == productSLB) != (version == versionSLB) {
		return nil, refuse("InvalidAction.NotFound", "The specified action %s does not exist.", name)
	}
	return a, nil
}

// checkParameters refuses a call without what is mandatory, or with what the
// action does not have.
func (e *exchange) checkParameters() *failure {
	for _, name := range e.action.required {
		if e.get(name) != "" {
			continue
		}
		if _, present := e.lookup(name); present && name == "BackendServers" {
			continue // an empty list is for the action to judge
		}
		return missing(name)
	}
	if e.sim.options.IgnoreUnknownParameters {
		return nil
	}
	for _, p := range e.parameters {
		if !commonParameters[p.name] && !e.action.takes(p.name) {
			return refuse("InvalidParameter", "The specified parameter %q is not valid for %s.", p.name, e.action.name)
		}
	}
	return nil
}

func (a *action) takes(parameter string) bool {
	for _, known := range [2][]string{a.required, a.optional} {
		for _, k := range known {
			switch {
			case strings.HasSuffix(k, "."):
				if len(parameter) > len(k) && strings.EqualFold(parameter[:len(k)], k) {
					return true
				}
			case k == parameter, a.product == productESS && strings.EqualFold(k, parameter):
				return true
			}
		}
	}
	return false
}
