package alibaba

import (
	"net/http"
	"strings"
	"testing"
)

func TestPlainHTTPIsForLoopbackOnly(t *testing.T) {
	for endpoint, want := range map[string]string{
		"":                                 "https://slb.eu-central-1.aliyuncs.com",
		"127.0.0.1:7070":                   "http://127.0.0.1:7070",
		"localhost:7070":                   "http://localhost:7070",
		"http://[::1]:7070/":               "http://[::1]:7070",
		"https://localhost":                "https://localhost",
		"slb-vpc.cn-hangzhou.aliyuncs.com": "https://slb-vpc.cn-hangzhou.aliyuncs.com",
		"https://192.0.2.1:8443":           "https://192.0.2.1:8443",
	} {
		s, err := New(Product{Name: "slb"}, Options{Endpoint: endpoint})
		if err != nil {
			t.Errorf("%q: %v", endpoint, err)
			continue
		}
		host, err := s.endpoint("eu-central-1")
		if got := s.scheme + "://" + host; err != nil || got != want {
			t.Errorf("%q is called at %s, want %s (%v)", endpoint, got, want, err)
		}
	}
	for endpoint, reason := range map[string]string{
		"http://slb.aliyuncs.com":      "loopback",
		"http://127.0.0.1.example.com": "loopback",
		"ftp://127.0.0.1":              "scheme",
		"https://":                     "host",
		"https://user:hunter2@host":    "host",
		"https://host/path":            "host",
		"https://host?x=1":             "host",
		"ht tp://x":                    "host",
	} {
		_, err := New(Product{Name: "slb"}, Options{Endpoint: endpoint})
		if err == nil || !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v; want a refusal that speaks of the %s", endpoint, err, reason)
		}
	}
}

func TestARegionCannotNameAHost(t *testing.T) {
	s, err := New(Product{Name: "slb", Endpoints: map[string]string{"cn-hangzhou": "slb.aliyuncs.com"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if host, err := s.endpoint("cn-hangzhou"); host != "slb.aliyuncs.com" || err != nil {
		t.Errorf("%s, %v", host, err)
	}
	for _, region := range []string{"", "x.example.com/", "a@b", "cn-hangzhou#", "CN", "-x", strings.Repeat("a", 64)} {
		if host, err := s.endpoint(region); err == nil {
			t.Errorf("region %q is served by %s", region, host)
		}
	}
}

// The service may be replaced by one in the same process, and the default
// transport of net/http is never touched.
func TestTheTransportIsItsOwnOrTheGivenOne(t *testing.T) {
	own, err := New(Product{Name: "slb"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if own.transport == http.DefaultTransport {
		t.Error("http.DefaultTransport is used")
	}
	given := http.NewFileTransport(nil)
	if s, err := New(Product{Name: "slb"}, Options{Transport: given}); err != nil || s.transport != given {
		t.Errorf("the given transport is not used (%v)", err)
	}
}
