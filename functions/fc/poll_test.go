package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func status(code int) (*http.Response, error) {
	return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func poll1(t *testing.T, p *patientPoll, method, path string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1/2020-11-11/runtime/invocation/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := p.RoundTrip(r)
	if err == nil {
		_ = response.Body.Close()
	}
}

func TestARuntimeAPIThatIsGoneIsPolledFewTimesAndThenGivenUp(t *testing.T) {
	for name, answer := range map[string]roundTrip{
		"refused":      func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"server error": func(*http.Request) (*http.Response, error) { return status(http.StatusInternalServerError) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				polls, begin := 0, time.Now()
				var gone time.Duration
				p := &patientPoll{giveUp: func(since time.Duration) { gone = since }, next: roundTrip(func(r *http.Request) (*http.Response, error) {
					polls++
					return answer(r)
				})}
				for gone == 0 {
					poll1(t, p, http.MethodGet, "next")
				}
				if polls > 30 {
					t.Errorf("%d polls", polls)
				}
				if took := time.Since(begin); took < pollGiveUp || took > pollGiveUp+2*pollWaitMost {
					t.Errorf("given up after %v", took)
				}
			})
		})
	}
}

func TestAPollThatWorksForgetsThoseThatDidNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		works := false
		p := &patientPoll{giveUp: func(time.Duration) { t.Error("given up") }, next: roundTrip(func(*http.Request) (*http.Response, error) {
			if works {
				return status(http.StatusOK)
			}
			return nil, errors.New("connection refused")
		})}
		for range 5 {
			poll1(t, p, http.MethodGet, "next")
		}
		works = true
		time.Sleep(time.Hour) //nolint:forbidigo // a long poll, in the bubble's time
		poll1(t, p, http.MethodGet, "next")
		works = false
		begin := time.Now()
		poll1(t, p, http.MethodGet, "next")
		if took := time.Since(begin); took > pollWaitLeast {
			t.Errorf("waited %v after the first failure", took)
		}
	})
}

func TestAnAnswerIsNeverHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patientPoll{next: roundTrip(func(*http.Request) (*http.Response, error) { return status(http.StatusInternalServerError) })}
		begin := time.Now()
		poll1(t, p, http.MethodPost, "req-1/response")
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited %v", took)
		}
	})
}

func TestTheRuntimeAPIIsNotReachedThroughAProxy(t *testing.T) {
	p := newPatientPoll(nil)
	if p.next.(*http.Transport).Proxy != nil {
		t.Error("there is a proxy")
	}
}
