// Package ess completes the lifecycle hooks of Alibaba Cloud Auto Scaling
// (product ESS, version 2014-08-28), and reads its scaling groups for package
// reconcile.
//
// A [Service] belongs to a process, [Service.With] binds it to the credentials
// of an invocation. What one call promises, about contexts, connections and
// secrets, is written in package alibaba.
//
// The limits of the platform: a hook waits 30 s to 6 h, a heartbeat asks for
// the same, at most 20 heartbeats are recorded, and no action waits longer than
// 6 h in all. One token stands for all instances of a scaling activity that
// the hook holds.
package ess

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
)

// Options of a Service. The zero value calls the official endpoints over HTTPS.
type Options struct {
	Endpoint  string            // as that of package clb
	Transport http.RoundTripper // for tests
}

// Service is shared by all invocations of a process and safe for concurrent use.
type Service struct{ service *alibaba.Service }

// The SDK makes its map when it is first asked, without a lock.
var endpoints = sync.OnceValue(ess.GetEndpointMap)

// New makes a Service. It fails if the endpoint is no address, or one that
// would be called over plain HTTP and is not a loopback address.
func New(options Options) (*Service, error) {
	service, err := alibaba.New(
		alibaba.Product{Name: "ess", Endpoints: endpoints()},
		alibaba.Options{Endpoint: options.Endpoint, Transport: options.Transport})
	if err != nil {
		return nil, err
	}
	return &Service{service}, nil
}

// Close closes the connections that are not in use. The Service stays usable.
func (s *Service) Close() { s.service.Close() }

// With binds the Service to the credentials of one invocation. It is cheap.
func (s *Service) With(c alibaba.Credentials) *Client { return &Client{s.service.With(c)} }

// Client answers hooks and reads scaling groups with the credentials of one
// invocation. It implements [lifecycle.Completer] and [reconcile.Scaling] and is
// safe for concurrent use.
type Client struct{ client *alibaba.Client }

var _ lifecycle.Completer = (*Client)(nil)

// Complete calls CompleteLifecycleAction. Whoever repeats it with the same
// client token succeeds again; with another the action has ended.
func (c *Client) Complete(ctx context.Context, hook *event.Hook, result, clientToken string) error {
	request := ess.CreateCompleteLifecycleActionRequest()
	request.LifecycleHookId, request.LifecycleActionToken = hook.ID, hook.Token
	request.LifecycleActionResult, request.ClientToken = result, clientToken
	return c.do(ctx, hook, request, &plain{alibaba.NewEnvelope()})
}

const (
	shortestHeartbeat = 30 * time.Second
	longestHeartbeat  = 6 * time.Hour
)

// Heartbeat calls RecordLifecycleActionHeartbeat. The platform takes whole
// seconds from 30 to 21,600; other time-outs are brought within.
func (c *Client) Heartbeat(ctx context.Context, hook *event.Hook, timeout time.Duration) (time.Duration, error) {
	timeout = min(max(timeout.Round(time.Second), shortestHeartbeat), longestHeartbeat)
	request := ess.CreateRecordLifecycleActionHeartbeatRequest()
	request.LifecycleHookId, request.LifecycleActionToken = hook.ID, hook.Token
	request.HeartbeatTimeout = requests.NewInteger(int(timeout / time.Second))
	if err := c.do(ctx, hook, request, &plain{alibaba.NewEnvelope()}); err != nil {
		return 0, err
	}
	return timeout, nil
}

// Pending calls DescribeLifecycleActions for the scaling activity of the hook
// and looks for its token. An activity whose id the notification did not give
// cannot be asked for, and nothing is known to be pending then.
func (c *Client) Pending(ctx context.Context, hook *event.Hook) (bool, error) {
	if hook.ScalingActivityID == "" {
		return false, nil
	}
	for next := ""; ; {
		request := ess.CreateDescribeLifecycleActionsRequest()
		request.ScalingActivityId, request.LifecycleActionStatus = hook.ScalingActivityID, "Pending"
		request.MaxResults, request.NextToken = requests.NewInteger(50), next
		answer := &actions{Envelope: alibaba.NewEnvelope()}
		if err := c.do(ctx, hook, request, answer); err != nil {
			return false, err
		}
		for _, a := range answer.LifecycleActions.LifecycleAction {
			if a.LifecycleActionToken == hook.Token && (hook.ID == "" || a.LifecycleHookId == hook.ID) && a.LifecycleActionStatus == "Pending" {
				return true, nil
			}
		}
		if answer.NextToken == "" || answer.NextToken == next {
			return false, nil
		}
		next = answer.NextToken
	}
}

type plain struct{ alibaba.Envelope }

type actions struct {
	alibaba.Envelope
	NextToken        string
	LifecycleActions ess.LifecycleActions
}

func (c *Client) do(ctx context.Context, hook *event.Hook, request requests.AcsRequest, answer alibaba.Reply) error {
	request.GetQueryParams()["RegionId"] = hook.RegionID
	err := c.client.Do(ctx, request, answer)
	var failure *alibaba.Error
	if !errors.As(err, &failure) {
		return err
	}
	return &lifecycle.Error{
		Code: failure.Code, Message: failure.Message, RequestID: failure.RequestID,
		Ended:     failure.Code == ended || strings.HasPrefix(failure.Code, "InvalidLifecycleHookId"), // the hook was deleted
		Exhausted: failure.Code == "LifecycleAction.TimeExceeded" || failure.Code == "LifecycleAction.RecordTimesExceeded",
		Temporary: temporary(failure),
	}
}

// ended is the code of a token that is unknown, timed out or completed. The
// service does not tell these apart.
const ended = "LifecycleHookIdAndLifecycleActionToken.Invalid"

// temporary reports whether it makes sense to repeat the same call at once.
func temporary(e *alibaba.Error) bool {
	switch {
	case e.Lost, e.Status >= 500, e.Status == http.StatusTooManyRequests,
		e.Code == alibaba.CodeUnreachable,
		strings.HasPrefix(e.Code, "Throttling"), e.Code == "ServiceUnavailable", e.Code == "SystemBusy",
		e.Code == "SignatureNonceUsed", strings.HasPrefix(e.Code, "InvalidTimeStamp"), e.Code == "IllegalTimestamp":
		return true
	}
	return false
}
