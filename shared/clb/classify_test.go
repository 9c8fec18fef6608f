package clb

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/vsg"
)

// One row for every code that the service is known to use.
func TestEveryKnownCodeHasItsDisposition(t *testing.T) {
	const (
		conflict   = vsg.DispositionConflict
		throttled  = vsg.DispositionThrottled
		transient  = vsg.DispositionTransient
		stale      = vsg.DispositionStaleSignature
		oneBackend = vsg.DispositionOneBackend
		group      = vsg.DispositionGroup
		quota      = vsg.DispositionQuota
		auth       = vsg.DispositionAuth
		malformed  = vsg.DispositionMalformed
		lost       = vsg.DispositionLost
	)
	rows := []struct {
		status  int
		code    string
		message string
		want    vsg.Disposition
	}{
		// business errors
		{400, "VServerGroupProcessing", "", conflict},
		{400, "OperationFailed.ServiceGroupProcessing", "", conflict},
		{400, "ProcessingSameRequest", "", conflict},
		{409, "BackendServer.configuring", "", conflict},
		{400, "ServiceIsConfiguring", "", conflict},
		{400, "BackendServerProcessing", "", conflict},
		{400, "OperationBusy", "", conflict},
		{409, "ServiceIsStopping", "", conflict},
		{409, "OperationConflict", "", conflict},
		{409, "Operation.Conflict", "", conflict},
		{400, "ResourceInOperating", "", conflict},
		{400, "OperationFailed.TokenIsProcessing", "", conflict},
		{449, "SystemBusy", "", transient},
		{400, "SystemBusy", "", transient},
		{400, "VpcSystemBusy", "", transient},
		{500, "InternalError", "", lost},
		{500, "InternalInvokeError", "", lost},
		{503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.", transient},
		{400, "ServiceUnavailable", "The subnet does not exist.", group},
		{503, "ServiceUnavailable", "The region does not support VPC.", group},
		{503, "ServiceUnavailable.RegionMaintaining", "", transient},
		{503, "InvalidParameter", "", transient},
		{400, "ObtainIpFail", "", oneBackend},
		{400, "InvalidServerId.NotExist", "", oneBackend},
		{404, "InvalidServerId.NotFound", "", oneBackend},
		{400, "InvalidServerId.NotFound", "", oneBackend},
		{404, "ResourceNotFound.vServers", "", oneBackend},
		{400, "BackendServer.ServerIdEmpty", "", oneBackend},
		{400, "BackendServer.InvalidType", "", oneBackend},
		{400, "InvalidWeight.Malformed", "", oneBackend},
		{400, "InvalidBackendServers.ServerIpConflict", "", oneBackend}, // of a call that adds nothing
		{400, "InvalidBackendServers.Inconsistent", "", oneBackend},
		{400, "NetworkConflict", "", oneBackend},
		{400, "Mismatched.ZoneId", "", oneBackend},
		{400, "IncorrectStatus.RSByPassToas", "", oneBackend},
		{400, "MasterSlaveServerConflict", "", oneBackend},
		{400, "InvalidBackendServers.VpcNotInCen", "", oneBackend},
		{400, "InvalidBackendServers.MissingCenBandWidth", "", oneBackend},
		{400, "BackendServer.ServerRegionIdNotEqual", "", oneBackend},
		{400, "MissingParameter.ServerRegionId", "", oneBackend},
		{400, "MissingParameter.VbrId", "", oneBackend},
		{400, "InvalidParameter.ServerRegionId", "", oneBackend},
		{400, "InvalidVbrId.NotInCen", "", oneBackend},
		{400, "OperationDeny.LbNotSupportIPv6Server", "", oneBackend},
		{400, "LBNotSupportIpv6Backend", "", oneBackend},
		{400, "InvalidParameter", "The specified server address is not valid.", oneBackend},
		{400, "InvalidParameter", "The VM name is not valid.", oneBackend},
		{400, "InvalidParameter", "The network type is not supported.", oneBackend},
		{400, "InvalidParameter", "The BackendServers list is illegal.", malformed},
		{400, "InvalidParameter", "The port must be between 1 and 65535.", malformed},
		{400, "BackendServersMalformed", "", malformed},
		{400, "TooManyBackendServers", "", malformed},
		{404, "InvalidParameter", "The specified VServerGroupId does not exist.", group},
		{404, "InvalidLoadBalancerId.NotFound", "", group},
		{400, "LbStatusNotSupport", "", group},
		{400, "ActionNotAllowed", "", group},
		{400, "OperationUnsupported.AddVServerGroupBackendServers", "", group},
		{400, "InvalidParameter.ZoneNotSupport", "", group},
		{400, "OperationFailed.InvalidCen", "", group},
		{400, "IncorrectStatus.CenNotAssociated", "", group},
		{400, "OperationFailed.ActionNotSupport", "", group},
		{400, "UnsupportedOperation", "", group},
		{400, "OperationFailed.Endpoint", "", group},
		{404, "ResourceNotFound.Cen", "", group},
		{404, "InvalidRegionId.NotFound", "", group},
		{400, "VServerGroupEmpty", "", group},
		{400, "RspoolVipExist", "", group},
		{400, "RspoolRuleExist", "", group},
		{400, "InstanceBackendServerNumberOverLimit", "", quota},
		{400, "OverQuota", "", quota},
		{400, "InsufficientCapacity", "", quota},
		{400, "BackendServer_OverLimit", "", quota},
		{400, "AccountHasArrearage", "", quota},
		{400, "ARREARAGE", "", quota},
		{403, "Forbidden", "", auth},
		{403, "Forbbiden.SubUser", "", auth},
		{403, "UnauthorizedRegion", "", auth},
		// errors of the gateway
		{404, "InvalidAction.NotFound", "", group},
		{404, "InvalidApi.NotFound", "", group},
		{404, "InvalidProduct.NotFound", "", group},
		{400, "InvalidVersion", "", group},
		{400, "MissingParameter", "", malformed},
		{400, "MissingParameter.RegionId", "", malformed},
		{400, "MissingRegionId", "", group},
		{400, "MissingVServerGroupId", "", group},
		{400, "MissingBackendServers", "", malformed},
		{400, "InvalidRegionId", "", group},
		{400, "InvalidVServerGroupId", "", group},
		{400, "InvalidBackendServers", "", malformed},
		{400, "InvalidParameter.Format", "", malformed},
		{403, "UnsupportedHTTPMethod", "", group},
		{404, "InvalidProtocol.NeedSsl", "", group},
		{400, "InvalidSignatureMethod", "", group},
		{400, "InvalidParamater", "", malformed},
		{404, "InvalidAccessKeyId.NotFound", "", auth},
		{400, "InvalidAccessKeyId.NotFound", "", auth},
		{400, "InvalidAccessKeyId.Inactive", "", auth},
		{403, "Forbidden.AccessKeyDisabled", "", auth},
		{400, "SignatureDoesNotMatch", "", auth},
		{400, "IncompleteSignature", "", auth},
		{400, "MissingSecurityToken", "", auth},
		{400, "InvalidSecurityToken.Expired", "", auth},
		{400, "InvalidSecurityToken.Malformed", "", auth},
		{400, "InvalidSecurityToken.MismatchWithAccessKey", "", auth},
		{403, "Forbidden.RAM", "", auth},
		{403, "NoPermission", "", auth},
		{400, "SignatureNonceUsed", "", stale},
		{400, "InvalidTimeStamp.Format", "", stale},
		{400, "InvalidTimeStamp.Expired", "", stale},
		{400, "IllegalTimestamp", "", stale},
		{400, "Throttling", "", throttled},
		{400, "Throttling.User", "", throttled},
		{400, "Throttling.Api", "", throttled},
		{400, "Rejected.Throttling", "", throttled},
		// families, and what only a status tells
		{400, "InvalidSecurityToken", "", auth},
		{400, "InvalidTimestamp.Expired", "", stale},
		{400, "QuotaExceeded.BackendServer", "", quota},
		{400, "Quota.Exceeded", "", quota},
		{400, "OverQuota.Backend", "", quota},
		{400, "InvalidServerId", "", oneBackend},
		{400, "InvalidServerIp.Malformed", "", oneBackend},
		{400, "InvalidPort.Malformed", "", oneBackend},
		{400, "MissingPort", "", malformed},
		{400, "LastTokenProcessing", "", conflict},
		{503, "ServiceUnavailable", "The VPC service of this region is temporarily unavailable.", transient},
		// what is not from the service
		{0, alibaba.CodeDeadline, "", transient},
		{0, alibaba.CodeUnreachable, "", transient},
		{0, alibaba.CodeNoAnswer, "", lost},
		{200, alibaba.CodeBadAnswer, "", lost},
		{0, alibaba.CodeNoCredentials, "", auth},
		{0, alibaba.CodeBadRequest, "", malformed},
	}
	tested := map[string]bool{}
	for _, row := range rows {
		tested[row.code] = true
		t.Run(fmt.Sprintf("%d/%s/%s", row.status, row.code, row.message), func(t *testing.T) {
			e := &Error{Status: row.status, Code: row.code, Message: row.message, change: true}
			if got := Classify(fmt.Errorf("wrapped: %w", e)); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
			if !e.Known() {
				t.Error("the code counts as unknown")
			}
			// A reading changes nothing, so nothing of it can be lost.
			e.change = false
			if got := Classify(e); row.want == lost && got != transient {
				t.Errorf("a reading is %s, want transient", got)
			}
		})
	}
	for code := range table {
		if !tested[code] {
			t.Errorf("the table's %s has no row here", code)
		}
	}
}

func TestUnknownCodesAreTransientAndCanBeCounted(t *testing.T) {
	for _, row := range []struct {
		status int
		code   string
		want   vsg.Disposition
	}{
		{400, "SomethingNew", vsg.DispositionTransient},
		{404, "SomethingNew.NotFound", vsg.DispositionTransient},
		{429, "", vsg.DispositionThrottled},
		{403, "", vsg.DispositionAuth},
		{401, "", vsg.DispositionAuth},
		{500, "SomethingNew", vsg.DispositionLost},
		{502, "", vsg.DispositionLost},
		{503, "503", vsg.DispositionLost},
		{301, "", vsg.DispositionTransient},
	} {
		e := &Error{Status: row.status, Code: row.code, change: true}
		if got := Classify(e); got != row.want || e.Known() {
			t.Errorf("%d %q is %s and known=%v, want %s and unknown", row.status, row.code, got, e.Known(), row.want)
		}
	}
}

func TestADuplicateOfAnAddIsDone(t *testing.T) {
	e := &Error{Action: addAction, Status: 400, Code: "InvalidBackendServers.ServerIpConflict", change: true}
	if got := Classify(e); got != vsg.DispositionDone {
		t.Errorf("%s, want done", got)
	}
}

func TestOnlyWhatWasSentCanBeLost(t *testing.T) {
	for _, code := range []string{alibaba.CodeDeadline, alibaba.CodeUnreachable} {
		unsent, sent := &Error{Code: code, change: true}, &Error{Code: code, change: true, lost: true}
		if Classify(unsent) != vsg.DispositionTransient || Classify(sent) != vsg.DispositionLost {
			t.Errorf("%s: %s before it was sent and %s after; want transient and lost", code, Classify(unsent), Classify(sent))
		}
	}
}

func TestErrorsOfOthersAreTransientAndNoErrorIsDone(t *testing.T) {
	if got := Classify(errors.New("of somebody else")); got != vsg.DispositionTransient {
		t.Errorf("%s, want transient", got)
	}
	if got := Classify(nil); got != vsg.DispositionDone {
		t.Errorf("%s, want done", got)
	}
}

func TestCulpritsAreTheServersThatTheMessageNames(t *testing.T) {
	backends := []vsg.Backend{{ServerID: "i-1"}, {ServerID: "i-12"}, {ServerID: "eni-7", ServerIP: "192.0.2.1"}, {ServerID: "eni-7", ServerIP: "192.0.2.2"}, {ServerID: "i-9"}}
	for message, want := range map[string][]string{
		"The servers [i-12, eni-7] do not exist.": {"i-12", "eni-7"},
		"i-1":                         {"i-1"},
		"Some servers are not there.": nil,
		"i-123 and xi-1 and i-9-x":    nil,
		"server:i-9.":                 {"i-9"},
	} {
		got := explain(&alibaba.Error{Message: message}, backends).Culprits()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q names %v, want %v", message, got, want)
		}
	}
}

func TestOnlyAServerThatIsNotRunningMayPass(t *testing.T) {
	if !(&Error{Code: "ObtainIpFail"}).MayPass() || (&Error{Code: "InvalidServerId.NotExist"}).MayPass() {
		t.Error("ObtainIpFail, and only that, may be accepted a little later")
	}
}

func TestAnEndedContextCanBeRecognised(t *testing.T) {
	service, err := New(Options{Endpoint: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithTimeout(context.Background(), 0)
	cancel()
	for ctx, cause := range map[context.Context]error{cancelled: context.Canceled, late: context.DeadlineExceeded} {
		_, err := service.With(Credentials{AccessKeyID: "id", AccessKeySecret: "secret"}).Describe(ctx, vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-1"})
		if !errors.Is(err, cause) {
			t.Errorf("%v is not %v", err, cause)
		}
	}
}
