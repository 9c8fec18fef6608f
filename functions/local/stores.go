package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/bolt"
	"slb-registrar/shared/idempotency/dynamodb"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/idempotency/redis"
	_ "slb-registrar/shared/idempotency/redis/cluster" // cluster=1
	"slb-registrar/shared/registrar"
)

// openedStore is a store and what comes with it.
type openedStore struct {
	idempotency.Store
	turns registrar.Turns // nil without
	close func()
}

// openStore opens the store that a URL names. It connects to nothing yet. The
// URL may hold a password and is in no error.
func openStore(ctx context.Context, url string, retention time.Duration) (*openedStore, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "memory":
		return &openedStore{Store: memory.New(memory.Options{Retention: retention}), close: func() {}}, nil
	case "bolt":
		if rest == "" {
			return nil, errors.New("--store bolt: names no file; want bolt:PATH")
		}
		return &openedStore{Store: bolt.New(rest, bolt.Options{Retention: retention}), close: func() {}}, nil
	case "redis", "rediss":
		store, err := redis.Open(url, redis.Options{Retention: retention})
		if err != nil {
			return nil, fmt.Errorf("--store: %w", err)
		}
		return &openedStore{Store: store, turns: store.Turns(), close: func() { _ = store.Close() }}, nil
	case "dynamodb":
		environment, err := awsconfig.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("--store: the AWS environment: %w", err)
		}
		store, err := dynamodb.Open(url, environment, dynamodb.Options{Retention: retention})
		if err != nil {
			return nil, fmt.Errorf("--store: %w", err)
		}
		return &openedStore{Store: store, close: func() {}}, nil
	}
	return nil, fmt.Errorf("--store: %q is no kind of store; want memory:, bolt:PATH, redis://…, rediss://… or dynamodb://TABLE", scheme)
}
