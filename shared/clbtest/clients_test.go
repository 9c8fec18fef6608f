package clbtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

// caller makes one call in the manner of one client, and returns the answer and
// how it ended: OK, or status and code.
type caller func(t *testing.T, action string, params map[string]string) (answer map[string]any, outcome string)

// callers are the clients that the suite is run by, each against the simulator
// that listens at addr. The first two are unmodified releases of the two
// generations of SDKs.
func callers(addr string) map[string]caller {
	return map[string]caller{
		"alibaba-cloud-sdk-go":             firstGeneration(addr),
		"darabonba-openapi v2, in query":   secondGeneration(addr, false),
		"darabonba-openapi v2, in form":    secondGeneration(addr, true),
		"V1 by hand, GET":                  byHand(addr, func(a string, p map[string]string) *http.Request { return getRPC(rpc(a, p)) }),
		"V1 by hand, POST, query and form": byHand(addr, func(a string, p map[string]string) *http.Request { return formRPC(rpc(a, p)) }),
		"V3 by hand, form":                 byHand(addr, func(a string, p map[string]string) *http.Request { return acs3(a, addr, p, true) }),
	}
}

func firstGeneration(addr string) caller {
	return func(t *testing.T, action string, params map[string]string) (map[string]any, string) {
		t.Helper()
		client, err := sdk.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"), credentials.NewAccessKeyCredential("testid", "testsecret"))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Shutdown()
		request := requests.NewCommonRequest()
		request.Method, request.Scheme, request.Domain = "POST", "HTTP", addr
		request.Version, request.ApiName = versionOf(action), action
		for name, value := range params {
			request.QueryParams[name] = value
		}
		response, err := client.ProcessCommonRequest(request)
		if err != nil {
			return nil, sdkCode(err)
		}
		return decode(t, response.GetHttpContentBytes()), "OK"
	}
}

func secondGeneration(addr string, inForm bool) caller {
	return secondGenerationAs(addr, &openapiutil.Config{AccessKeyId: dara.String("testid"), AccessKeySecret: dara.String("testsecret")}, inForm)
}

func secondGenerationAs(addr string, config *openapiutil.Config, inForm bool) caller {
	config.Endpoint, config.Protocol = dara.String(addr), dara.String("HTTP")
	return func(t *testing.T, action string, params map[string]string) (map[string]any, string) {
		t.Helper()
		client, err := openapi.NewClient(config)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]any{"RegionId": "cn-hangzhou"}
		for name, value := range params {
			values[name] = value
		}
		request := &openapiutil.OpenApiRequest{}
		if inForm {
			request.Body = values
		} else {
			request.Query = map[string]*string{}
			for name, value := range values {
				request.Query[name] = dara.String(value.(string))
			}
		}
		result, err := client.CallApi(&openapiutil.Params{
			Action: dara.String(action), Version: dara.String(versionOf(action)), Protocol: dara.String("HTTP"), Pathname: dara.String("/"),
			Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"),
			ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
		}, request, &dara.RuntimeOptions{})
		if err != nil {
			var refused *tea.SDKError
			if errors.As(err, &refused) && refused.StatusCode != nil {
				return nil, fmt.Sprintf("%d %s", *refused.StatusCode, *refused.Code)
			}
			return nil, err.Error()
		}
		answer, _ := result["body"].(map[string]any)
		return answer, "OK"
	}
}

func byHand(addr string, build func(string, map[string]string) *http.Request) caller {
	return func(t *testing.T, action string, params map[string]string) (map[string]any, string) {
		t.Helper()
		r := build(action, params)
		r.URL.Host, r.Host = addr, addr
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer := decode(t, body)
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Sprintf("%d %s", response.StatusCode, answer["Code"])
		}
		return answer, "OK"
	}
}

func decode(t testing.TB, body []byte) map[string]any {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return answer
}

// codeOf is the Code of a JSON answer, empty if it has none.
func codeOf(t testing.TB, body string) string {
	t.Helper()
	code, _ := decode(t, []byte(body))["Code"].(string)
	return code
}

// values is a shorthand for parameters.
type values = map[string]string
