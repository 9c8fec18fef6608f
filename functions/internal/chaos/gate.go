package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"slb-registrar/shared/clbtest"
)

// gate is the network between the functions and the simulator. Every process
// has an address of its own there, so that it is known who asked, and a request
// that is on its way arrives even if its sender has died meanwhile.
type gate struct {
	ledger *ledger
	sim    *clbtest.Simulator

	mu         sync.Mutex
	servers    []*http.Server
	random     *rand.Rand
	signatures map[string]bool
	slow       int // requests that were held up on their way

	underway sync.WaitGroup
}

type contextKey int

const (
	keyGeneration contextKey = iota
	keyCall
)

func newGate(l *ledger, seed uint64) *gate {
	return &gate{ledger: l, random: newRandom(seed, 3), signatures: map[string]bool{}}
}

// observe is told by the simulator what it made of a request.
func (g *gate) observe(ctx context.Context, recorded clbtest.Call) {
	if c, ok := ctx.Value(keyCall).(*call); ok {
		g.ledger.record(c, recorded)
	}
}

// open gives a process its address.
func (g *gate) open(gen *generation) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	gen.listener = listener
	server := &http.Server{
		Handler: g, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return context.WithValue(context.Background(), keyGeneration, gen) },
	}
	g.mu.Lock()
	g.servers = append(g.servers, server)
	g.mu.Unlock()
	go func() { _ = server.Serve(listener) }() // until the listener is closed
	return nil
}

// close ends all connections.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.servers {
		_ = s.Close()
	}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.underway.Add(1)
	defer g.underway.Done()
	gen, _ := r.Context().Value(keyGeneration).(*generation)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	values := r.URL.Query()
	if form, err := url.ParseQuery(string(body)); err == nil {
		for k, v := range form {
			values[k] = append(values[k], v...)
		}
	}
	c := &call{from: gen, token: values.Get("LifecycleActionToken"), clientToken: values.Get("ClientToken"), result: values.Get("LifecycleActionResult")}
	gen.calls.Add(1)
	gen.provoked()
	if d := g.onTheWay(values.Get("Signature")); d > 0 {
		sleep(context.WithoutCancel(r.Context()), d)
	}
	g.ledger.arrive(c)

	// It takes effect whether or not somebody still waits for it.
	there := r.Context()
	r = r.WithContext(context.WithValue(context.WithoutCancel(there), keyCall, c))
	r.Body = io.NopCloser(bytes.NewReader(body))
	tw := &tapped{ResponseWriter: w}
	defer func() {
		whole := tw.whole() && there.Err() == nil
		g.ledger.answer(c, whole)
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			panic(p)
		}
	}()
	g.sim.ServeHTTP(tw, r)
}

// onTheWay remembers a signature, which must be seen nowhere else, and says how
// long its request is on its way.
func (g *gate) onTheWay(signature string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if signature != "" {
		g.signatures[signature] = true
		g.signatures[url.QueryEscape(signature)] = true
	}
	if g.random.IntN(20) > 0 {
		return 0
	}
	g.slow++
	return time.Duration(g.random.IntN(500)) * time.Millisecond
}

// tapped notices whether an answer was written to its end.
type tapped struct {
	http.ResponseWriter
	written int
	broken  bool
}

func (t *tapped) Write(p []byte) (int, error) {
	n, err := t.ResponseWriter.Write(p)
	t.written += n
	t.broken = t.broken || err != nil
	return n, err
}

// Unwrap lets the simulator flush and hijack.
func (t *tapped) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tapped) whole() bool {
	length, err := strconv.Atoi(t.Header().Get("Content-Length"))
	return err == nil && !t.broken && t.written == length
}
