package runtimeapi_test

import (
	"context"
	"fmt"
	"time"

	"slb-registrar/functions/local/runtimeapi"
)

func Example() {
	ctx := context.Background()
	d, err := runtimeapi.Start(ctx, runtimeapi.Options{
		Binary:      binaries["fc"], // what `make package` built, for example
		Timeout:     30 * time.Second,
		Credentials: runtimeapi.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = d.Close() }()

	for _, body := range []string{`{"do":"fail"}`, `{"do":"exit"}`} {
		answer, err := d.Invoke(ctx, runtimeapi.Event{Body: []byte(body), RetryCount: 1})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.Error, answer.Crashed)
	}
	// Output:
	// errorString: as told false
	// UnhandledInvocationError: the process ended before it answered: exit status 7 true
}
