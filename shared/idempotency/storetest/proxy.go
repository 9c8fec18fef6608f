package storetest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a store and its engine and spoils the connection.
type Proxy struct {
	engine   string
	listener net.Listener

	mu    sync.Mutex
	mode  mode
	delay time.Duration
	open  map[net.Conn]bool
	done  chan struct{}
}

// mode is what happens to an answer of the engine.
type mode int

const (
	pass mode = iota
	hang      // it never comes; nothing is even accepted, as a dead route does it
	cut       // the connection is reset instead
)

// NewProxy returns a proxy to the engine at the address, which passes everything.
func NewProxy(t testing.TB, engine string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{engine: engine, listener: listener, open: map[net.Conn]bool{}, done: make(chan struct{})}
	go p.serve()
	t.Cleanup(p.close)
	return p
}

// Address is where the store has to connect to.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

func (p *Proxy) set(m mode, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode, p.delay = m, delay
}

func (p *Proxy) get() (mode, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode, p.delay
}

func (p *Proxy) close() {
	close(p.done)
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
}

func (p *Proxy) keep(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[conn] = true
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.keep(client)
		engine, err := net.Dial("tcp", p.engine)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.keep(engine)
		go copyBytes(engine, client, func() bool { return true })
		go copyBytes(client, engine, func() bool { return p.answer(client) })
	}
}

// answer reports whether the answer may go on to the client.
func (p *Proxy) answer(client net.Conn) bool {
	m, delay := p.get()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-p.done:
		}
	}
	switch m {
	case hang:
		<-p.done
		return false
	case cut:
		if tcp, ok := client.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not a clean end
		}
		return false
	}
	return true
}

func copyBytes(to, from net.Conn, allowed func() bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if !allowed() {
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
