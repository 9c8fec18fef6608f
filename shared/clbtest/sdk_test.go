package clbtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/clbtest"
)

// newSDK returns an unmodified client of the SDK's first generation.
func newSDK(t *testing.T, domain string, transport http.RoundTripper) *slb.Client {
	t.Helper()
	config := sdk.NewConfig().WithScheme("HTTP").WithAutoRetry(false)
	if transport != nil {
		config.Transport = transport
	}
	client, err := slb.NewClientWithOptions("cn-hangzhou", config, credentials.NewAccessKeyCredential("testid", "testsecret"))
	if err != nil {
		t.Fatal(err)
	}
	client.Domain = domain
	return client
}

func sdkAdd(client *slb.Client, servers string) (*slb.AddVServerGroupBackendServersResponse, error) {
	request := slb.CreateAddVServerGroupBackendServersRequest()
	request.VServerGroupId = "rsp-1"
	request.BackendServers = servers
	return client.AddVServerGroupBackendServers(request)
}

// servers lists n backend servers, numbered from first, as strict JSON.
func servers(first, n int) string {
	type server struct {
		ServerID string `json:"ServerId"`
		Port     int
	}
	var all []server
	for i := range n {
		all = append(all, server{fmt.Sprintf("i-%d", first+i), 80})
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// sdkCode is the code of a refusal, or how else the call ended.
func sdkCode(err error) string {
	var refused *sdkerrors.ServerError
	switch {
	case err == nil:
		return "OK"
	case errors.As(err, &refused):
		return fmt.Sprintf("%d %s", refused.HttpStatus(), refused.ErrorCode())
	}
	return err.Error()
}

func TestTheSDKAddsBackendServersOverHTTP(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	response, err := sdkAdd(newSDK(t, sim.Addr(), nil), servers(0, 20))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(response.BackendServers.BackendServer); got != 20 {
		t.Errorf("the answer lists %d backend servers, want 20", got)
	}
	if got := len(sim.Backends("rsp-1")); got != 20 {
		t.Errorf("the group has %d backend servers, want 20", got)
	}
	calls := sim.Calls()
	if len(calls) != 1 || calls[0].Signature != "V1" || calls[0].HTTPStatus != 200 || len(calls[0].Backends) != 20 {
		t.Errorf("calls: %+v", calls)
	}
}

func TestChangesOfOneLoadBalancerConflictUntilItHasSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{AutoCreate: true, Latency: 80 * time.Millisecond, Settle: 300 * time.Millisecond})
		client := newSDK(t, "slb.aliyuncs.com", sim.Transport())
		start := time.Now()
		first := make(chan string, 1)
		go func() {
			_, err := sdkAdd(newSDK(t, "slb.aliyuncs.com", sim.Transport()), servers(0, 20))
			first <- sdkCode(err)
		}()
		synctest.Wait()
		for _, step := range []struct {
			at   time.Duration
			want string
		}{
			{0, "409 BackendServer.configuring"},
			{79 * time.Millisecond, "409 BackendServer.configuring"},
			{81 * time.Millisecond, "409 BackendServer.configuring"},
			{379 * time.Millisecond, "409 BackendServer.configuring"},
			{380 * time.Millisecond, "OK"},
		} {
			<-time.After(step.at - time.Since(start)) // the time of the bubble
			_, err := sdkAdd(client, servers(20, 20))
			if got := sdkCode(err); got != step.want {
				t.Errorf("after %s: %s, want %s", step.at, got, step.want)
			}
		}
		if got := <-first; got != "OK" {
			t.Errorf("the first change: %s", got)
		}
		if took := time.Since(start); took != 460*time.Millisecond {
			t.Errorf("took %s, want 460ms", took)
		}
	})
}

func TestAWrongSecretIsRefused(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{AutoCreate: true, AccessKeys: map[string]string{"testid": "another"}})
	_, err := sdkAdd(newSDK(t, sim.Addr(), nil), servers(0, 1))
	if got := sdkCode(err); got != "400 SignatureDoesNotMatch" {
		t.Errorf("got %s", got)
	}
	if got := sim.Backends("rsp-1"); len(got) != 0 {
		t.Errorf("it was added none the less: %v", got)
	}
}
