// A function for Lambda that does what its event says.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() { lambda.Start(handle) }

func handle(ctx context.Context, event struct{ Do string }) (any, error) {
	switch event.Do {
	case "fail":
		return nil, errors.New("as told")
	case "panic":
		panic("as told")
	case "exit":
		os.Exit(7)
	case "hang":
		<-make(chan struct{})
	case "large":
		return string(make([]byte, 7<<20)), nil
	}
	c, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return json.RawMessage(must(json.Marshal(map[string]any{
		"requestId": c.AwsRequestID, "arn": c.InvokedFunctionArn, "leftMs": time.Until(deadline).Milliseconds(),
		"pid": os.Getpid(), "env": os.Environ(),
	}))), nil
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
