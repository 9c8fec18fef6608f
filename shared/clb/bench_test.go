package clb_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/vsg"
)

// canned answers every request with the same body, so that only the cost of
// the client is measured.
type canned string

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Proto: "HTTP/1.1", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(c)))}, nil
}

// group20 is a full call, and the answer to it when the group has n members.
func group20(n int) ([]vsg.Backend, canned) {
	var batch []vsg.Backend
	var rows []string
	for i := range n {
		b := vsg.Backend{ServerID: fmt.Sprintf("i-bp1demo%08d", i), Port: 8080, Weight: 100, Type: vsg.ECS, Description: "slb-registrar"}
		if i < 20 {
			batch = append(batch, b)
		}
		rows = append(rows, fmt.Sprintf(`{"ServerId":%q,"Port":8080,"Weight":100,"Type":"ecs","Description":"slb-registrar"}`, b.ServerID))
	}
	return batch, canned(`{"RequestId":"R","VServerGroupId":"rsp-demo01","BackendServers":{"BackendServer":[` + strings.Join(rows, ",") + `]}}`)
}

func BenchmarkCall(b *testing.B) {
	for _, members := range []int{20, 200} {
		batch, body := group20(members)
		b.Run(fmt.Sprintf("bare-sdk/members=%d", members), func(b *testing.B) {
			list := `[` + strings.TrimSuffix(strings.Repeat(`{"ServerId":"i-bp1demo00000000","Port":8080,"Weight":100,"Type":"ecs","Description":"slb-registrar"},`, len(batch)), ",") + `]`
			client, err := slb.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTPS"),
				credentials.NewStsTokenCredential("LTAItestaccesskey01", "secret", "token"))
			if err != nil {
				b.Fatal(err)
			}
			client.SetTransport(body)
			b.ReportAllocs()
			for b.Loop() {
				request := slb.CreateAddVServerGroupBackendServersRequest()
				request.RegionId, request.VServerGroupId, request.BackendServers = "cn-hangzhou", "rsp-demo01", list
				if _, err := client.AddVServerGroupBackendServers(request); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("clb/members=%d", members), func(b *testing.B) {
			service, err := clb.New(clb.Options{Transport: body})
			if err != nil {
				b.Fatal(err)
			}
			client := service.With(clb.Credentials{AccessKeyID: "LTAItestaccesskey01", AccessKeySecret: "secret", SecurityToken: "token"})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Apply(b.Context(), vsg.Add, group, batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
