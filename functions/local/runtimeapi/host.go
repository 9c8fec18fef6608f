package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
)

// host is the platform's side of one process: the runtime API that it polls, or
// the client of the server that it is.
type host interface {
	// environment tells the process where to find the host.
	environment() []string
	// ready is closed when the process asks for work for the first time.
	ready() <-chan struct{}
	// exchange hands the delivery over and waits for the answer, for the end of
	// the process (errExited) or of ctx (its cause).
	exchange(ctx context.Context, d *delivery, exited <-chan struct{}) (reply, error)
	// close hangs up. The process should be gone by then.
	close()
}

var (
	// errExited: the process ended after it was handed the event.
	errExited = errors.New("the process ended before it answered")
	// errNotDelivered: it ended before, so that another may be given the event.
	errNotDelivered = errors.New("the process ended before it took the event")
	// errHungUp: the runtime API is closed, and the process may live on.
	errHungUp = errors.New("the runtime API is closed")
)

// kind is the type of an invocation at Function Compute, with its number there.
type kind string

const (
	invoke     kind = "0"
	initialize kind = "1"
	preStop    kind = "2"
)

// delivery is an event on its way to the process and back.
type delivery struct {
	id     string
	kind   kind
	header http.Header
	event  Event

	delivered sync.Once
	answered  chan reply // holds one
}

func newDelivery(id string, k kind, header http.Header, e Event) *delivery {
	return &delivery{id: id, kind: k, header: header, event: e, answered: make(chan reply, 1)}
}

// arrived is called when the process has the event.
func (d *delivery) arrived() {
	d.delivered.Do(func() {
		if d.event.OnDelivered != nil {
			d.event.OnDelivered()
		}
	})
}

// reply is what came back from the process.
type reply struct {
	payload     []byte
	contentType string
	failure     *FunctionError
	lost        bool
}

// failureFrom reads the body of a failed invocation. A body in no known form is
// the message itself: whatever it says, somebody will want to read it.
func failureFrom(body []byte) *FunctionError {
	var failure FunctionError
	if err := json.Unmarshal(body, &failure); err != nil || (failure.Type == "" && failure.Message == "") {
		return &FunctionError{Message: strings.TrimSpace(string(body))}
	}
	return &failure
}
