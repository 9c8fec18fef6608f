package dynamodb_test

import (
	"testing"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/storetest"
)

func TestMarksAreKept(t *testing.T) {
	for name, address := range engines(t) {
		t.Run(name, func(t *testing.T) {
			url := table(t, address)(address)
			storetest.RunMarks(t, func() idempotency.Store { return open(t, url, nil) })
		})
	}
}
