package main

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Waits between polls of a runtime API that refuses them.
const (
	pollWaitLeast = 20 * time.Millisecond
	pollWaitMost  = time.Second
	// pollGiveUp is how long it may be gone. It lives in the same sandbox, so that
	// a process which cannot reach it for this long will never be given work.
	pollGiveUp = 5 * time.Second
)

// patientPoll makes the runtime SDK wait before it polls again after a poll
// failed. The SDK itself asks again at once and for ever, and writes a line each
// time: some 20,000 a second while the runtime API is gone.
//
// The SDK uses the default transport and polls from one goroutine, so this takes
// the transport's place and needs no lock for its count.
type patientPoll struct {
	next   http.RoundTripper
	giveUp func(since time.Duration)

	failing time.Time // since when polls fail; zero if the last one did not
	wait    time.Duration
}

// newPatientPoll returns the transport for the runtime API: without proxies,
// which have no business in the sandbox, and without limits in time, because a
// poll is answered when there is work.
func newPatientPoll(giveUp func(since time.Duration)) *patientPoll {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return &patientPoll{next: transport, giveUp: giveUp}
}

func (p *patientPoll) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.next.RoundTrip(r)
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/invocation/next") {
		return response, err
	}
	if err == nil && response.StatusCode == http.StatusOK {
		p.failing, p.wait = time.Time{}, 0
		return response, nil
	}
	if p.failing.IsZero() {
		p.failing = time.Now()
	}
	since := time.Since(p.failing)
	if since >= pollGiveUp {
		p.giveUp(since)
	}
	p.wait = min(max(2*p.wait, pollWaitLeast), pollWaitMost)
	timer := time.NewTimer(p.wait/2 + rand.N(p.wait/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		if err == nil {
			_ = response.Body.Close()
		}
		return nil, errors.Join(err, r.Context().Err())
	}
	return response, err
}
