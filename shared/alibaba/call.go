package alibaba

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/utils"
)

// maxAnswer bounds what is read of an answer. The largest that can be asked
// for, the health of 200 backends behind 50 listeners, has about 2 MB.
const maxAnswer = 8 << 20

// Reply is what an answer is decoded into: a struct that embeds an [Envelope].
type Reply interface {
	responses.AcsResponse
	requestID() string
}

// Envelope is what every answer has.
type Envelope struct {
	*responses.BaseResponse
	RequestId string //nolint:revive // the SDK's decoder goes by the name on the wire
}

// NewEnvelope makes an Envelope that can be decoded into.
func NewEnvelope() Envelope { return Envelope{BaseResponse: &responses.BaseResponse{}} }

func (e *Envelope) requestID() string { return e.RequestId }

// Do signs and sends a request and decodes the answer. The request must be a
// new one: what an earlier call put into it would be sent again. The error is
// nil or an [*Error].
func (c *Client) Do(ctx context.Context, request requests.AcsRequest, reply Reply) error {
	failure := &Error{Action: request.GetActionName()}
	if err := ctx.Err(); err != nil {
		failure.fail(ctx, err, false)
		return failure
	}
	signed, err := c.sign(request)
	if err != nil {
		failure.Code, failure.Message = CodeBadRequest, err.Error()
		if errors.Is(err, errNoCredentials) {
			failure.Code = CodeNoCredentials
		}
		return failure
	}
	var connected atomic.Bool
	if c.service.own != nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	}
	response, err := c.service.transport.RoundTrip(signed.WithContext(ctx))
	if err != nil {
		failure.fail(ctx, err, connected.Load() || c.service.own == nil && !isDial(err))
		return c.clean(failure, request)
	}
	defer func() { _ = response.Body.Close() }()
	failure.Status = response.StatusCode
	failure.RequestID = response.Header.Get("X-Acs-Request-Id")
	response.Body = io.NopCloser(io.LimitReader(response.Body, maxAnswer))
	if response.StatusCode < 200 || response.StatusCode > 299 {
		body, err := io.ReadAll(response.Body)
		if err != nil && ctx.Err() != nil {
			failure.fail(ctx, err, true)
			return failure
		}
		failure.refused(body)
		return c.clean(failure, request)
	}
	if err := decode(reply, response, request.GetActionName()); err != nil {
		failure.fail(ctx, err, true)
		if failure.cause == nil {
			failure.Code = CodeBadAnswer
		}
		return c.clean(failure, request)
	}
	return nil
}

var errNoCredentials = errors.New("there are no credentials to sign the call with")

// sign makes the HTTP request that the SDK's client would make.
func (c *Client) sign(request requests.AcsRequest) (*http.Request, error) {
	if c.credentials.Empty() {
		return nil, errNoCredentials
	}
	region := request.GetQueryParams()["RegionId"]
	host, err := c.service.endpoint(region)
	if err != nil {
		return nil, err
	}
	if err := requests.InitParams(request); err != nil {
		return nil, err
	}
	if err := auth.Sign(request, nil, region, c.provider); err != nil {
		return nil, err
	}
	header := make(http.Header, len(request.GetHeaders())+3)
	for key, value := range request.GetHeaders() {
		header[key] = []string{value}
	}
	header["x-sdk-core-version"] = []string{sdk.Version}
	header["User-Agent"] = []string{sdk.DefaultUserAgent + " slb-registrar"}
	if strings.HasPrefix(request.GetActionName(), "Describe") {
		// An empty list is not sent. It tells net/http that the request may be
		// repeated if its connection turns out to be dead.
		header["Idempotency-Key"] = []string{}
	}
	return &http.Request{
		Method: request.GetMethod(),
		URL:    &url.URL{Scheme: c.service.scheme, Host: host, Path: "/", RawQuery: utils.GetUrlFormedMap(request.GetQueryParams())},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header,
		Host:   host,
		Body:   http.NoBody,
	}, nil
}

// isDial reports whether err means that there never was a connection.
func isDial(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}

// decode reads a 2xx answer. An answer without a request id is none: that is
// how the service documents success.
func decode(reply Reply, response *http.Response, action string) error {
	if err := responses.Unmarshal(reply, response, "JSON"); err != nil {
		var undecodable *sdkerrors.ClientError
		if errors.As(err, &undecodable) { // its text quotes the body
			return errors.New("the answer is not the JSON of this action")
		}
		return err
	}
	if reply.requestID() != "" {
		return nil
	}
	// The service's own page shows the answer inside an object named after
	// the action.
	inner := unwrap(reply.GetHttpContentBytes(), action)
	if inner == nil {
		return errors.New("the answer holds no request id")
	}
	again := &http.Response{StatusCode: response.StatusCode, Header: maps.Clone(response.Header), Body: io.NopCloser(bytes.NewReader(inner))}
	if err := responses.Unmarshal(reply, again, "JSON"); err != nil || reply.requestID() == "" {
		return errors.New("the answer holds no request id")
	}
	return nil
}
