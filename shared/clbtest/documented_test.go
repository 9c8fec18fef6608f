package clbtest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"slb-registrar/shared/clbtest"
)

// documentedErrors are the codes of the service's error lists with the HTTP
// status that each has there. A status in a second place means that the lists
// disagree, or that the code has two meanings.
var documentedErrors = []struct {
	code     string
	statuses []int
}{
	{"VServerGroupProcessing", []int{400}}, {"OperationFailed.ServiceGroupProcessing", []int{400}}, {"ProcessingSameRequest", []int{400}},
	{"BackendServer.configuring", []int{409}}, {"ServiceIsConfiguring", []int{400}}, {"BackendServerProcessing", []int{400}}, {"OperationBusy", []int{400}},
	{"ServiceIsStopping", []int{409}}, {"OperationConflict", []int{409}}, {"OperationFailed.TokenIsProcessing", []int{400}}, {"SystemBusy", []int{400, 449}},
	{"VpcSystemBusy", []int{400}}, {"InternalError", []int{500}}, {"InternalInvokeError", []int{500}}, {"ServiceUnavailable", []int{503, 400}},
	{"ServiceUnavailable.RegionMaintaining", []int{503}}, {"ObtainIpFail", []int{400}}, {"InvalidServerId.NotExist", []int{400}},
	{"InvalidServerId.NotFound", []int{404, 400}}, {"ResourceNotFound.vServers", []int{404}}, {"BackendServer.ServerIdEmpty", []int{400}},
	{"BackendServer.InvalidType", []int{400}}, {"InvalidWeight.Malformed", []int{400}}, {"InvalidBackendServers.ServerIpConflict", []int{400}},
	{"InvalidBackendServers.Inconsistent", []int{400}}, {"NetworkConflict", []int{400}}, {"Mismatched.ZoneId", []int{400}},
	{"IncorrectStatus.RSByPassToas", []int{400}}, {"MasterSlaveServerConflict", []int{400}}, {"InvalidBackendServers.VpcNotInCen", []int{400}},
	{"InvalidBackendServers.MissingCenBandWidth", []int{400}}, {"BackendServer.ServerRegionIdNotEqual", []int{400}}, {"MissingParameter.ServerRegionId", []int{400}},
	{"MissingParameter.VbrId", []int{400}}, {"InvalidParameter.ServerRegionId", []int{400}}, {"InvalidVbrId.NotInCen", []int{400}},
	{"OperationDeny.LbNotSupportIPv6Server", []int{400}}, {"LBNotSupportIpv6Backend", []int{400}}, {"InvalidParameter", []int{400, 404, 503}},
	{"BackendServersMalformed", []int{400}}, {"TooManyBackendServers", []int{400}}, {"InvalidLoadBalancerId.NotFound", []int{404}}, {"LbStatusNotSupport", []int{400}},
	{"ActionNotAllowed", []int{400}}, {"OperationUnsupported.AddVServerGroupBackendServers", []int{400}}, {"InvalidParameter.ZoneNotSupport", []int{400}},
	{"OperationFailed.InvalidCen", []int{400}}, {"IncorrectStatus.CenNotAssociated", []int{400}}, {"OperationFailed.ActionNotSupport", []int{400}},
	{"UnsupportedOperation", []int{400}}, {"OperationFailed.Endpoint", []int{400}}, {"ResourceNotFound.Cen", []int{404}}, {"InvalidRegionId.NotFound", []int{404}},
	{"VServerGroupEmpty", []int{400}}, {"RspoolVipExist", []int{400}}, {"RspoolRuleExist", []int{400}}, {"InstanceBackendServerNumberOverLimit", []int{400}},
	{"OverQuota", []int{400}}, {"InsufficientCapacity", []int{400}}, {"AccountHasArrearage", []int{400}}, {"ARREARAGE", []int{400}}, {"Forbidden", []int{403}},
	{"Forbbiden.SubUser", []int{403}}, {"UnauthorizedRegion", []int{403}},

	{"InvalidAction.NotFound", []int{404}}, {"InvalidApi.NotFound", []int{404}}, {"InvalidProduct.NotFound", []int{404}}, {"InvalidVersion", []int{400}},
	{"MissingParameter", []int{400}}, {"InvalidParameter.Format", []int{400}}, {"UnsupportedHTTPMethod", []int{403}}, {"InvalidProtocol.NeedSsl", []int{404}},
	{"InvalidSignatureMethod", []int{400}}, {"InvalidParamater", []int{400}}, {"InvalidAccessKeyId.NotFound", []int{404, 400}}, {"InvalidAccessKeyId.Inactive", []int{400}},
	{"Forbidden.AccessKeyDisabled", []int{403}}, {"SignatureDoesNotMatch", []int{400, 403}}, {"IncompleteSignature", []int{400}}, {"MissingSecurityToken", []int{400}},
	{"InvalidSecurityToken.Expired", []int{400}}, {"InvalidSecurityToken.Malformed", []int{400}}, {"InvalidSecurityToken.MismatchWithAccessKey", []int{400}},
	{"Forbidden.RAM", []int{403}}, {"NoPermission", []int{403}}, {"SignatureNonceUsed", []int{400}}, {"InvalidTimeStamp.Format", []int{400}},
	{"InvalidTimeStamp.Expired", []int{400}}, {"IllegalTimestamp", []int{400}}, {"Throttling", []int{400}}, {"Throttling.User", []int{400}},
	{"Throttling.Api", []int{400}}, {"Rejected.Throttling", []int{400}},

	{"LifecycleHookIdAndLifecycleActionToken.Invalid", []int{400}}, {"LifecycleAction.TimeExceeded", []int{400}},
	{"LifecycleAction.RecordTimesExceeded", []int{400}}, {"InvalidParamter", []int{400}},
}

