package idempotency

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"slb-registrar/shared/vsg"
)

// The first field of every canonical form names what is digested and in which
// version, so that no two forms can ever collide. A new version makes every
// key new: change it only when the form changes.
const (
	changeForm     = "slb-registrar/change/1"
	contentForm    = "slb-registrar/content/1"
	completionForm = "slb-registrar/completion/1"
)

// contentDigits is the length of a content digest: 64 bits, which only have to
// tell one weight and type from another.
const contentDigits = 16

// KeyOf returns the idempotency key of c, 64 hex digits. It is the same for
// every delivery of one launch or termination, whatever weight, type, time or
// load balancer the delivery came with, and another for any other.
func KeyOf(c vsg.Change) string {
	return digest(changeForm,
		string(c.Action), c.Group.RegionID, c.Group.ID,
		c.Backend.ServerID, c.Backend.ServerIP, strconv.Itoa(c.Backend.Port),
		c.Launch)
}

// ContentOf returns a short digest of what KeyOf leaves out on purpose and yet
// matters: the weight and the type. An empty type counts as ecs, the default.
func ContentOf(c vsg.Change) string {
	kind := c.Backend.Type
	if kind == "" {
		kind = vsg.ECS
	}
	return digest(contentForm, strconv.Itoa(c.Backend.Weight), string(kind))[:contentDigits]
}

// CompletionToken returns the ClientToken for completing a lifecycle action,
// 64 hex digits: the longest that CompleteLifecycleAction takes, and the same
// whoever completes the action with that result.
func CompletionToken(hookID, token, result string) string {
	return digest(completionForm, hookID, token, result)
}

// digest is the hex SHA-256 of the fields as netstrings. A field says its own
// length, so nothing that stands in one can be mistaken for the start of another.
func digest(fields ...string) string {
	var form []byte
	for _, field := range fields {
		form = strconv.AppendInt(form, int64(len(field)), 10)
		form = append(form, ':')
		form = append(form, field...)
		form = append(form, ',')
	}
	sum := sha256.Sum256(form)
	return hex.EncodeToString(sum[:])
}
