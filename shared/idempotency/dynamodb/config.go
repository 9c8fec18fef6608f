package dynamodb

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Bounds of a request. DynamoDB answers within milliseconds.
const (
	requestTimeout = 3 * time.Second // of one attempt
	attempts       = 3               // then a throttled or broken table is an error
	longestBackoff = time.Second
)

// Config is what a store URL says.
type Config struct {
	Table    string
	Region   string // none: the one of the AWS environment
	Endpoint string // none: that of the region
}

// Parse reads a store URL:
//
//	dynamodb://TABLE?region=eu-central-1&endpoint=http://127.0.0.1:8000
//
// Both parameters may be left out. An endpoint that is not HTTPS must be on
// this host.
func Parse(text string) (Config, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "dynamodb" || u.Host == "" || u.User != nil || (u.Path != "" && u.Path != "/") {
		return Config{}, errors.New("store URL: want dynamodb://TABLE[?region=REGION][&endpoint=URL]")
	}
	config := Config{Table: u.Host}
	for name, values := range u.Query() {
		switch name {
		case "region":
			config.Region = values[0]
		case "endpoint":
			config.Endpoint = values[0]
		default:
			return Config{}, fmt.Errorf("store URL: unknown parameter %q", name)
		}
	}
	if config.Endpoint == "" {
		return config, nil
	}
	endpoint, err := url.Parse(config.Endpoint)
	switch {
	case err != nil || endpoint.Host == "" || endpoint.User != nil:
		return Config{}, errors.New("store URL: endpoint is no http or https URL")
	case endpoint.Scheme == "https":
	case endpoint.Scheme != "http" || !loopback(endpoint.Hostname()):
		return Config{}, errors.New("store URL: endpoint must be https unless it is on this host")
	}
	return config, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Open returns the store at a dynamodb:// URL (see [Parse]). Credentials,
// and the region if the URL has none, are those of environment. It does not
// connect yet.
func Open(text string, environment aws.Config, options Options) (*Store, error) {
	config, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if config.Region == "" && environment.Region == "" {
		return nil, errors.New("store URL: no region, and none in the AWS environment")
	}
	client := dynamodb.NewFromConfig(environment, func(o *dynamodb.Options) {
		if config.Region != "" {
			o.Region = config.Region
		}
		if config.Endpoint != "" {
			o.BaseEndpoint = &config.Endpoint
		}
		if environment.HTTPClient == nil {
			o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(requestTimeout)
		}
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts, r.MaxBackoff = attempts, longestBackoff
		})
	})
	return newStore(client, config.Table, options), nil
}