// TestEveryDocumentedErrorReachesBothGenerationsOfSDKs: a rule that names no
// more than the code gives its documented status, and any other that is given.
func TestEveryDocumentedErrorReachesBothGenerationsOfSDKs(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	all := callers(sim.Addr())
	for _, name := range []string{"alibaba-cloud-sdk-go", "darabonba-openapi v2, in query"} {
		t.Run(name, func(t *testing.T) {
			for _, e := range documentedErrors {
				for i, status := range e.statuses {
					effect := clbtest.Effect{Code: e.code}
					if i > 0 {
						effect.HTTPStatus = status
					}
					if err := sim.SetFaults([]clbtest.Fault{{Times: 1, Effect: effect}}); err != nil {
						t.Fatal(err)
					}
					want := fmt.Sprintf("%d %s", status, e.code)
					if _, got := all[name](t, add, values{"VServerGroupId": "rsp-1", "BackendServers": servers(0, 1)}); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				}
			}
		})
	}
	if n := len(sim.Backends("rsp-1")); n != 0 {
		t.Errorf("%d servers were added none the less", n)
	}
}

func TestAFailureHasTheFieldsOfTheDocumentation(t *testing.T) {
	sim := clbtest.New(clbtest.Options{Faults: parseFaults(t, `[{"effect":{"code":"VServerGroupProcessing"}}]`), AutoCreate: true})
	for _, test := range []struct {
		action, product string
		params          values
	}{
		{describe, "slb", values{"VServerGroupId": "rsp-1"}},
		{"CompleteLifecycleAction", "ess", values{"LifecycleHookId": "ash-1", "LifecycleActionToken": "t"}},
	} {
		_, _, body := call(t, sim, test.action, test.params)
		var failure map[string]string
		if err := json.Unmarshal([]byte(body), &failure); err != nil {
			t.Fatal(err)
		}
		if len(failure) != 5 || failure["Code"] != "VServerGroupProcessing" || failure["HostId"] != test.product+".aliyuncs.com" || failure["Message"] == "" || len(failure["RequestId"]) != 36 {
			t.Errorf("%s: %s", test.action, body)
		}
	}
}
