package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// progress shows on a terminal that long work goes on.
type progress struct {
	out             io.Writer
	calls, backends atomic.Int64
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
				fmt.Fprint(p.out, "\r\033[K")
				return
			case <-tick.C:
				fmt.Fprintf(p.out, "\r\033[K%ds: %d calls, %d backends", int(time.Since(begin).Seconds()), p.calls.Load(), p.backends.Load())
			}
		}
	}()
	return func() { close(done); <-gone }
}
