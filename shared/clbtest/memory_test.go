package clbtest

import (
	"fmt"
	"testing"
	"time"
)

func TestTheMemoryForNoncesIsBounded(t *testing.T) {
	n := newNonces(time.Hour)
	n.size = 100
	now := time.Now()
	for i := range 1000 {
		if !n.use(fmt.Sprint(i), now) {
			t.Fatalf("nonce %d is not fresh", i)
		}
	}
	kept := 0
	for _, g := range n.generations {
		kept += len(g.used)
	}
	if kept > 100*nonceGenerations {
		t.Errorf("%d nonces are kept", kept)
	}
	if n.use("999", now) || n.use("700", now) {
		t.Error("one of the last 300 was let through again")
	}
	if !n.use("999", now.Add(time.Hour)) || len(n.generations) != 1 {
		t.Errorf("after the window there are %d generations", len(n.generations))
	}
}

func TestTheLastCallsAreKeptAndTheOthersCounted(t *testing.T) {
	var l callLog
	for i := range CallLimit + 5 {
		l.add(Call{TookMs: int64(i)})
	}
	calls, dropped := l.list()
	if len(calls) != CallLimit || dropped != 5 || calls[0].TookMs != 5 || calls[CallLimit-1].TookMs != CallLimit+4 {
		t.Errorf("%d calls from %d to %d, %d dropped", len(calls), calls[0].TookMs, calls[len(calls)-1].TookMs, dropped)
	}
}
