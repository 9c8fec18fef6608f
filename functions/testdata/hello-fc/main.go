// A function for Function Compute that does nothing, but links what the real
// one links of others: what its start is measured against.
package main

import (
	"context"
	"encoding/json"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/goccy/go-yaml/parser"
	goredis "github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

var linked = []any{
	requests.InitParams, auth.Sign, responses.Unmarshal,
	slb.GetEndpointMap, slb.CreateAddVServerGroupBackendServersRequest, slb.CreateDescribeVServerGroupAttributeRequest,
	ess.GetEndpointMap, ess.CreateCompleteLifecycleActionRequest,
	goredis.ParseURL, goredis.NewClient, goredis.NewScript,
	parser.ParseBytes, zerolog.New,
}

func main() {
	fc.RegisterInitializerFunction(func(context.Context) {})
	fc.RegisterPreStopFunction(func(context.Context) {})
	fc.Start(func(context.Context, []byte) (json.RawMessage, error) { return json.Marshal(len(linked)) })
}
