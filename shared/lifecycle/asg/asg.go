// Package asg completes the lifecycle hooks of Amazon EC2 Auto Scaling through
// aws-sdk-go-v2.
//
// It needs the permissions autoscaling:CompleteLifecycleAction and
// autoscaling:RecordLifecycleActionHeartbeat, and, only for launches whose time
// nobody knows, autoscaling:DescribeAutoScalingInstances.
//
// The limits of the platform: a hook waits 30 s to 7,200 s; a heartbeat starts
// that time anew and takes no time of its own; in all an action waits 48 h or
// 100 times the hook's time-out, whichever is less. There is no client token:
// of two completions the second finds the action ended. One token stands for
// one instance.
package asg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"slb-registrar/shared/event"
	"slb-registrar/shared/lifecycle"
)

// Client answers hooks with the credentials of the process. It implements
// [lifecycle.Completer] and is safe for concurrent use; there is one a process.
type Client struct{ api *autoscaling.Client }

var _ lifecycle.Completer = (*Client)(nil)

// New makes a Client of the process's AWS configuration. It fails if that
// names an endpoint that would be called over plain HTTP and is not a loopback
// address.
func New(config aws.Config) (*Client, error) {
	api := autoscaling.NewFromConfig(config, func(o *autoscaling.Options) {
		o.Retryer = once() // whoever calls knows how long it may go on
	})
	if endpoint := api.Options().BaseEndpoint; endpoint != nil {
		u, err := url.Parse(*endpoint)
		if err != nil || u.Host == "" {
			return nil, errors.New("the AWS endpoint is no URL") // which is not repeated: it may hold a password
		}
		if u.Scheme != "https" && !isLoopback(u.Hostname()) {
			return nil, fmt.Errorf("the AWS endpoint %s is not a loopback address and must be called over HTTPS", u.Host)
		}
	}
	return &Client{api}, nil
}

func once() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.RateLimiter = 1, ratelimit.None })
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// in makes a call in the region of the hook.
func in(hook *event.Hook) func(*autoscaling.Options) {
	return func(o *autoscaling.Options) {
		if hook.RegionID != "" {
			o.Region = hook.RegionID
		}
	}
}

// token and instance name the action: by its token, or by its instance where
// the notification gave no token.
func token(hook *event.Hook) (token, instance *string) {
	if hook.Token != "" {
		return &hook.Token, nil
	}
	return nil, instanceOf(hook)
}

func instanceOf(hook *event.Hook) *string {
	if len(hook.InstanceIDs) == 0 {
		return nil
	}
	return &hook.InstanceIDs[0]
}

// Complete calls CompleteLifecycleAction. The client token is not used.
func (c *Client) Complete(ctx context.Context, hook *event.Hook, result, _ string) error {
	token, instance := token(hook)
	_, err := c.api.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
		AutoScalingGroupName: &hook.ScalingGroupID, LifecycleHookName: &hook.Name,
		LifecycleActionToken: token, InstanceId: instance, LifecycleActionResult: &result,
	}, in(hook))
	return explain(ctx, err)
}

// shortest is the shortest time-out that a hook can have. Its own is not known
// here, so a heartbeat is good for no longer.
const shortest = 30 * time.Second

// Heartbeat calls RecordLifecycleActionHeartbeat, which starts the time-out of
// the hook anew. The platform takes no other time-out.
func (c *Client) Heartbeat(ctx context.Context, hook *event.Hook, _ time.Duration) (time.Duration, error) {
	token, instance := token(hook)
	_, err := c.api.RecordLifecycleActionHeartbeat(ctx, &autoscaling.RecordLifecycleActionHeartbeatInput{
		AutoScalingGroupName: &hook.ScalingGroupID, LifecycleHookName: &hook.Name,
		LifecycleActionToken: token, InstanceId: instance,
	}, in(hook))
	return shortest, explain(ctx, err)
}

// Pending reports whether the instance is in the state that it has while the
// hook's kind of action waits. The platform cannot be asked about a token.
func (c *Client) Pending(ctx context.Context, hook *event.Hook) (bool, error) {
	instance := instanceOf(hook)
	if instance == nil {
		return false, nil
	}
	answer, err := c.api.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: []string{*instance}}, in(hook))
	if err != nil {
		return false, explain(ctx, err)
	}
	waiting := "Pending:Wait"
	if hook.Kind == event.Terminate {
		waiting = "Terminating:Wait"
	}
	for _, i := range answer.AutoScalingInstances {
		if aws.ToString(i.InstanceId) == *instance && aws.ToString(i.AutoScalingGroupName) == hook.ScalingGroupID {
			return aws.ToString(i.LifecycleState) == waiting, nil
		}
	}
	return false, nil
}

// signed is where the message of a refused signature begins to repeat what was
// signed, the session token included.
var signed = regexp.MustCompile(`(?is)\s*the (canonical string|string-to-sign) for this request.*`)

func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := &lifecycle.Error{Code: "NoAnswer", Temporary: true}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil && response.HTTPStatusCode() > 0 {
		e.Temporary = response.HTTPStatusCode() >= 500 || response.HTTPStatusCode() == 429
	}
	var withID interface{ ServiceRequestID() string }
	if errors.As(err, &withID) {
		e.RequestID = withID.ServiceRequestID()
	}
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		e.Code, e.Message = api.ErrorCode(), signed.ReplaceAllString(api.ErrorMessage(), "")
		e.Temporary = e.Temporary || strings.Contains(e.Code, "Throttling") || e.Code == "RequestLimitExceeded" || e.Code == "ResourceContention"
		// The code is the same for every wrong parameter; ours are right, so
		// what is wrong is that the action, its hook or its group is no more.
		e.Ended = e.Code == "ValidationError" && (strings.Contains(e.Message, "No active Lifecycle Action found") || strings.Contains(e.Message, "not found"))
	case ctx.Err() != nil:
		e.Code, e.Message = "Deadline", "the time for the call was over"
	default:
		e.Message = "the call could not be made, or was not answered"
		var failed *url.Error
		if errors.As(err, &failed) {
			e.Message = failed.Err.Error() // without the URL
		}
	}
	return e
}
