package clbtest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"slb-registrar/shared/clbtest"
)

func TestTooMuchIsRefusedOverHTTP(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	many := url.Values{}
	for i := range 10_000 {
		many.Set(fmt.Sprint("p", i), "x")
	}
	big := strings.Repeat("x", 1<<20+1)
	post := func(body, contentType string) *http.Request {
		r := must(http.NewRequest(http.MethodPost, sim.URL+"/?Format=JSON", strings.NewReader(body)))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	const form = "application/x-www-form-urlencoded"
	for name, test := range map[string]struct {
		request *http.Request
		want    string
	}{
		"a body over 1 MiB":              {post("BackendServers="+big, form), "400 InvalidParameter"},
		"a body over 1 MiB, not a form":  {post(big, "application/json"), "400 InvalidParameter"},
		"a query just over 1 MiB":        {must(http.NewRequest(http.MethodGet, sim.URL+"/?Format=JSON&BackendServers="+big, nil)), "400 InvalidParameter"},
		"10,000 parameters in the query": {must(http.NewRequest(http.MethodGet, sim.URL+"/?Format=JSON&"+many.Encode(), nil)), "400 InvalidParameter"},
		"10,000 parameters in the form":  {post(many.Encode(), form), "400 InvalidParameter"},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.Header.Set("Accept", "application/json")
			response, err := http.DefaultClient.Do(test.request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			body := string(must(io.ReadAll(response.Body)))
			if got := fmt.Sprintf("%d %s", response.StatusCode, codeOf(t, body)); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
	if calls := sim.Calls(); len(calls) != 5 || calls[0].Code != "InvalidParameter" {
		t.Errorf("%d calls are listed", len(calls))
	}
}

func TestWhatIsRefusedLeavesNothingBehind(t *testing.T) {
	sim := clbtest.New(clbtest.Options{AutoCreate: true})
	for _, list := range []string{
		`[{"ServerId":"i-1","Port":80}`, `[{"ServerId":"i-1" "Port":80}]`, `[{"ServerId":"i-1","Port":}]`, `[{"ServerId":"i-1","Port":80}]]`, `[1]`, `null`, `"x"`, `[{,}]`,
		`[{"ServerId":"\q","Port":80}]`, `[{"ServerId":"\u12","Port":80}]`, `[{"ServerId":"i-1`, `[{"a":{"b":}}]`, `[{"a":[1 2]}]`, `[{"a":[`, `[{"a":x}]`, `[{"a"}]`, `[{`,
	} {
		if _, code, _ := call(t, sim, add, values{"VServerGroupId": "rsp-1", "BackendServers": list}); code != "BackendServersMalformed" {
			t.Errorf("%s: %q", list, code)
		}
	}
	if st := sim.State(); len(st.LoadBalancers) != 0 || len(st.Instances) != 0 {
		t.Errorf("%+v", st)
	}
}
