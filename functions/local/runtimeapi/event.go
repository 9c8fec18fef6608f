package runtimeapi

import (
	"net/http"
	"time"
)

// Event is one invocation. The zero value of every field but Body is what the
// platform does on a good day.
type Event struct {
	Body []byte
	// RequestID names the invocation; made up if empty. Sending the same again
	// is a duplicate delivery.
	RequestID string
	// RetryCount is what Function Compute tells of earlier attempts.
	RetryCount int
	// Credentials replace those of the options for this invocation.
	Credentials *Credentials
	// Deadline is what the function is told. The platform itself always goes by
	// the time-out of the function, whatever it told.
	Deadline time.Time
	// Header replaces headers of the invocation: a key without values removes
	// the header.
	Header http.Header

	// NextDelay holds the event back after the function asked for it.
	NextDelay time.Duration
	// RefuseAnswer, if set, is the HTTP status with which the runtime API
	// refuses the answer of the function. The answer is then lost.
	RefuseAnswer int
	// OnDelivered, if set, is called when the process has been handed the event.
	OnDelivered func()
}

// Answer is how an invocation ended, as far as the platform can tell.
type Answer struct {
	RequestID string
	// Payload is what the function answered; nil if Error is set.
	Payload     []byte
	ContentType string
	// Error is set when the invocation failed, whoever noticed.
	Error *FunctionError

	// Duration is from the delivery to the end. InitDuration is, on a cold
	// start, how long the process took until it first asked for work.
	Duration     time.Duration
	InitDuration time.Duration
	ColdStart    bool

	Crashed  bool // the process ended before it answered
	TimedOut bool // the time-out passed before it answered
	Lost     bool // its answer was refused: see Event.RefuseAnswer
}

// FunctionError is a failed invocation in the form in which both platforms
// give it to the caller.
type FunctionError struct {
	Type    string  `json:"errorType,omitempty"`
	Message string  `json:"errorMessage"`
	Stack   []Frame `json:"stackTrace,omitempty"`
}

// Frame is a line of the stack of a function that panicked.
type Frame struct {
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Label string `json:"label"`
}

// Error makes a FunctionError usable where an error is wanted.
func (e *FunctionError) Error() string {
	if e.Type == "" {
		return e.Message
	}
	return e.Type + ": " + e.Message
}
