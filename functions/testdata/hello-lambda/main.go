// A function for Lambda that does nothing, but links what the real one links of
// others: what its start is measured against.
package main

import (
	"context"
	"encoding/json"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/goccy/go-yaml/parser"
	goredis "github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

var linked = []any{
	requests.InitParams, auth.Sign, responses.Unmarshal,
	slb.GetEndpointMap, slb.CreateAddVServerGroupBackendServersRequest, slb.CreateDescribeVServerGroupAttributeRequest,
	ess.GetEndpointMap, ess.CreateCompleteLifecycleActionRequest,
	autoscaling.NewFromConfig, (*autoscaling.Client).CompleteLifecycleAction,
	dynamodb.NewFromConfig, (*dynamodb.Client).GetItem, (*dynamodb.Client).UpdateItem, (*dynamodb.Client).DeleteItem,
	secretsmanager.NewFromConfig, (*secretsmanager.Client).GetSecretValue,
	goredis.ParseURL, goredis.NewClient, goredis.NewScript,
	parser.ParseBytes, zerolog.New,
}

func main() {
	lambda.Start(func(context.Context, json.RawMessage) (int, error) { return len(linked), nil })
}
