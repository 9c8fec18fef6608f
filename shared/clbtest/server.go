package clbtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// TB is what of a testing.TB this package needs. It does not import testing, so
// that programs which serve the simulator do not link it.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Server is a simulator that listens.
type Server struct {
	*Simulator
	// URL is where it listens, for example http://127.0.0.1:7070.
	URL string

	listener net.Listener
	server   *http.Server
	stop     context.CancelFunc
	done     chan error
}

// Start serves a simulator on a free loopback port until the test ends.
func Start(t TB, o Options) *Server {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s, err := Listen(ctx, "127.0.0.1:0", o, false)
	if err != nil {
		stop()
		t.Fatalf("clbtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Fatalf("clbtest: %v", err)
		}
		stop()
	})
	return s
}

// Listen serves a simulator on addr, a host and a port, until it is closed.
// Calls that are waiting when ctx ends give up. Only a loopback address is
// allowed, unless allowNonLoopback says otherwise: the simulator's keys are no
// secret. Administration is refused to anything but loopback either way.
func Listen(ctx context.Context, addr string, o Options, allowNonLoopback bool) (*Server, error) {
	sim, err := newSimulator(o)
	if err != nil {
		return nil, err
	}
	if !allowNonLoopback {
		if err := loopbackOnly(ctx, addr); err != nil {
			return nil, err
		}
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Server{
		Simulator: sim,
		URL:       "http://" + listener.Addr().String(),
		listener:  listener,
		server: &http.Server{
			Handler:           sim,
			ReadHeaderTimeout: 10 * time.Second,
			MaxHeaderBytes:    maxBody + 64<<10, // a query of the largest size must get its proper refusal
			BaseContext:       func(net.Listener) context.Context { return ctx },
		},
		stop: stop,
		done: make(chan error, 1),
	}
	go func() { s.done <- s.server.Serve(listener) }()
	return s, nil
}

// loopbackOnly refuses an address that is not, or does not resolve to nothing
// but, loopback.
func loopbackOnly(ctx context.Context, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address %q: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if !ip.Unmap().IsLoopback() {
			return fmt.Errorf("address %q is not a loopback address", addr)
		}
		return nil
	}
	if host == "" {
		return fmt.Errorf("address %q means every interface, not only loopback", addr)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fmt.Errorf("address %q: %w", addr, err)
	}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return fmt.Errorf("address %q is not a loopback address", addr)
		}
	}
	return nil
}

// Addr is the host and port it listens on: the domain that clients are given.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server and every call that is still waiting.
func (s *Server) Close() error {
	s.stop()
	err := s.server.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	s.done <- http.ErrServerClosed // so that closing twice is harmless
	return err
}
