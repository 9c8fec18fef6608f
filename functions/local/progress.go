package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// progress shows on a terminal that long work goes on. Log lines are written
// through it, so that they and its own line do not run into each other.
type progress struct {
	out             io.Writer
	calls, backends atomic.Int64

	mu    sync.Mutex
	shown bool
}

// Write writes a log line in the place of the progress line.
func (p *progress) Write(line []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return p.out.Write(line)
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\033[K")
		p.shown = false
	}
}

func (p *progress) show(since time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.out, "%ds: %d calls, %d backends", int(since.Seconds()), p.calls.Load(), p.backends.Load())
	p.shown = true
}

// observe counts a call of the engine.
func (p *progress) observe(c registrar.Call) {
	p.calls.Add(1)
	if c.Disposition == vsg.DispositionDone {
		p.backends.Add(int64(c.BatchSize))
	}
}

// watch shows a line a second until the returned function is called. Where
// nobody watches it does nothing.
func (p *progress) watch() (stop func()) {
	if !isTerminal(p.out) {
		return func() {}
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		begin := time.Now()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				p.mu.Lock()
				p.clear()
				p.mu.Unlock()
				return
			case <-tick.C:
				p.show(time.Since(begin))
			}
		}
	}()
	return func() { close(done); <-gone }
}
