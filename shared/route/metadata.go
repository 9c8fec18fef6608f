package route

import (
	"encoding/json"
	"fmt"
	"strconv"

	"slb-registrar/shared/event"
	"slb-registrar/shared/vsg"
)

// metadataTargets reads the targets that a hook's metadata names:
//
//	{"targets": [{"vServerGroupId": "rsp-bp1canary", "port": 8080, "weight": 10}]}
//
// regionId is that of the event if it is missing; weight and type have the
// defaults of the configuration. Metadata without targets is somebody else's.
func (r *Route) metadataTargets(n event.Notice) ([]Target, error) {
	var metadata struct {
		Targets []struct {
			RegionID       string      `json:"regionId"`
			VServerGroupID string      `json:"vServerGroupId"`
			Port           json.Number `json:"port"`
			Weight         json.Number `json:"weight"`
			Type           string      `json:"type"`
			Description    string      `json:"description"`
		} `json:"targets"`
	}
	if n.Metadata == "" || n.Metadata[0] != '{' {
		return nil, nil
	}
	const path = "notificationMetadata"
	if err := json.Unmarshal([]byte(n.Metadata), &metadata); err != nil {
		return nil, &Error{Code: "Malformed", Path: path, Message: fmt.Sprintf("cannot be read, and route %s lets it name targets: %v", r.Name, err)}
	}
	targets := make([]Target, 0, len(metadata.Targets))
	for i, named := range metadata.Targets {
		at := path + ".targets[" + strconv.Itoa(i) + "]"
		t := Target{
			Group:       vsg.Group{RegionID: named.RegionID, ID: named.VServerGroupID},
			Weight:      vsg.DefaultWeight,
			Type:        vsg.Type(named.Type),
			Description: named.Description,
		}
		if t.Group.RegionID == "" && (n.Hook == nil || n.Hook.Platform == event.ESS) {
			t.Group.RegionID = n.RegionID
		}
		if t.Type == "" {
			t.Type = vsg.ECS
		}
		if t.Description == "" {
			t.Description = Description
		}
		var ok bool
		if t.Port, ok = within(named.Port, vsg.MinPort, vsg.MaxPort); !ok {
			return nil, &Error{Code: "Malformed", Path: at + ".port", Message: mustBe(vsg.MinPort, vsg.MaxPort)}
		}
		if named.Weight != "" {
			if t.Weight, ok = within(named.Weight, vsg.MinWeight, vsg.MaxWeight); !ok {
				return nil, &Error{Code: "Malformed", Path: at + ".weight", Message: mustBe(vsg.MinWeight, vsg.MaxWeight)}
			}
		}
		if !validType(t.Type) {
			return nil, &Error{Code: "Malformed", Path: at + ".type", Message: "must be ecs, eni or eci"}
		}
		if !vsg.ValidDescription(t.Description) {
			return nil, &Error{Code: "Malformed", Path: at + ".description", Message: vsg.DescriptionRule}
		}
		if !r.names(t.Group) {
			return nil, &Error{Code: "GroupNotAllowed", Path: at + ".vServerGroupId", Message: fmt.Sprintf(
				"group %q of region %q is neither a target nor in allowVServerGroups of route %s", t.Group.ID, t.Group.RegionID, r.Name)}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func within(text json.Number, low, high int) (int, bool) {
	n, err := strconv.Atoi(text.String())
	return n, err == nil && n >= low && n <= high
}

func mustBe(low, high int) string {
	return fmt.Sprintf("must be a whole number from %d to %d", low, high)
}
