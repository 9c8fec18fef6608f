package clbtest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzBackendServers(f *testing.F) {
	for _, seed := range []string{
		"", "[]", `[{'ServerId':'vm-233','Port':'80','Weight':'100'},{'ServerId':'vm-232','Port':'90','Weight':'100'}]`,
		`[{"ServerId":"i-1","Port":80,"Weight":100,"Type":"ecs"}]`, `[{"serverId":"eni-1","serverIp":"192.0.2.1","port":80,"type":"eni","IsUserManaged":true,"TargetRef":{"a":[1,null]}}]`,
		`[{ServerId:"i-1",Port:80}]`, `[{"ServerId":"\u4e2d\n","Port":8e1}]`, `[{"a":[[[[`, `[{"a":"\`, `[{'a`, "[{}]]", `[{"ServerId":"i-1","Port":99999999999999999999}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		servers, fail := parseBackendServers(text, 20)
		if fail != nil {
			if documented(fail.code).message == "The request was refused." {
				t.Errorf("%q is refused with an undocumented code: %s", text, fail.code)
			}
			return
		}
		if len(servers) > 20 {
			t.Errorf("%d servers from %q", len(servers), text)
		}
		// What was read is read again from strict JSON.
		again := []map[string]any{}
		for _, b := range servers {
			if b.ServerID == "" || b.Port < 1 || b.Port > 65535 || b.Weight < 0 || b.Weight > 100 {
				t.Errorf("%+v from %q", b, text)
			}
			if !utf8.ValidString(b.ServerID) {
				return // JSON cannot carry it
			}
			again = append(again, map[string]any{
				"ServerId": b.ServerID, "Port": b.Port, "Weight": b.Weight, "Type": b.Type, "ServerIp": b.ServerIP, "Description": b.Description,
			})
		}
		data, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		second, fail := parseBackendServers(string(data), 20)
		if fail != nil || len(second) != len(servers) {
			t.Fatalf("%q became %s, which is refused: %+v", text, data, fail)
		}
		for i := range second {
			if second[i].Backend != servers[i].Backend {
				t.Errorf("%q became %s: %+v, %+v", text, data, servers[i], second[i])
			}
		}
	})
}

// FuzzStrictJSON holds the lenient parser against encoding/json: whatever is a
// list of objects there is one here too.
func FuzzStrictJSON(f *testing.F) {
	f.Add(`[{"a":"b","c":[1,2,{"d":null}]},{}]`)
	f.Add(`[ {"\u0061\/\"" : -1.5e+3 , "x":true} ]`)
	f.Fuzz(func(t *testing.T, text string) {
		var strict []map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &strict) != nil || strings.TrimSpace(text) == "null" {
			return
		}
		for _, e := range strict {
			if e == nil {
				return // a null in the list is no object
			}
		}
		got, err := parseList(text)
		if errors.Is(err, errTooDeep) {
			return
		}
		if err != nil || len(got) != len(strict) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func FuzzParameters(f *testing.F) {
	for _, seed := range []string{"", "a=b&c=d", "a=%41+b&a=&=x&&", "%", "a=%zz", strings.Repeat("a&", 2000), "TimeStamp=1&Timestamp=2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		params, fail := appendParameters(nil, encoded)
		if fail != nil {
			return
		}
		if len(params) > maxParameters {
			t.Fatalf("%d parameters", len(params))
		}
		// A canonical query, decoded, is canonical again.
		once := appendCanonical(nil, params, "")
		decoded, fail := appendParameters(nil, string(once))
		if fail != nil {
			t.Fatalf("%q cannot be decoded: %+v", once, fail)
		}
		if again := appendCanonical(nil, decoded, ""); !bytes.Equal(once, again) && !hasNameless(params) {
			t.Errorf("%q, then %q", once, again)
		}
		if strings.Contains(encoded, ";") {
			return // net/url refuses these
		}
		want, err := url.ParseQuery(encoded)
		if err != nil {
			t.Fatalf("%q is accepted, and not by net/url: %v", encoded, err)
		}
		for name, v := range want {
			if params.get(name) != v[0] {
				t.Errorf("%s is %q, want %q", name, params.get(name), v[0])
			}
		}
	})
}

func hasNameless(params parameters) bool {
	_, nameless := params.lookup("")
	return nameless
}

// FuzzRequest sends anything as a call. The simulator must answer, in a form
// that can be read, and let nothing in.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "Action=AddVServerGroupBackendServers&Version=2014-05-15&AccessKeyId=testid&Signature=x&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&SignatureNonce=n&Timestamp=2026-01-02T03:04:05Z", "", "", "")
	f.Add("POST", "", "Action=DescribeLoadBalancers", "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host;x-acs-date,Signature=00", "2026-01-02T03:04:05Z")
	f.Add("POST", "Format=XML", "\x00\xff", "ACS3-HMAC-SHA256 ,,,=;", "")
	f.Add("PUT", "a=%zz", "", "Bearer", "x")
	sim := New(Options{AutoCreate: true})
	f.Fuzz(func(t *testing.T, method, query, body, authorization, date string) {
		r := &http.Request{
			Method: method, Host: "127.0.0.1", URL: &url.URL{Path: "/", RawQuery: query}, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
			RemoteAddr: "127.0.0.1:1",
		}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
			r.Header.Set("x-acs-date", date)
			r.Header.Set("x-acs-signature-nonce", date)
			r.Header.Set("x-acs-content-sha256", date)
			r.Header.Set("x-acs-action", "DescribeLoadBalancers")
			r.Header.Set("x-acs-version", versionSLB)
		}
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		if w.Code < 400 {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
		data := w.Body.Bytes()
		if bytes.HasPrefix(data, []byte("{")) {
			if !json.Valid(data) {
				t.Errorf("not JSON: %q", data)
			}
		} else if err := xml.Unmarshal(data, new(struct{})); err != nil {
			t.Errorf("not XML: %v in %q", err, data)
		}
	})
}

// FuzzAuthorization takes any header for a V3 signature.
func FuzzAuthorization(f *testing.F) {
	f.Add("ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host;x-acs-date,Signature=00")
	f.Add("ACS3-HMAC-SHA256 Credential=a,Credential=b,SignedHeaders=" + strings.Repeat(";", 500) + ",Signature=")
	f.Add("")
	f.Fuzz(func(t *testing.T, header string) {
		a, ok := parseAuthorization(header)
		if ok && (a.credential == "" || a.signature == "" || len(a.signedHeaders) == 0) {
			t.Errorf("%+v from %q", a, header)
		}
		in := &received{method: "GET", host: "h", path: "/", header: http.Header{}}
		if request := canonicalRequestV3(in, a.signedHeaders, ""); len(request) > 4*len(header)+100 {
			t.Errorf("%d bytes from %d", len(request), len(header))
		}
	})
}

// FuzzSignedCall signs anything as a call, so that it gets past the gateway. It
// must be answered with an error of the documentation or carried out, and never
// leave more in a group than the limits allow.
func FuzzSignedCall(f *testing.F) {
	names := slices.Sorted(maps.Keys(actions))
	for i := range names {
		f.Add(uint8(i), "cn-hangzhou", "rsp-1", `[{"ServerId":"i-1","Port":80}]`, "PageSize", "2", i%2 == 0)
		f.Add(uint8(i), "", "", `[{'a'`, "Tag.1.Key", "", false)
	}
	f.Fuzz(func(t *testing.T, n uint8, region, id, servers, name, value string, inJSON bool) {
		a := actions[names[int(n)%len(names)]]
		version, format := versionSLB, formatXML
		if a.product == productESS {
			version = versionESS
		}
		if inJSON {
			format = formatJSON
		}
		params := parameters{
			{"Action", a.name}, {"Version", version}, {"Format", format}, {"AccessKeyId", "testid"}, {"SignatureMethod", algorithmV1}, {"SignatureVersion", "1.0"},
			{"SignatureNonce", "n"}, {"Timestamp", time.Now().UTC().Format(timestampLayout)}, {"RegionId", region},
		}
		for _, list := range [2][]string{a.required, a.optional} {
			for _, p := range list {
				switch {
				case strings.HasSuffix(p, "BackendServers"):
					params = append(params, parameter{p, servers})
				case strings.HasSuffix(p, "Id") && p != "RegionId":
					params = append(params, parameter{p, id})
				}
			}
		}
		params = append(params, parameter{name, value})
		params = append(params, parameter{"Signature", signV1("testsecret", stringToSignV1(http.MethodGet, params))})
		sim := New(Options{AutoCreate: true})
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?"+string(appendCanonical(nil, params, "")), nil))
		data := w.Body.Bytes()
		if inJSON && bytes.HasPrefix(data, []byte("{")) {
			if !json.Valid(data) {
				t.Errorf("not JSON: %q", data)
			}
		} else if err := xml.Unmarshal(data, new(struct{})); err != nil {
			t.Errorf("not XML: %v in %q", err, data)
		}
		call := sim.Calls()[0]
		if _, known := catalogue[call.Code]; call.Code != "" && !known && !strings.HasPrefix(call.Code, "Missing") {
			t.Errorf("%d %s is not documented", call.HTTPStatus, call.Code)
		}
		for _, lb := range sim.State().LoadBalancers {
			for _, g := range lb.VServerGroups {
				if len(g.Backends) > DefaultMaxBatch {
					t.Errorf("%d members after one call", len(g.Backends))
				}
			}
		}
		if _, err := newWorld(sim.State(), sim.options, time.Now()); err != nil {
			t.Errorf("the state cannot be seeded again: %v", err)
		}
	})
}
