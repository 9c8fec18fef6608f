package alibaba

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
)

// Codes of errors that did not come from the service.
const (
	CodeDeadline      = "Deadline"      // the context ended first
	CodeUnreachable   = "Unreachable"   // no connection: nothing was sent
	CodeNoAnswer      = "NoAnswer"      // sent, but the connection ended without an answer
	CodeBadAnswer     = "BadAnswer"     // answered with something that is no answer of this API
	CodeNoCredentials = "NoCredentials" // nothing to sign with
	CodeBadRequest    = "BadRequest"    // refused here, before anything was sent
)

// Error is how a call failed. It never holds a credential, a signature or a URL.
type Error struct {
	Action string
	// Status is that of HTTP; 0 if there was no answer.
	Status int
	// Code is the service's own, or one of the Code constants. It is empty if
	// the service's answer held none, as an error page of a proxy does.
	Code      string
	Message   string
	RequestID string
	// Lost reports that the service may have acted and did not say so: the
	// request was sent and no verdict on it was read.
	Lost bool

	cause error // only an error of package context
}

// Error is one line without secrets.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Action)
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap gives context.Canceled or context.DeadlineExceeded if the context
// ended the call.
func (e *Error) Unwrap() error { return e.cause }

// fail makes it the Error of a call without a readable answer.
func (e *Error) fail(ctx context.Context, err error, sent bool) {
	e.Lost = sent
	switch {
	case ctx.Err() != nil:
		e.Code, e.cause = CodeDeadline, ctx.Err()
		e.Message = "the call was cancelled"
		if errors.Is(e.cause, context.DeadlineExceeded) {
			e.Message = "the time for the call was over"
		}
	case sent:
		e.Code, e.Message = CodeNoAnswer, describe(err)
	default:
		e.Code, e.Message = CodeUnreachable, describe(err)
	}
}

// describe says what went wrong with a connection in words that are known to
// be safe: an error's own text may hold the URL.
func describe(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var dns *net.DNSError
	var op *net.OpError
	var system *os.SyscallError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "the host " + dns.Name + " was not found"
	case errors.As(err, &system):
		return system.Error()
	case errors.As(err, &op) && op.Err != nil:
		return op.Op + ": " + op.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer did"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the connection timed out"
	}
	return err.Error()
}
