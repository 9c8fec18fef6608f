package asg_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/asg"
)

func Example() {
	// A stand-in for EC2 Auto Scaling that knows no action.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `<ErrorResponse><Error><Code>ValidationError</Code><Message>No active Lifecycle Action found with token b7c8d9e0</Message></Error><RequestId>R-1</RequestId></ErrorResponse>`)
	}))
	defer server.Close()

	// On Lambda, the configuration is that of config.LoadDefaultConfig.
	client, err := asg.New(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
	if err != nil {
		panic(err)
	}
	hook := &event.Hook{Platform: event.EC2, RegionID: "eu-central-1", Name: "register-web", Token: "b7c8d9e0", ScalingGroupID: "demo-web"}
	err = client.Complete(context.Background(), hook, lifecycle.Continue, "")
	var failure *lifecycle.Error
	if errors.As(err, &failure) {
		fmt.Println("ended:", failure.Ended)
	}
	// Output: ended: true
}
