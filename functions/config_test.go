package functions_test

import (
	"path/filepath"
	"testing"
	"time"

	"slb-registrar/shared/handler"
	"slb-registrar/shared/route"
)

func config(t *testing.T) *route.Config {
	t.Helper()
	c, err := route.Load(filepath.Join(root, "functions", "registrar.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fits checks that an invocation can do what the config asks it to wait for.
func fits(t *testing.T, what string, timeout time.Duration) {
	t.Helper()
	reserve := handler.Reserve(timeout)
	const busy = 30 * time.Second // for the calls, and for waiting while the load balancer settles
	if least := config(t).LongestWait() + busy + reserve; timeout < least {
		t.Errorf("%s: a time-out of %v, but readiness, drain, calls and reserve take %v", what, timeout, least)
	}
}

// outlives checks that a message which comes again finds what is known of it.
func outlives(t *testing.T, retention time.Duration) {
	t.Helper()
	if known := config(t).Retention; known <= retention {
		t.Errorf("records live %v, messages %v: a late duplicate would be taken for new", known, retention)
	}
}
