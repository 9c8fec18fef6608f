package redis

import (
	"testing"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/storetest"
)

func TestMarksAreKept(t *testing.T) {
	for name, start := range engines(t) {
		t.Run(name, func(t *testing.T) {
			address, query := start(t)
			store := connect(t, address, query, nil)
			if err := store.client.Del(t.Context(), marksKey).Err(); err != nil {
				t.Fatal(err)
			}
			storetest.RunMarks(t, func() idempotency.Store { return connect(t, address, query, nil) })
			if left := store.client.PTTL(t.Context(), marksKey).Val(); left <= 0 || left > store.retention {
				t.Errorf("the marks live for %v, want as long as records", left)
			}
		})
	}
}
