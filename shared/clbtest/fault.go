package clbtest

import (
	"encoding/json"
	"fmt"
	"time"
)

// Fault is a rule that makes calls fail. It sees the calls that were verified
// and can be read; what it matches is given by the first five fields, all of
// which may be empty. Every rule counts the calls that it matches, whichever
// rule acts; of the rules whose turn it is the first acts.
type Fault struct {
	Action         string `json:"action,omitempty"`
	VServerGroupID string `json:"vServerGroupId,omitempty"`
	LoadBalancerID string `json:"loadBalancerId,omitempty"`
	ServerID       string `json:"serverId,omitempty"` // any backend server of the call
	ServerIP       string `json:"serverIp,omitempty"`

	// Nth acts on the nth call only, Every on each nth; Probability, from 0 to
	// 1, on what a generator seeded with Seed says: 0 never. Without any of the
	// three the rule acts on every call.
	Nth         int      `json:"nth,omitempty"`
	Every       int      `json:"every,omitempty"`
	Probability *float64 `json:"probability,omitempty"`
	Seed        uint64   `json:"seed,omitempty"`
	// Times is how often it acts at most; 0 means without limit.
	Times int `json:"times,omitempty"`
	// For is how long it acts, a duration from when it was set; empty means
	// for ever.
	For string `json:"for,omitempty"`

	Effect Effect `json:"effect"`
}

// Effect is what a rule does to a call: one of Code, Reset, Body, Throttle and
// Drip. Latency may be alone or come with any of them.
type Effect struct {
	// Code refuses the call with this error. Status and message are those of
	// the documentation unless given.
	Code       string `json:"code,omitempty"`
	HTTPStatus int    `json:"httpStatus,omitempty"` // also of Body
	Message    string `json:"message,omitempty"`
	// Latency is added to that of a change, which applies later then, and is
	// what any other call takes. Jitter is a random part from 0 up to this.
	Latency string `json:"latency,omitempty"`
	Jitter  string `json:"jitter,omitempty"`
	// Reset closes the connection: before anything is done, or after the call
	// was carried out, so that its answer is lost.
	Reset string `json:"reset,omitempty"`
	// Body answers with something else: truncated is the proper answer, cut in
	// half; html is the error page of a proxy; numeric-code is an error whose
	// Code is a number. With truncated the call is carried out, unless
	// HTTPStatus says that it failed; with the others never.
	Body string `json:"body,omitempty"`
	// Throttle refuses calls with Throttling.User that come faster than a
	// bucket of tokens fills. Calls within the rate go on to the next rule.
	Throttle *Throttle `json:"throttle,omitempty"`
	// Drip is how long each byte of the answer takes.
	Drip string `json:"drip,omitempty"`
}

// Throttle is a bucket of Burst tokens that fills with PerSecond.
type Throttle struct {
	PerSecond float64 `json:"perSecond"`
	Burst     int     `json:"burst"` // 0 means 1
}

// What an effect can do to connection and body.
const (
	ResetBefore = "before"
	ResetAfter  = "after"

	BodyTruncated   = "truncated"
	BodyHTML        = "html"
	BodyNumericCode = "numeric-code"
)

// ParseFaults reads a list of rules. Unknown fields and contradictions are
// errors that name the rule.
func ParseFaults(data []byte) ([]Fault, error) {
	var raw []json.RawMessage
	if err := decodeStrictly(data, &raw); err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	faults := make([]Fault, len(raw))
	for i, r := range raw {
		if err := decodeStrictly(r, &faults[i]); err != nil {
			return nil, fmt.Errorf("faults[%d]: %w", i, err)
		}
	}
	if _, err := newRules(faults, time.Now()); err != nil {
		return nil, err
	}
	return faults, nil
}

// check says what is wrong with a rule.
func (f *Fault) check() error {
	whens := 0
	for _, given := range []bool{f.Nth != 0, f.Every != 0, f.Probability != nil} {
		if given {
			whens++
		}
	}
	switch {
	case whens > 1:
		return fmt.Errorf("nth, every and probability exclude each other")
	case f.Nth < 0 || f.Every < 0 || f.Times < 0:
		return fmt.Errorf("nth, every and times cannot be negative")
	case f.Probability != nil && (*f.Probability < 0 || *f.Probability > 1):
		return fmt.Errorf("probability %v is not in 0–1", *f.Probability)
	}
	if _, err := duration(f.For, 0); err != nil {
		return fmt.Errorf("for: %w", err)
	}
	if err := f.Effect.check(); err != nil {
		return fmt.Errorf("effect: %w", err)
	}
	return nil
}

func (e *Effect) check() error {
	kinds := 0
	for _, given := range []bool{e.Code != "", e.Reset != "", e.Body != "", e.Throttle != nil, e.Drip != ""} {
		if given {
			kinds++
		}
	}
	for name, text := range map[string]string{"latency": e.Latency, "jitter": e.Jitter, "drip": e.Drip} {
		if _, err := duration(text, 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	switch {
	case kinds > 1:
		return fmt.Errorf("code, reset, body, throttle and drip exclude each other")
	case kinds == 0 && e.Latency == "" && e.Jitter == "":
		return fmt.Errorf("it is empty")
	case e.Reset != "" && e.Reset != ResetBefore && e.Reset != ResetAfter:
		return fmt.Errorf("reset %q is not before or after", e.Reset)
	case e.Body != "" && e.Body != BodyTruncated && e.Body != BodyHTML && e.Body != BodyNumericCode:
		return fmt.Errorf("body %q is not truncated, html or numeric-code", e.Body)
	case e.HTTPStatus != 0 && (e.HTTPStatus < 200 || e.HTTPStatus > 599):
		return fmt.Errorf("httpStatus %d is not in 200–599", e.HTTPStatus)
	case e.HTTPStatus != 0 && e.Code == "" && e.Body == "":
		return fmt.Errorf("httpStatus goes with code or body")
	case e.Message != "" && e.Code == "":
		return fmt.Errorf("message goes with code")
	case e.Throttle != nil && (e.Throttle.PerSecond <= 0 || e.Throttle.Burst < 0):
		return fmt.Errorf("throttle: perSecond must be positive, burst not negative")
	}
	return nil
}
