package clbtest_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"slb-registrar/shared/clbtest"
)

// Hand-written clients: what a shell script or another language would send.
// They share nothing with the simulator but the documentation.

var nonces atomic.Int64

func versionOf(action string) string {
	if strings.Contains(action, "Lifecycle") || strings.Contains(action, "Scaling") {
		return "2014-08-28"
	}
	return "2014-05-15"
}

// escape percent-encodes as the signatures want it.
func escape(s string) string {
	s = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	return strings.ReplaceAll(strings.ReplaceAll(s, "*", "%2A"), "%7E", "~")
}

func canonical(values url.Values) string {
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, escape(name)+"="+escape(values.Get(name)))
	}
	return strings.Join(pairs, "&")
}

// rpc is a V1 call before it is signed; tests change it to be wrong.
func rpc(action string, params map[string]string) url.Values {
	values := url.Values{
		"Action": {action}, "Version": {versionOf(action)}, "Format": {"JSON"}, "RegionId": {"cn-hangzhou"}, "AccessKeyId": {"testid"},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "SignatureNonce": {fmt.Sprint("nonce-", nonces.Add(1))},
		"Timestamp": {time.Now().UTC().Format("2006-01-02T15:04:05Z")},
	}
	for name, value := range params {
		values.Set(name, value)
	}
	return values
}

// signRPC adds the signature and returns the query with it.
func signRPC(method, secret string, values url.Values) string {
	query := canonical(values)
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(method + "&%2F&" + escape(query)))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	values.Set("Signature", signature)
	return query + "&Signature=" + escape(signature)
}

// getRPC is a signed V1 call with everything in the query.
func getRPC(values url.Values) *http.Request {
	return must(http.NewRequest(http.MethodGet, "http://sim.invalid/?"+signRPC("GET", "testsecret", values), nil))
}

// formRPC is a signed V1 call with its business parameters in the form.
func formRPC(values url.Values) *http.Request {
	signRPC("POST", "testsecret", values)
	query, form := url.Values{}, url.Values{}
	for name := range values {
		switch name {
		case "BackendServers", "VServerGroupId", "LoadBalancerId", "RegionId":
			form[name] = values[name]
		default:
			query[name] = values[name]
		}
	}
	r := must(http.NewRequest(http.MethodPost, "http://sim.invalid/?"+query.Encode(), strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

// acs3 is a V3 call; with inForm its parameters travel in the body.
func acs3(action, host string, params map[string]string, inForm bool) *http.Request {
	values := url.Values{"RegionId": {"cn-hangzhou"}}
	for name, value := range params {
		values.Set(name, value)
	}
	query, body := values, ""
	if inForm {
		query, body = url.Values{}, values.Encode()
	}
	r := must(http.NewRequest(http.MethodPost, "http://"+host+"/?"+query.Encode(), strings.NewReader(body)))
	if inForm {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	sum := sha256.Sum256([]byte(body))
	r.Header.Set("x-acs-action", action)
	r.Header.Set("x-acs-version", versionOf(action))
	r.Header.Set("x-acs-date", time.Now().UTC().Format("2006-01-02T15:04:05Z"))
	r.Header.Set("x-acs-signature-nonce", fmt.Sprint("nonce-", nonces.Add(1)))
	r.Header.Set("x-acs-content-sha256", hex.EncodeToString(sum[:]))
	signACS3(r, "testsecret", query)
	return r
}

func signACS3(r *http.Request, secret string, query url.Values) {
	names := []string{"host"}
	for name := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") || lower == "content-type" {
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	headers := ""
	for _, name := range names {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		headers += name + ":" + value + "\n"
	}
	signed := strings.Join(names, ";")
	request := strings.Join([]string{r.Method, "/", canonical(query), headers, signed, r.Header.Get("x-acs-content-sha256")}, "\n")
	hashed := sha256.Sum256([]byte(request))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(hashed[:])))
	r.Header.Set("Authorization", "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders="+signed+",Signature="+hex.EncodeToString(mac.Sum(nil)))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// send sends a request to the simulator in the process.
func send(t testing.TB, sim *clbtest.Simulator, r *http.Request) (status int, body string) {
	t.Helper()
	response, err := sim.Transport().RoundTrip(r)
	if err != nil {
		t.Fatalf("%s: %v", r.URL.Path, err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// call makes a V1 call in the process and returns its status, its code (empty
// if it succeeded) and its body.
func call(t testing.TB, sim *clbtest.Simulator, action string, params map[string]string) (int, string, string) {
	t.Helper()
	status, body := send(t, sim, getRPC(rpc(action, params)))
	return status, codeOf(t, body), body
}
