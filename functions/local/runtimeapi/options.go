package runtimeapi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Platform says which runtime API a binary is run against.
type Platform string

// The platforms. The zero value stands for what [Detect] finds.
const (
	FC       Platform = "fc"        // Function Compute, runtime go1
	FCCustom Platform = "fc-custom" // Function Compute, runtime custom.debian12 and its kin
	Lambda   Platform = "lambda"    // AWS Lambda, runtime provided.al2023
)

// Credentials are what Function Compute gives to each invocation: a temporary
// access key of the function's role.
type Credentials struct {
	AccessKeyID     string
	AccessKeySecret string
	SecurityToken   string
}

// Options say which binary runs, and what its platform tells it. Only Binary
// is required.
type Options struct {
	Platform Platform
	Binary   string
	// Dir is the working directory, the place where the platform unpacks the
	// code; the directory of the binary by default.
	Dir string
	// Env is added to the minimal environment that the platform itself sets
	// (PATH, HOME, TZ, the runtime API and the function's description). Nothing
	// is inherited: no proxy, no credentials of whoever runs the driver.
	Env []string

	// Timeout is the function's time-out, 60 s by default. An invocation that
	// is not answered by then is a time-out, and its process is killed.
	Timeout time.Duration
	// InitTimeout bounds the start up to the first poll, and the initializer
	// and pre-stop functions. 10 s by default, which is Lambda's.
	InitTimeout time.Duration
	// Concurrency is how many invocations the instance is given at a time, 1 by
	// default. Further ones wait for a free slot. For Lambda it is also told to
	// the process as AWS_LAMBDA_MAX_CONCURRENCY.
	Concurrency int

	// Credentials are handed to a Function Compute function with every
	// invocation that does not bring its own. A Lambda function gets its
	// credentials from Env, as it does on the platform.
	Credentials Credentials
	// Region, AccountID, FunctionName and MemoryMB describe the function to
	// itself. Defaults: cn-hangzhou or eu-central-1, 123456789012, the name of
	// the binary, 256.
	Region       string
	AccountID    string
	FunctionName string
	MemoryMB     int

	// SkipInitializer and SkipPreStop stand for a Function Compute function
	// that has none configured. Lambda knows neither.
	SkipInitializer bool
	SkipPreStop     bool

	// Stdout and Stderr receive what the process prints; nil discards it. Each
	// is written to from one goroutine at a time; if both are the same writer,
	// it has to be safe for concurrent use.
	Stdout io.Writer
	Stderr io.Writer
}

func (o Options) withDefaults() (Options, error) {
	info, err := os.Stat(o.Binary)
	if err != nil {
		return o, fmt.Errorf("function binary: %w", err)
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return o, fmt.Errorf("function binary: %s cannot be executed", o.Binary)
	}
	if o.Binary, err = filepath.Abs(o.Binary); err != nil {
		return o, fmt.Errorf("function binary: %w", err)
	}
	if o.Platform == "" {
		if o.Platform, err = Detect(o.Binary); err != nil {
			return o, err
		}
	}
	region := "cn-hangzhou"
	switch o.Platform {
	case FC, FCCustom:
	case Lambda:
		region = "eu-central-1"
	default:
		return o, fmt.Errorf("unknown platform %q: fc, fc-custom or lambda", o.Platform)
	}
	if o.Timeout < 0 || o.InitTimeout < 0 || o.Concurrency < 0 || o.MemoryMB < 0 {
		return o, errors.New("time-outs, concurrency and memory must not be negative")
	}
	o.Dir = orElse(o.Dir, filepath.Dir(o.Binary))
	o.Timeout = orElse(o.Timeout, 60*time.Second)
	o.InitTimeout = orElse(o.InitTimeout, 10*time.Second)
	o.Concurrency = orElse(o.Concurrency, 1)
	o.Region = orElse(o.Region, region)
	o.AccountID = orElse(o.AccountID, "123456789012")
	o.FunctionName = orElse(o.FunctionName, filepath.Base(o.Binary))
	o.MemoryMB = orElse(o.MemoryMB, 256)
	if o.Stdout == nil {
		o.Stdout = io.Discard
	}
	if o.Stderr == nil {
		o.Stderr = io.Discard
	}
	return o, nil
}

func orElse[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
