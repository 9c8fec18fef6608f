package clb

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/alibaba"
	"slb-registrar/shared/vsg"
)

// Credentials sign a call; see [alibaba.Credentials].
type Credentials = alibaba.Credentials

// Options of a Service. The zero value calls the official endpoints over HTTPS.
type Options struct {
	// Endpoint overrides the official endpoints: host, host:port or a URL
	// without a path. Plain HTTP is for loopback addresses only.
	Endpoint string
	// Transport replaces the connections, for tests: a simulator in the same
	// process. It must honour the context of its requests.
	Transport http.RoundTripper
	// Observe, if set, is told of every call when it is over. It is called by
	// the goroutine that made the call and must be safe for concurrent use.
	Observe func(context.Context, Call)
}

// Call is what there is to say about one call, for one line in a log.
type Call struct {
	Action         string
	Group          vsg.Group
	LoadBalancerID string
	BatchSize      int // how many backends it carried
	Duration       time.Duration
	Disposition    vsg.Disposition
	Status         int    // of HTTP, if it was refused
	Code           string // of the refusal
	Message        string // of the refusal
	RequestID      string
	Known          bool // false: the table does not know the code
}

// Service is shared by all invocations of a process. It holds the endpoint and
// the connections and is safe for concurrent use.
type Service struct {
	service *alibaba.Service
	observe func(context.Context, Call)
}

// The SDK makes its map when it is first asked, without a lock.
var endpoints = sync.OnceValue(slb.GetEndpointMap)

// New makes a Service. It fails if the endpoint is no address, or one that
// would be called over plain HTTP and is not a loopback address.
func New(options Options) (*Service, error) {
	service, err := alibaba.New(
		alibaba.Product{Name: "slb", Endpoints: endpoints()},
		alibaba.Options{Endpoint: options.Endpoint, Transport: options.Transport})
	if err != nil {
		return nil, err
	}
	return &Service{service: service, observe: options.Observe}, nil
}

// Close closes the connections that are not in use. The Service stays usable.
func (s *Service) Close() { s.service.Close() }

// With binds the Service to the credentials of one invocation. It is cheap.
func (s *Service) With(c Credentials) *Client {
	return &Client{client: s.service.With(c), observe: s.observe}
}

// Client makes calls with the credentials of one invocation. It is safe for
// concurrent use.
type Client struct {
	client  *alibaba.Client
	observe func(context.Context, Call)
}
