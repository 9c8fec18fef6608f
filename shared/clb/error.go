package clb

import (
	"context"
	"errors"
	"strings"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/vsg"
)

// Error is how a call failed. It holds no secret, no signature and no URL.
type Error struct {
	Action    string // AddVServerGroupBackendServers, …
	Code      string // the service's, or one of package alibaba's; empty if a proxy answered
	Status    int    // of HTTP; 0 if there was no answer
	RequestID string
	Message   string

	change   bool     // the call was to change something
	lost     bool     // it was sent, and no verdict on it came back
	culprits []string // the ids of servers of the call that the message names
	cause    error
}

// Error is one line without secrets.
func (e *Error) Error() string {
	return (&alibaba.Error{Action: e.Action, Code: e.Code, Message: e.Message, RequestID: e.RequestID}).Error()
}

// Unwrap gives context.Canceled or context.DeadlineExceeded if the context
// ended the call.
func (e *Error) Unwrap() error { return e.cause }

// Disposition is what [Classify] says.
func (e *Error) Disposition() vsg.Disposition { return Classify(e) }

// Details are for the outcome of a change.
func (e *Error) Details() (code, message, requestID string) { return e.Code, e.Message, e.RequestID }

// Culprits are the ids of the servers that the message names, of those that
// the call carried, in the call's order; none if it names none, or all of several.
func (e *Error) Culprits() []string { return e.culprits }

// MayPass reports whether the same call may be accepted a little later because
// a server is not running yet. The service answers ObtainIpFail both for a
// server that is starting and for one that does not exist.
func (e *Error) MayPass() bool { return e.Code == "ObtainIpFail" }

// Known reports whether the classification table knows the code. Count those
// that it does not: the service may have learned new ones.
func (e *Error) Known() bool {
	_, known := e.classify()
	return known
}

// explain turns the error of a call into an Error.
func explain(err error, backends []vsg.Backend) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Message: err.Error(), change: len(backends) > 0}
	var failure *alibaba.Error
	if !errors.As(err, &failure) {
		return e
	}
	e.Action, e.Code, e.Status, e.RequestID, e.Message = failure.Action, failure.Code, failure.Status, failure.RequestID, failure.Message
	e.lost = failure.Lost
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(failure, ended) {
			e.cause = ended
		}
	}
	named := 0
	for _, b := range backends {
		if !names(e.Message, b.ServerID) {
			continue
		}
		named++
		if len(e.culprits) == 0 || e.culprits[len(e.culprits)-1] != b.ServerID {
			e.culprits = append(e.culprits, b.ServerID)
		}
	}
	if named == len(backends) && len(e.culprits) > 1 {
		e.culprits = nil // it repeats the parameter, which accuses nobody
	}
	return e
}

// refuse is the Error of a call that was not sent because it could not be right.
func refuse(action, problem string) *Error {
	return &Error{Action: action, Code: alibaba.CodeBadRequest, Message: problem}
}

// names reports whether text holds id as a word of its own: i-1 is not named by i-12.
func names(text, id string) bool {
	if id == "" {
		return false
	}
	for at := 0; ; {
		i := strings.Index(text[at:], id)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(id)
		if (start == 0 || !inID(text[start-1])) && (end == len(text) || !inID(text[end])) {
			return true
		}
		at = start + 1
	}
}

func inID(b byte) bool {
	return b == '-' || b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
