package route

import (
	"slices"
	"strings"

	"slb-registrar/shared/event"
)

// takes reports whether the route is for n.
//
// A notice without a source does not come from an event but from somebody who
// looks what there should be; what only events have is not compared then.
func (m Match) takes(n event.Notice) bool {
	if n.Origin == event.FromStateChange && strings.Trim(m.Source, "*?") == "" {
		// Every instance of the account changes its state: only a route that is
		// made for that may take it.
		return false
	}
	if !fits(m.ScalingGroupID, n.ScalingGroupID) || !fits(m.RegionID, n.RegionID) {
		return false
	}
	if n.Source == "" {
		return true
	}
	return fits(m.Source, n.Source) && fits(m.LifecycleHookName, n.HookName)
}

// fits reports whether text agrees with a pattern; no pattern takes all, and a
// pattern never takes what is missing.
func fits(pattern, text string) bool {
	return pattern == "" || text != "" && glob(pattern, text)
}

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?") }

// glob matches text against a pattern with * and ?. It takes no more steps than
// the product of their lengths, whatever the pattern.
func glob(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	i, star, mark := 0, -1, 0
	for j := 0; j < len(t); {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// sources are the kinds of events that can be routed.
var sources = []string{
	event.SourceESSHook, event.SourceESSActivity, event.SourceECSState, event.SourceEC2Hook, event.SourceEC2Activity,
	event.SourceRequest, event.SourceInstance,
}

func knownSource(source string) bool { return slices.Contains(sources, source) }
