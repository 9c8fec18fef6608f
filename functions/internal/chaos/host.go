package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"slb-registrar/functions/local/runtimeapi"
)

// functionTimeout is short, so that what a killed process had claimed soon
// comes free.
const functionTimeout = 5 * time.Second

// host is a place where one process of a function runs, and after its death
// another.
type host struct {
	name        string
	platform    runtimeapi.Platform
	binary      string
	concurrency int
	immortal    bool // so that its memory can be watched

	mu      sync.Mutex
	current *generation
	count   int
}

// generation is one process.
type generation struct {
	host     *host
	number   int
	driver   *runtimeapi.Driver
	listener net.Listener
	calls    atomic.Int64
	armed    atomic.Pointer[func()] // to be done when it next calls
	died     int64                  // guarded by the ledger
}

func (g *generation) String() string { return fmt.Sprintf("%s#%d", g.host.name, g.number) }

// provoked does what the next call was to bring about.
func (g *generation) provoked() {
	if f := g.armed.Swap(nil); f != nil {
		(*f)()
	}
}

// accessKey is one of those that processes call with.
type accessKey struct{ id, secret, token string }

func accessKeys() []accessKey {
	var keys []accessKey
	for i := range 4 {
		keys = append(keys, accessKey{fmt.Sprintf("LTAIchaos%d", i), fmt.Sprintf("VerySecretChaosKey%dxyzzyPLUGH", i), ""})
	}
	keys[1].token = "TemporaryChaosTokenOneQWERTYUIOP"
	keys[3].token = "TemporaryChaosTokenThreeASDFGHJKL"
	return keys
}

// start starts a process on the host.
func (r *runner) start(ctx context.Context, h *host) (*generation, error) {
	gen := &generation{host: h, number: h.count}
	h.count++
	if err := r.gate.open(gen); err != nil {
		return nil, err
	}
	key := r.keys[(gen.number+len(h.name))%len(r.keys)]
	env := []string{
		"REGISTRAR_CONFIG=" + r.configFile, "REGISTRAR_STORE=" + r.storeURL, "LOG_LEVEL=debug",
		"REGISTRAR_ENDPOINT=" + gen.listener.Addr().String(), "GOMAXPROCS=2",
	}
	o := runtimeapi.Options{Platform: h.platform, Binary: h.binary, Timeout: functionTimeout, InitTimeout: time.Minute,
		Concurrency: h.concurrency, Stdout: r.logs.of(gen), Stderr: r.logs.of(gen)}
	if h.platform == runtimeapi.Lambda {
		env = append(env, "ALIBABA_CLOUD_ACCESS_KEY_ID="+key.id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+key.secret)
		if key.token != "" {
			env = append(env, "ALIBABA_CLOUD_SECURITY_TOKEN="+key.token)
		}
	} else {
		o.Credentials = runtimeapi.Credentials{AccessKeyID: key.id, AccessKeySecret: key.secret, SecurityToken: key.token}
	}
	o.Env = env
	var err error
	if gen.driver, err = runtimeapi.Start(ctx, o); err != nil {
		_ = gen.listener.Close()
		return nil, fmt.Errorf("%s: %w", gen, err)
	}
	h.current = gen
	return gen, nil
}

// living returns the process of the host, a new one if the last has died.
func (r *runner) living(ctx context.Context, h *host) (*generation, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.current != nil {
		return h.current, nil
	}
	return r.start(ctx, h)
}

// kill ends a process as it is. It is out of the way before it dies, so that
// nobody hands it more work; what it has sent arrives all the same.
func (r *runner) kill(gen *generation) bool {
	gen.host.mu.Lock()
	if gen.host.current == gen {
		gen.host.current = nil
	}
	gen.host.mu.Unlock()
	if !r.ledger.dies(gen) {
		return false
	}
	gen.driver.Kill()
	_ = gen.listener.Close()
	r.bury(gen)
	return true
}

// bury waits, beside everything else, until nothing of a process is left.
func (r *runner) bury(gen *generation) {
	r.burials.Go(func() { _ = gen.driver.Close() })
}

func (r *runner) killOnPurpose(gen *generation) {
	if r.kill(gen) {
		r.tally.kills.Add(1)
	}
}

// killer kills processes until ctx ends: half of them at any moment, half when
// they have just sent a request.
func (r *runner) killer(ctx context.Context) {
	random := newRandom(r.options.Seed, 4)
	for {
		wait := time.Duration(random.ExpFloat64() / r.options.Kills * float64(time.Second))
		h := r.hosts[random.IntN(len(r.hosts))]
		provoked, delay := random.IntN(2) == 0, time.Duration(random.IntN(60))*time.Millisecond
		if !sleep(ctx, wait) {
			return
		}
		h.mu.Lock()
		gen := h.current
		h.mu.Unlock()
		if h.immortal || gen == nil {
			continue
		}
		if !provoked {
			r.killOnPurpose(gen) //nolint:contextcheck // a driver closes without one
			continue
		}
		f := func() {
			r.burials.Go(func() {
				if sleep(context.WithoutCancel(ctx), delay) {
					r.killOnPurpose(gen) //nolint:contextcheck // a driver closes without one
				}
			})
		}
		gen.armed.Store(&f)
	}
}

// sleep waits, and reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// tempFile writes text where processes can read it.
func tempFile(dir, name, text string) (string, error) {
	path := dir + string(os.PathSeparator) + name
	return path, os.WriteFile(path, []byte(text), 0o600)
}
