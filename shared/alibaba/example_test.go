package alibaba_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/alibaba"
)

// regions is the answer to DescribeRegions, as far as it is wanted here.
type regions struct {
	alibaba.Envelope
	Regions struct {
		Region []struct {
			RegionId string //nolint:revive // the name on the wire
		}
	}
}

func Example() {
	// A stand-in for the service.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("AccessKeyId") != "testid" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"RequestId":"R-2","Code":"InvalidAccessKeyId.NotFound","Message":"Specified access key is not found."}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"RequestId":"R-1","Regions":{"Region":[{"RegionId":"cn-hangzhou"}]}}`)
	}))
	defer server.Close()

	// Once a process:
	service, err := alibaba.New(alibaba.Product{Name: "slb", Endpoints: slb.GetEndpointMap()}, alibaba.Options{Endpoint: server.URL})
	if err != nil {
		panic(err)
	}
	defer service.Close()

	for _, id := range []string{"testid", "somebody"} {
		// Once an invocation:
		client := service.With(alibaba.Credentials{AccessKeyID: id, AccessKeySecret: "testsecret"})

		// Once a call:
		request := slb.CreateDescribeRegionsRequest()
		request.QueryParams["RegionId"] = "cn-hangzhou"
		answer := &regions{Envelope: alibaba.NewEnvelope()}
		err := client.Do(context.Background(), request, answer)
		var failure *alibaba.Error
		if errors.As(err, &failure) {
			fmt.Println(failure.Status, failure.Code, "lost:", failure.Lost)
			continue
		}
		fmt.Println(answer.Regions.Region[0].RegionId)
	}
	// Output:
	// cn-hangzhou
	// 404 InvalidAccessKeyId.NotFound lost: false
}
