package runtimeapi

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is the running function. Its end can be waited for by many.
type process struct {
	cmd     *exec.Cmd
	started time.Time
	exited  chan struct{} // closed when the process is gone and its output is read
}

func startProcess(o Options, env []string) (*process, error) {
	cmd := exec.Command(o.Binary)
	cmd.Dir = o.Dir
	cmd.Env = env
	cmd.Stdout = o.Stdout
	cmd.Stderr = o.Stderr
	separate(cmd)
	// What a killed function left behind may hold its output open.
	cmd.WaitDelay = time.Second
	p := &process{cmd: cmd, started: time.Now(), exited: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
	}()
	return p, nil
}

// outcome says how the process ended; only to be called after it has.
func (p *process) outcome() string {
	return p.cmd.ProcessState.String()
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// terminate asks the process to end and kills it when ctx ends first.
func (p *process) terminate(ctx context.Context) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.kill()
		return
	}
	select {
	case <-p.exited:
	case <-ctx.Done():
		p.kill()
	}
}
