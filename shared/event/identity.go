package event

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"time"
)

// byToken identifies what a lifecycle hook tells: the token is the same
// whichever way the notification takes, and another for the next launch.
func byToken(token, instance string) string {
	return "hook/" + token + "/" + instance
}

// byID identifies what an event with an id of its own tells.
func byID(id string, kind Kind, instance string) string {
	return "event/" + id + "/" + string(kind) + "/" + instance
}

// byBody identifies what a body tells that nobody gave an id: by what it says.
// Weights, types and metadata do not belong to it, so that a correction of
// them is not taken for another launch. The instance is appended to the result.
func byBody(kind Kind, region, group string, at time.Time, members []string) (prefix string) {
	members = slices.Sorted(slices.Values(members))
	canonical := sha256.New()
	var buffer []byte
	written := ""
	if !at.IsZero() {
		written = at.UTC().Format(time.RFC3339Nano)
	}
	for _, part := range append([]string{"v1", string(kind), region, group, written}, members...) {
		buffer = strconv.AppendInt(buffer[:0], int64(len(part)), 10)
		buffer = append(append(buffer, ':'), part...)
		canonical.Write(buffer)
	}
	return "body/" + hex.EncodeToString(canonical.Sum(nil)) + "/"
}
