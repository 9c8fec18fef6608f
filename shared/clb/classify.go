package clb

import (
	"errors"
	"strings"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/vsg"
)

// Classify says what an error of a call means for the caller. It is the only
// place that looks at codes, statuses and messages.
func Classify(err error) vsg.Disposition {
	if err == nil {
		return vsg.DispositionDone
	}
	var e *Error
	if !errors.As(err, &e) {
		return vsg.DispositionTransient
	}
	disposition, _ := e.classify()
	return disposition
}

const addAction = "AddVServerGroupBackendServers"

// ambiguous stands in the table for a code that means several things.
const ambiguous vsg.Disposition = ""

// families are codes of which only the beginning is fixed.
var families = []struct {
	prefix      string
	disposition vsg.Disposition
}{
	{"Throttling", vsg.DispositionThrottled},
	{"Forbidden", vsg.DispositionAuth},
	{"InvalidAccessKeyId.", vsg.DispositionAuth},
	{"InvalidSecurityToken", vsg.DispositionAuth},
	{"InvalidTimeStamp.", vsg.DispositionStaleSignature},
	{"InvalidTimestamp.", vsg.DispositionStaleSignature},
	{"QuotaExceeded", vsg.DispositionQuota},
	{"Quota.", vsg.DispositionQuota},
	{"OverQuota.", vsg.DispositionQuota},
	{"InvalidServerId", vsg.DispositionOneBackend},
	{"InvalidServerIp", vsg.DispositionOneBackend},
	{"InvalidPort", vsg.DispositionOneBackend},
	{"MissingParameter", vsg.DispositionMalformed},
	{"InvalidParameter.", vsg.DispositionMalformed},
	{"Missing", vsg.DispositionMalformed},
}

func (e *Error) classify() (disposition vsg.Disposition, known bool) {
	disposition, known = e.byTable()
	switch {
	case disposition == vsg.DispositionLost && !e.change:
		return vsg.DispositionTransient, known // a reading can be repeated
	case e.lost && e.change:
		return vsg.DispositionLost, known
	}
	return disposition, known
}

func (e *Error) byTable() (disposition vsg.Disposition, known bool) {
	if d, ok := table[e.Code]; ok {
		if d == ambiguous {
			d = e.byMessage()
		}
		return d, true
	}
	for _, f := range families {
		if strings.HasPrefix(e.Code, f.prefix) {
			return f.disposition, true
		}
	}
	if strings.HasSuffix(e.Code, "_OverLimit") || strings.HasSuffix(e.Code, "OverLimit") {
		return vsg.DispositionQuota, true
	}
	// Only what every HTTP service means by it is read from a status.
	switch {
	case e.Status == 429:
		return vsg.DispositionThrottled, false
	case e.Status == 409:
		return vsg.DispositionConflict, false
	case e.Status == 413 || e.Status == 414 || e.Status == 431:
		// The parameters travel in the URL: fewer backends may fit.
		return vsg.DispositionMalformed, false
	case e.Status == 401 || e.Status == 403:
		return vsg.DispositionAuth, false
	case e.Status >= 500:
		return vsg.DispositionLost, false
	}
	return vsg.DispositionTransient, false
}

// byMessage decides on the codes that mean several things: by the status if
// that is enough, else by the message.
func (e *Error) byMessage() vsg.Disposition {
	message := strings.ToLower(e.Message)
	says := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(message, part) {
				return true
			}
		}
		return false
	}
	switch e.Code {
	case "ServiceUnavailable":
		// The same code tells of a configuration that will never work.
		if says("subnet", "vswitch") && says("not exist") || says("region") && says("vpc") && says("not support", "not exist", "lacks") {
			return vsg.DispositionGroup
		}
		return vsg.DispositionTransient
	case "InvalidBackendServers.ServerIpConflict":
		// The nearest thing to a duplicate error that is documented: the same
		// server address is present. Some backend of an add is a member
		// already; which one, the message or a reading tells.
		if e.Action == addAction {
			return vsg.DispositionDone
		}
		return vsg.DispositionOneBackend
	case "InvalidParameter":
		switch {
		case e.Status == 404:
			return vsg.DispositionGroup // there is no code of its own for an unknown group
		case e.Status >= 500:
			return vsg.DispositionTransient
		case says("65535"), says(" list") && says("illegal", "malformed", "not valid"):
			return vsg.DispositionMalformed
		case e.change:
			// It may be about one of the backends. If it is not, each is tried
			// alone and rejected with the service's own words.
			return vsg.DispositionOneBackend
		}
	}
	return vsg.DispositionMalformed
}

