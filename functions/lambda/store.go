package main

import (
	"fmt"
	"time"

	"slb-registrar/functions/internal/environment"
	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/dynamodb"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/idempotency/redis"
	"slb-registrar/shared/registrar"
)

// storage is where records live, with what else it offers.
type storage struct {
	idempotency.Store
	local bool            // only this process sees it
	turns registrar.Turns // nil: none
}

// openStore opens the store of a URL.
func openStore(url string, retention time.Duration, getenv func(string) string) (storage, error) {
	switch scheme := environment.Scheme(url); scheme {
	case "memory":
		return storage{Store: memory.New(memory.Options{Retention: retention}), local: true}, nil
	case "redis", "rediss":
		store, err := redis.Open(url, redis.Options{Retention: retention})
		if err != nil {
			return storage{}, fmt.Errorf("REGISTRAR_STORE: %w", err)
		}
		return storage{Store: store, turns: store.Turns()}, nil
	case "dynamodb":
		config, err := awsConfig(getenv)
		if err != nil {
			return storage{}, fmt.Errorf("REGISTRAR_STORE: %w", err)
		}
		store, err := dynamodb.Open(url, config, dynamodb.Options{Retention: retention})
		if err != nil {
			return storage{}, fmt.Errorf("REGISTRAR_STORE: %w", err)
		}
		return storage{Store: store}, nil
	default:
		return storage{}, fmt.Errorf("REGISTRAR_STORE: this function knows memory:, dynamodb://, redis:// and rediss://, not %q", scheme)
	}
}
