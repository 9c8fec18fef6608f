package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/registrar"
)

// openedStore is a store and what comes with it.
type openedStore struct {
	idempotency.Store
	turns registrar.Turns // nil without
	local bool            // seen by this process only
	close func()
}

// openStore opens the store that a URL names.
func openStore(_ context.Context, url string, retention time.Duration) (*openedStore, error) {
	scheme, _, _ := strings.Cut(url, ":")
	switch scheme {
	case "memory":
		return &openedStore{Store: memory.New(memory.Options{Retention: retention}), local: true, close: func() {}}, nil
	}
	return nil, fmt.Errorf("--store %q: want memory:, bolt:PATH, redis://…, rediss://… or dynamodb://TABLE", scheme)
}
