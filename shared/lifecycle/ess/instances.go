package ess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/ess"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/reconcile"
)

// pageSize is the largest that DescribeScalingInstances documents.
const pageSize = 50

var _ reconcile.Scaling = (*Client)(nil)

// Instances calls DescribeScalingInstances, page by page. Instances come and go
// while it does: an answer that does not hold together (another total than the page
// before, an instance twice, fewer than the total) is an error that may pass
// with another try.
func (c *Client) Instances(ctx context.Context, regionID, scalingGroupID string, ids []string) ([]reconcile.Instance, error) {
	if len(ids) > reconcile.MaxIDs {
		return nil, &reconcile.Error{Code: alibaba.CodeBadRequest, Message: fmt.Sprintf("%d ids in one question", len(ids))}
	}
	var all []reconcile.Instance
	seen := map[string]bool{}
	total := 0
	for number := 1; ; number++ {
		page, err := c.page(ctx, regionID, scalingGroupID, ids, number)
		if err != nil {
			return nil, err
		}
		if number == 1 {
			total = page.TotalCount
			all = make([]reconcile.Instance, 0, total)
		}
		for _, found := range page.ScalingInstances.ScalingInstance {
			switch {
			case len(ids) > 0 && !slices.Contains(ids, found.InstanceId):
				return nil, short("the answer holds an instance that was not asked for", page.RequestId)
			case found.InstanceId == "" || seen[found.InstanceId]:
				return nil, short("an instance is there twice", page.RequestId)
			}
			seen[found.InstanceId] = true
			all = append(all, reconcile.Instance{
				ID: strings.Clone(found.InstanceId), State: strings.Clone(found.LifecycleState),
				Unhealthy: strings.EqualFold(found.HealthStatus, "Unhealthy"),
			})
		}
		switch {
		case page.TotalCount != total:
			return nil, short("the scaling group changed while it was read", page.RequestId)
		case len(all) == total:
			return all, nil
		case len(page.ScalingInstances.ScalingInstance) == 0 || len(all) > total:
			return nil, short(fmt.Sprintf("%d instances of %d came back", len(all), total), page.RequestId)
		}
	}
}

func (c *Client) page(ctx context.Context, regionID, scalingGroupID string, ids []string, number int) (*instances, error) {
	request := ess.CreateDescribeScalingInstancesRequest()
	request.GetQueryParams()["RegionId"] = regionID
	request.ScalingGroupId = scalingGroupID
	request.PageNumber, request.PageSize = requests.NewInteger(number), requests.NewInteger(pageSize)
	if len(ids) > 0 {
		request.InstanceId = &ids
	}
	answer := &instances{Envelope: alibaba.NewEnvelope(), TotalCount: -1}
	err := c.client.Do(ctx, request, answer)
	var failure *alibaba.Error
	switch {
	case errors.As(err, &failure):
		return nil, &reconcile.Error{
			Code: failure.Code, Message: failure.Message, RequestID: failure.RequestID, Temporary: temporary(failure),
			Final: strings.HasPrefix(failure.Code, "InvalidScalingGroupId") || strings.HasPrefix(failure.Code, "InvalidRegionId"),
		}
	case err != nil:
		return nil, err
	case answer.TotalCount < 0:
		return nil, short("the answer does not say how many instances there are", answer.RequestId)
	}
	return answer, nil
}

type instances struct {
	alibaba.Envelope
	TotalCount       int
	ScalingInstances struct {
		ScalingInstance []struct {
			InstanceId     string //nolint:revive // the SDK's decoder goes by the name on the wire
			LifecycleState string
			HealthStatus   string
		}
	}
}

func short(message, requestID string) error {
	return &reconcile.Error{Code: reconcile.CodeShort, Message: message, RequestID: requestID, Temporary: true}
}