// table has every code that is known from the service's documentation, its
// SDKs and the retry lists of other clients.
var table = map[string]vsg.Disposition{
	// Another change is in progress. Some name the group, most the load
	// balancer; writes to two groups of one load balancer collide as well.
	"VServerGroupProcessing":                 vsg.DispositionConflict,
	"OperationFailed.ServiceGroupProcessing": vsg.DispositionConflict,
	"ProcessingSameRequest":                  vsg.DispositionConflict,
	"BackendServer.configuring":              vsg.DispositionConflict,
	"ServiceIsConfiguring":                   vsg.DispositionConflict,
	"BackendServerProcessing":                vsg.DispositionConflict,
	"OperationBusy":                          vsg.DispositionConflict,
	"ServiceIsStopping":                      vsg.DispositionConflict,
	"OperationConflict":                      vsg.DispositionConflict,
	"Operation.Conflict":                     vsg.DispositionConflict,
	"ResourceInOperating":                    vsg.DispositionConflict,
	"OperationFailed.TokenIsProcessing":      vsg.DispositionConflict,
	"LastTokenProcessing":                    vsg.DispositionConflict,
	"RspoolVipExist":                         vsg.DispositionGroup,
	"RspoolRuleExist":                        vsg.DispositionGroup,

	// Too many calls; see families for Throttling.*.
	"Rejected.Throttling": vsg.DispositionThrottled,

	// Refused before anything was done.
	"SystemBusy":                           vsg.DispositionTransient,
	"VpcSystemBusy":                        vsg.DispositionTransient,
	"ServiceUnavailable":                   ambiguous,
	"ServiceUnavailable.RegionMaintaining": vsg.DispositionTransient,
	alibaba.CodeUnreachable:                vsg.DispositionTransient,
	alibaba.CodeDeadline:                   vsg.DispositionTransient,

	// Failed somewhere on the way.
	"InternalError":       vsg.DispositionLost,
	"InternalInvokeError": vsg.DispositionLost,
	alibaba.CodeNoAnswer:  vsg.DispositionLost,
	alibaba.CodeBadAnswer: vsg.DispositionLost,

	// The signature is too old, or was seen.
	"SignatureNonceUsed": vsg.DispositionStaleSignature,
	"IllegalTimestamp":   vsg.DispositionStaleSignature,

	// One of the backends is at fault, or several.
	"ObtainIpFail":                              vsg.DispositionOneBackend,
	"InvalidServerId.NotExist":                  vsg.DispositionOneBackend,
	"InvalidServerId.NotFound":                  vsg.DispositionOneBackend,
	"ResourceNotFound.vServers":                 vsg.DispositionOneBackend,
	"BackendServer.ServerIdEmpty":               vsg.DispositionOneBackend,
	"BackendServer.InvalidType":                 vsg.DispositionOneBackend,
	"InvalidWeight.Malformed":                   vsg.DispositionOneBackend,
	"InvalidBackendServers.ServerIpConflict":    ambiguous,
	"InvalidBackendServers.Inconsistent":        vsg.DispositionOneBackend,
	"NetworkConflict":                           vsg.DispositionOneBackend,
	"Mismatched.ZoneId":                         vsg.DispositionOneBackend,
	"IncorrectStatus.RSByPassToas":              vsg.DispositionOneBackend,
	"MasterSlaveServerConflict":                 vsg.DispositionOneBackend,
	"InvalidBackendServers.VpcNotInCen":         vsg.DispositionOneBackend,
	"InvalidBackendServers.MissingCenBandWidth": vsg.DispositionOneBackend,
	"BackendServer.ServerRegionIdNotEqual":      vsg.DispositionOneBackend,
	"MissingParameter.ServerRegionId":           vsg.DispositionOneBackend,
	"MissingParameter.VbrId":                    vsg.DispositionOneBackend,
	"InvalidParameter.ServerRegionId":           vsg.DispositionOneBackend,
	"InvalidVbrId.NotInCen":                     vsg.DispositionOneBackend,
	"OperationDeny.LbNotSupportIPv6Server":      vsg.DispositionOneBackend,
	"LBNotSupportIpv6Backend":                   vsg.DispositionOneBackend,
	"InvalidParameter":                          ambiguous,

	// The group or its load balancer will not take any.
	"InvalidLoadBalancerId.NotFound":                     vsg.DispositionGroup,
	"LbStatusNotSupport":                                 vsg.DispositionGroup,
	"ActionNotAllowed":                                   vsg.DispositionGroup,
	"OperationUnsupported.AddVServerGroupBackendServers": vsg.DispositionGroup,
	"InvalidParameter.ZoneNotSupport":                    vsg.DispositionGroup,
	"OperationFailed.InvalidCen":                         vsg.DispositionGroup,
	"IncorrectStatus.CenNotAssociated":                   vsg.DispositionGroup,
	"OperationFailed.ActionNotSupport":                   vsg.DispositionGroup,
	"UnsupportedOperation":                               vsg.DispositionGroup,
	"OperationFailed.Endpoint":                           vsg.DispositionGroup,
	"ResourceNotFound.Cen":                               vsg.DispositionGroup,
	"InvalidRegionId.NotFound":                           vsg.DispositionGroup,
	"VServerGroupEmpty":                                  vsg.DispositionGroup,

	// The whole request is wrong, whichever backends it carries.
	"InvalidAction.NotFound":  vsg.DispositionGroup,
	"InvalidApi.NotFound":     vsg.DispositionGroup,
	"InvalidProduct.NotFound": vsg.DispositionGroup,
	"InvalidVersion":          vsg.DispositionGroup,
	"UnsupportedHTTPMethod":   vsg.DispositionGroup,
	"InvalidProtocol.NeedSsl": vsg.DispositionGroup,
	"InvalidSignatureMethod":  vsg.DispositionGroup,
	"MissingRegionId":         vsg.DispositionGroup,
	"MissingVServerGroupId":   vsg.DispositionGroup,
	"InvalidRegionId":         vsg.DispositionGroup,
	"InvalidVServerGroupId":   vsg.DispositionGroup,

	// No room; see byTable for *_OverLimit.
	"InstanceBackendServerNumberOverLimit": vsg.DispositionQuota,
	"OverQuota":                            vsg.DispositionQuota,
	"InsufficientCapacity":                 vsg.DispositionQuota,
	"AccountHasArrearage":                  vsg.DispositionQuota,
	"ARREARAGE":                            vsg.DispositionQuota,

	// Not allowed; see families for Forbidden.*, InvalidAccessKeyId.* and
	// InvalidSecurityToken.*.
	"Forbbiden.SubUser":       vsg.DispositionAuth, // spelt like this
	"UnauthorizedRegion":      vsg.DispositionAuth,
	"SignatureDoesNotMatch":   vsg.DispositionAuth,
	"IncompleteSignature":     vsg.DispositionAuth,
	"MissingSecurityToken":    vsg.DispositionAuth,
	"NoPermission":            vsg.DispositionAuth,
	alibaba.CodeNoCredentials: vsg.DispositionAuth,

	// The request is wrong; see families for MissingParameter.*.
	"BackendServersMalformed": vsg.DispositionMalformed,
	"TooManyBackendServers":   vsg.DispositionMalformed,
	"InvalidParamater":        vsg.DispositionMalformed, // spelt like this
	"MissingBackendServers":   vsg.DispositionMalformed,
	"InvalidBackendServers":   vsg.DispositionMalformed,
	alibaba.CodeBadRequest:    vsg.DispositionMalformed,
}
