package alibaba

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
)

// Product is one of Alibaba Cloud's services, as far as its addresses go.
type Product struct {
	// Name is the first label of its host names: slb, ess.
	Name string
	// Endpoints are the hosts of the regions that do not follow the pattern
	// NAME.REGION.aliyuncs.com. The map is only read.
	Endpoints map[string]string
}

// Options of a Service. The zero value calls the official endpoints.
type Options struct {
	// Endpoint overrides the official endpoints: host, host:port or a URL
	// without a path. Without a scheme it is HTTPS, and HTTP if the host is a
	// loopback address. HTTP to any other host is refused, because a call
	// carries the security token in clear text.
	Endpoint string
	// Transport replaces the connections, for tests: a simulator in the same
	// process. It must honour the context of its requests.
	Transport http.RoundTripper
}

// Service is the way to one product's API. It is safe for concurrent use.
type Service struct {
	product   Product
	scheme    string
	host      string // empty: by region
	transport http.RoundTripper
	own       *http.Transport // nil if Options.Transport is used
}

// New checks the options and makes a Service. It opens no connection.
func New(product Product, options Options) (*Service, error) {
	s := &Service{product: product, scheme: "https", transport: options.Transport}
	if options.Endpoint != "" {
		var err error
		if s.scheme, s.host, err = parseEndpoint(options.Endpoint); err != nil {
			return nil, err
		}
	}
	if s.transport == nil {
		s.own = newTransport()
		s.transport = s.own
	}
	return s, nil
}

// Close closes the connections that are not in use. The Service stays usable.
func (s *Service) Close() {
	if s.own != nil {
		s.own.CloseIdleConnections()
	}
}

// With binds the Service to the credentials of one invocation.
func (s *Service) With(c Credentials) *Client {
	return &Client{service: s, credentials: &c, provider: c.provider()}
}

// Client makes calls with the credentials of one invocation. It is safe for
// concurrent use.
type Client struct {
	service *Service
	// credentials are behind a pointer so that printing whatever holds the
	// Client shows an address.
	credentials *Credentials
	provider    credentials.CredentialsProvider
}

// String keeps the credentials out of logs.
func (c *Client) String() string { return c.service.product.Name + " with " + c.credentials.String() }

// endpoint is the host that serves a region. The region comes from messages:
// it must not be able to name a host of its own.
func (s *Service) endpoint(region string) (string, error) {
	if !isRegion(region) {
		return "", fmt.Errorf("%q is no region id", region)
	}
	if s.host != "" {
		return s.host, nil
	}
	if host, ok := s.product.Endpoints[region]; ok {
		return host, nil
	}
	return s.product.Name + "." + region + ".aliyuncs.com", nil
}

func isRegion(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

func parseEndpoint(raw string) (scheme, host string, err error) {
	text, given := raw, strings.Contains(raw, "://")
	if !given {
		text = "//" + raw
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		// The text is not repeated: it may hold a password.
		return "", "", errors.New("the endpoint must be a host, host:port, or a URL of only scheme and host")
	}
	loopback := isLoopback(u.Hostname())
	switch {
	case !given && loopback:
		return "http", u.Host, nil
	case !given:
		return "https", u.Host, nil
	case u.Scheme == "https", u.Scheme == "http" && loopback:
		return u.Scheme, u.Host, nil
	case u.Scheme == "http":
		return "", "", fmt.Errorf("the endpoint %s is not a loopback address and must be called over HTTPS: plain HTTP would show the credentials to everybody on the way", u.Host)
	}
	return "", "", fmt.Errorf("the endpoint's scheme is %q; it must be https, or http for a loopback address", u.Scheme)
}

// IsLoopback reports whether an endpoint, as [Options] takes it, is on this
// machine: a simulator, most likely.
func IsLoopback(endpoint string) bool {
	if !strings.Contains(endpoint, "://") {
		endpoint = "//" + endpoint
	}
	u, err := url.Parse(endpoint)
	return err == nil && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// newTransport makes the connections of one Service.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment, // never for a loopback address
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		// The service closes connections that were idle for some 10 s (seen by
		// users of the Terraform provider). Half of that avoids most races.
		IdleConnTimeout: 5 * time.Second,
		// One connection for each load balancer that is written to in parallel.
		MaxIdleConnsPerHost: 64,
		DisableCompression:  true,
	}
}
