// A function for Function Compute that does what its event says.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

var initialized bool

func main() {
	if os.Getenv("FAIL_AT_START") != "" {
		os.Exit(3)
	}
	fc.RegisterInitializerFunction(func(context.Context) {
		if os.Getenv("FAIL_INITIALIZER") != "" {
			panic("no configuration")
		}
		initialized = true
	})
	fc.RegisterPreStopFunction(func(context.Context) { fmt.Println("pre-stop called") })
	fc.Start(handle)
}

func handle(ctx context.Context, raw []byte) (json.RawMessage, error) {
	var event struct{ Do string }
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	switch event.Do {
	case "fail":
		return nil, errors.New("as told")
	case "panic":
		panic("as told")
	case "exit":
		os.Exit(7)
	case "hang":
		<-make(chan struct{})
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c, _ := fccontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return json.Marshal(map[string]any{
		"requestId": c.RequestID, "retryCount": c.RetryCount, "accessKeyId": c.Credentials.AccessKeyId,
		"secret": c.Credentials.AccessKeySecret, "token": c.Credentials.SecurityToken, "region": c.Region,
		"leftMs": time.Until(deadline).Milliseconds(), "initialized": initialized, "pid": os.Getpid(), "env": os.Environ(),
	})
}
