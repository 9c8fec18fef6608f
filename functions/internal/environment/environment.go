// Package environment reads what the function binaries take from their
// environment, so that both say the same thing about a missing or wrong value.
//
//	REGISTRAR_CONFIG    the routes: a path, or the YAML itself (required)
//	REGISTRAR_STORE     where records live (default memory:)
//	REGISTRAR_ENDPOINT  the CLB and ESS endpoint (default: that of the region)
//	LOG_LEVEL           debug, info, warn or error (default info)
package environment

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rs/zerolog"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/route"
)

// Environment is what a function binary starts with.
type Environment struct {
	Config   *route.Config
	StoreURL string
	Service  *clb.Service
	Log      zerolog.Logger
}

// Read reads and checks everything at once, so that a function with a wrong
// setting fails at its start and says which.
func Read(getenv func(string) string, logs io.Writer) (*Environment, error) {
	log, err := handler.NewLogger(logs, getenv("LOG_LEVEL"))
	if err != nil {
		return nil, err
	}
	e := &Environment{Log: log, StoreURL: getenv("REGISTRAR_STORE")}
	if e.StoreURL == "" {
		e.StoreURL = "memory:"
	}
	where := getenv("REGISTRAR_CONFIG")
	if where == "" {
		return e, errors.New("REGISTRAR_CONFIG is not set: it names the config file, or holds its YAML")
	}
	if e.Config, err = route.Load(where); err != nil {
		return e, fmt.Errorf("REGISTRAR_CONFIG: %w", err)
	}
	if e.Service, err = clb.New(clb.Options{Endpoint: getenv("REGISTRAR_ENDPOINT")}); err != nil {
		return e, fmt.Errorf("REGISTRAR_ENDPOINT: %w", err)
	}
	return e, nil
}

// Credentials reads the standard variables.
func Credentials(getenv func(string) string) (clb.Credentials, error) {
	c := clb.Credentials{
		AccessKeyID:     getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
		AccessKeySecret: getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
		SecurityToken:   getenv("ALIBABA_CLOUD_SECURITY_TOKEN"),
	}
	if c.AccessKeyID == "" || c.AccessKeySecret == "" {
		return c, errors.New("no credentials: ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET are not set")
	}
	return c, nil
}

// Scheme returns what stands before the first colon of a store's URL.
func Scheme(url string) string {
	scheme, _, _ := strings.Cut(url, ":")
	return scheme
}
