package runtimeapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"
)

// pusher is the host of a custom runtime: the function is the server.
type pusher struct {
	port   int
	client *http.Client
	first  chan struct{}
	stop   chan struct{}
	once   sync.Once
}

func newPusher() (*pusher, error) {
	// The port is free again when the process wants it. On a platform it is
	// 9000, but here several instances share one network.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &pusher{port: listener.Addr().(*net.TCPAddr).Port, first: make(chan struct{}), stop: make(chan struct{}),
		client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}}}
	if err := listener.Close(); err != nil {
		return nil, err
	}
	go h.knock()
	return h, nil
}

func (h *pusher) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(h.port)) }

// knock tries the port until the process listens.
func (h *pusher) knock() {
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		connection, err := net.Dial("tcp", h.address())
		if err == nil {
			_ = connection.Close()
			close(h.first)
			return
		}
		select {
		case <-again.C:
		case <-h.stop:
			return
		}
	}
}

func (h *pusher) environment() []string {
	return []string{"FC_SERVER_PORT=" + strconv.Itoa(h.port)}
}

func (h *pusher) ready() <-chan struct{} { return h.first }

func (h *pusher) close() {
	h.once.Do(func() { close(h.stop) })
	h.client.CloseIdleConnections()
}

// requests are the paths and methods that the custom runtime is asked on.
var requests = map[kind]struct{ method, path string }{
	invoke:     {http.MethodPost, "/invoke"},
	initialize: {http.MethodPost, "/initialize"},
	preStop:    {http.MethodGet, "/pre-stop"},
}

func (h *pusher) exchange(ctx context.Context, d *delivery, exited <-chan struct{}) (reply, error) {
	select {
	case <-exited:
		return reply{}, errNotDelivered
	default:
	}
	if d.event.NextDelay > 0 {
		late := time.NewTimer(d.event.NextDelay)
		defer late.Stop()
		select {
		case <-late.C:
		case <-ctx.Done():
			return reply{}, context.Cause(ctx)
		}
	}
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		if info.Err == nil {
			d.arrived()
		}
	}})
	target := requests[d.kind]
	request, err := http.NewRequestWithContext(traced, target.method, "http://"+h.address()+target.path, bytes.NewReader(d.event.Body))
	if err != nil {
		return reply{}, err
	}
	// A request that may be sent a second time by the transport would be a
	// duplicate delivery that nobody ordered.
	request.GetBody = nil
	request.Header = d.header.Clone()
	request.Header.Set("X-Fc-Control-Path", target.path)
	if d.kind == invoke {
		request.Header.Set("Content-Type", "application/octet-stream")
	}

	response, err := h.client.Do(request)
	if err != nil {
		return reply{}, h.broken(ctx, err, exited)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, fcProtocol.limit))
	if err != nil {
		return reply{}, h.broken(ctx, err, exited)
	}
	if d.event.RefuseAnswer != 0 {
		return reply{lost: true}, nil
	}
	if status := response.Header.Get("X-Fc-Status"); response.StatusCode/100 != 2 || (status != "" && status != "200") {
		return reply{failure: failureFrom(body), contentType: response.Header.Get("Content-Type")}, nil
	}
	return reply{payload: body, contentType: response.Header.Get("Content-Type")}, nil
}

// broken says why there is no answer: the time is over, the process is gone, or
// it does not speak HTTP.
func (h *pusher) broken(ctx context.Context, err error, exited <-chan struct{}) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// The connection breaks a moment before the end of the process is known.
	gone := time.NewTimer(time.Second)
	defer gone.Stop()
	select {
	case <-exited:
		return errExited
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-gone.C:
		return fmt.Errorf("the function's server: %w", err)
	}
}
