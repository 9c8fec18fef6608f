package runtimeapi

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// protocol is in what the runtime APIs of the platforms differ.
type protocol struct {
	variable string // tells the process the address
	base     string // of the paths
	accepted int    // the status that acknowledges an answer
	// limit of an answer in bytes: of a synchronous invocation 32 MB at
	// Function Compute, 6 MB at Lambda.
	limit int64
}

var (
	fcProtocol = protocol{
		variable: "FC_RUNTIME_API",
		base:     "/2020-11-11/runtime/invocation/",
		accepted: http.StatusOK,
		limit:    32 << 20,
	}
	lambdaProtocol = protocol{
		variable: "AWS_LAMBDA_RUNTIME_API",
		base:     "/2018-06-01/runtime/invocation/",
		accepted: http.StatusAccepted,
		limit:    6 << 20,
	}
)

// poller is the host of a function that polls for its work.
type poller struct {
	protocol protocol
	listener net.Listener
	server   *http.Server
	work     chan *delivery

	polled sync.Once
	first  chan struct{}
	hangUp sync.Once
	closed chan struct{}

	mu      sync.Mutex
	pending map[string][]*delivery // in the order of delivery; duplicates share an id
}

func newPoller(p protocol, errors io.Writer) (*poller, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &poller{protocol: p, listener: listener, work: make(chan *delivery),
		first: make(chan struct{}), closed: make(chan struct{}), pending: map[string][]*delivery{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+p.base+"next", h.next)
	mux.HandleFunc("POST "+p.base+"{id}/response", h.response)
	mux.HandleFunc("POST "+p.base+"{id}/error", h.failure)
	if p.variable == lambdaProtocol.variable {
		// A function that wants to hear of its end registers as an extension
		// and then waits for an event that never comes: it gets SIGTERM.
		mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Lambda-Extension-Identifier", newRequestID())
			_, _ = io.WriteString(w, "{}")
		})
		mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		})
		// The process ends by itself after it has told why it cannot start.
		mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(p.accepted)
		})
	}
	h.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(errors, "runtime API: ", 0)}
	go func() { _ = h.server.Serve(listener) }() // ends with close
	return h, nil
}

func (h *poller) environment() []string {
	return []string{h.protocol.variable + "=" + h.listener.Addr().String()}
}

func (h *poller) ready() <-chan struct{} { return h.first }

func (h *poller) close() {
	h.hangUp.Do(func() { close(h.closed) })
	_ = h.server.Close()
}

func (h *poller) exchange(ctx context.Context, d *delivery, exited <-chan struct{}) (reply, error) {
	select {
	case h.work <- d:
	case <-exited:
		return reply{}, errNotDelivered
	case <-h.closed:
		return reply{}, errHungUp
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
	select {
	case r := <-d.answered:
		return r, nil
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	case <-h.closed:
		return reply{}, errHungUp
	case <-exited:
	}
	// A process may answer with its last breath.
	select {
	case r := <-d.answered:
		return r, nil
	default:
		return reply{}, errExited
	}
}

// next is the long poll: it answers when there is work, and never otherwise.
func (h *poller) next(w http.ResponseWriter, r *http.Request) {
	h.polled.Do(func() { close(h.first) })
	var d *delivery
	select {
	case d = <-h.work:
	case <-r.Context().Done():
		return
	}
	if d.event.NextDelay > 0 {
		late := time.NewTimer(d.event.NextDelay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
			return
		}
	}
	h.mu.Lock()
	h.pending[d.id] = append(h.pending[d.id], d)
	h.mu.Unlock()

	header := w.Header()
	for name, values := range d.header {
		header[name] = values
	}
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(d.event.Body)))
	if _, err := w.Write(d.event.Body); err == nil {
		_ = http.NewResponseController(w).Flush()
	}
	d.arrived()
}

func (h *poller) response(w http.ResponseWriter, r *http.Request) {
	h.settle(w, r, func(body []byte) reply {
		// A streamed answer that broke off says so behind its body.
		if failed := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); failed != "" {
			return reply{failure: &FunctionError{Type: failed, Message: r.Trailer.Get("Lambda-Runtime-Function-Error-Body")}}
		}
		return reply{payload: body, contentType: r.Header.Get("Content-Type")}
	})
}

func (h *poller) failure(w http.ResponseWriter, r *http.Request) {
	h.settle(w, r, func(body []byte) reply {
		return reply{failure: failureFrom(body), contentType: r.Header.Get("Content-Type")}
	})
}

// settle takes an answer for the id in the path and acknowledges it.
func (h *poller) settle(w http.ResponseWriter, r *http.Request, read func(body []byte) reply) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.protocol.limit))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return // the process broke off; its end is noticed elsewhere
	}
	d := h.take(r.PathValue("id"))
	switch {
	case d == nil:
		http.Error(w, `{"errorType":"InvalidRequestID","errorMessage":"no such invocation is in progress"}`, http.StatusBadRequest)
	case tooLarge != nil:
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		d.answered <- reply{failure: &FunctionError{Type: "Function.ResponseSizeTooLarge",
			Message: "the answer is larger than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes"}}
	case d.event.RefuseAnswer != 0:
		w.WriteHeader(d.event.RefuseAnswer)
		d.answered <- reply{lost: true}
	default:
		answer := read(body)
		w.WriteHeader(h.protocol.accepted)
		d.answered <- answer
	}
}

// take removes the oldest pending delivery of an id.
func (h *poller) take(id string) *delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting := h.pending[id]
	if len(waiting) == 0 {
		return nil
	}
	if len(waiting) == 1 {
		delete(h.pending, id)
	} else {
		h.pending[id] = waiting[1:]
	}
	return waiting[0]
}
