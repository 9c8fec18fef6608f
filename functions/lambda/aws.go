package main

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"slb-registrar/shared/lifecycle"
	"slb-registrar/shared/lifecycle/asg"
)

// awsConfig is what the clients of AWS are made from. Lambda gives the role's
// credentials in the environment, and they outlive the process; the SDK's own
// way to find credentials knows files, containers, single sign-on and the
// metadata service as well, which would weigh megabytes here and can do nothing
// but hide a mistake.
func awsConfig(getenv func(string) string) (aws.Config, error) {
	region := getenv("AWS_REGION")
	if region == "" {
		return aws.Config{}, errors.New("AWS_REGION is not set: Lambda sets it")
	}
	config := aws.Config{
		Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(
			getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN")),
	}
	if endpoint := getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		config.BaseEndpoint = aws.String(endpoint)
	}
	return config, nil
}

// openHooks makes the client that answers the hooks of EC2 Auto Scaling. Without
// credentials of AWS, which is so wherever it is not Lambda that runs this, there
// is none, and hooks are left to their own time-out.
func openHooks(getenv func(string) string) (lifecycle.Completer, error) {
	if getenv("AWS_ACCESS_KEY_ID") == "" {
		return nil, nil
	}
	config, err := awsConfig(getenv)
	if err != nil {
		return nil, err
	}
	return asg.New(config)
}
