package clbtest_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"

	"slb-registrar/shared/clbtest"
)

const describe = "DescribeVServerGroupAttribute"

func TestTheGatewayRefusesAsDocumented(t *testing.T) {
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("2006-01-02T15:04:05Z") }
	set := func(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }
	drop := func(name string) func(url.Values) { return func(v url.Values) { v.Del(name) } }
	for _, test := range []struct {
		want   string
		change func(url.Values)
	}{
		{"200 ", func(url.Values) {}},
		{"200 ", set("SignatureType", "")},
		{"200 ", func(v url.Values) { v.Set("TimeStamp", v.Get("Timestamp")); v.Del("Timestamp") }},
		{"200 ", set("Timestamp", at(-14*time.Minute))},
		{"200 ", set("Timestamp", at(14*time.Minute))},
		{"400 InvalidTimeStamp.Expired", set("Timestamp", at(-16*time.Minute))},
		{"400 InvalidTimeStamp.Expired", set("Timestamp", at(16*time.Minute))},
		{"400 InvalidTimeStamp.Format", set("Timestamp", "yesterday")},
		{"400 MissingTimestamp", drop("Timestamp")},
		{"400 MissingSignatureNonce", drop("SignatureNonce")},
		{"400 MissingSignatureMethod", drop("SignatureMethod")},
		{"400 InvalidSignatureMethod", set("SignatureMethod", "HMAC-MD5")},
		{"400 MissingSignatureVersion", drop("SignatureVersion")},
		{"400 InvalidParamater", set("SignatureVersion", "2.0")},
		{"400 MissingAccessKeyId", drop("AccessKeyId")},
		{"404 InvalidAccessKeyId.NotFound", set("AccessKeyId", "stranger")},
		{"400 MissingAction", drop("Action")},
		{"400 MissingVersion", drop("Version")},
		{"400 InvalidVersion", set("Version", "2011-01-01")},
		{"404 InvalidAction.NotFound", set("Action", "DescribeWeather")},
		{"404 InvalidAction.NotFound", set("Version", "2014-08-28")}, // of the other product
		{"400 InvalidParameter.Format", set("Format", "YAML")},
		{"400 MissingRegionId", drop("RegionId")},
		{"400 MissingVServerGroupId", drop("VServerGroupId")},
		{"400 MissingVServerGroupId", set("VServerGroupId", "")},
		{"400 InvalidParameter", set("Unknown", "1")},
		{"200 ", set("ClientToken", "means nothing here")},
	} {
		t.Run(test.want, func(t *testing.T) {
			sim := clbtest.New(clbtest.Options{AutoCreate: true})
			v := rpc(describe, values{"VServerGroupId": "rsp-1"})
			test.change(v)
			r := getRPC(v)
			r.Header.Set("Accept", "application/json") // where Format does not say so
			status, body := send(t, sim, r)
			if got := fmt.Sprintf("%d %s", status, codeOf(t, body)); got != test.want {
				t.Errorf("%s, want %s: %s", got, test.want, body)
			}
		})
	}
}

func TestSignaturesThatDoNotMatchAreRefused(t *testing.T) {
	sim := clbtest.New(clbtest.Options{AutoCreate: true})
	v1 := func(change func(*http.Request)) *http.Request {
		r := getRPC(rpc(describe, values{"VServerGroupId": "rsp-1"}))
		change(r)
		return r
	}
	v3 := func(change func(*http.Request)) *http.Request {
		r := acs3(describe, "127.0.0.1", values{"VServerGroupId": "rsp-1"}, true)
		change(r)
		return r
	}
	query := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			q := r.URL.Query()
			q.Set(name, value)
			r.URL.RawQuery = q.Encode()
		}
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, test := range map[string]struct {
		request *http.Request
		want    string
	}{
		"V1, unchanged":          {v1(func(*http.Request) {}), "200 "},
		"V1, another group":      {v1(query("VServerGroupId", "rsp-2")), "400 SignatureDoesNotMatch"},
		"V1, another signature":  {v1(query("Signature", "AAAA")), "400 SignatureDoesNotMatch"},
		"V1, another method":     {v1(func(r *http.Request) { r.Method = "POST" }), "400 SignatureDoesNotMatch"},
		"V1, one more parameter": {v1(query("OwnerId", "1")), "400 SignatureDoesNotMatch"},
		"V3, unchanged":          {v3(func(*http.Request) {}), "200 "},
		"V3, another host":       {v3(func(r *http.Request) { r.Host = "127.0.0.1:1" }), "400 SignatureDoesNotMatch"},
		"V3, another date":       {v3(header("x-acs-date", time.Now().Add(time.Second).UTC().Format(time.RFC3339))), "400 SignatureDoesNotMatch"},
		"V3, old date":           {v3(header("x-acs-date", "2020-01-01T00:00:00Z")), "400 InvalidTimeStamp.Expired"},
		"V3, bad date":           {v3(header("x-acs-date", "today")), "400 InvalidTimeStamp.Format"},
		"V3, no date":            {v3(func(r *http.Request) { r.Header.Del("x-acs-date") }), "400 MissingTimestamp"},
		"V3, no nonce":           {v3(func(r *http.Request) { r.Header.Del("x-acs-signature-nonce") }), "400 MissingSignatureNonce"},
		"V3, another hash":       {v3(header("x-acs-content-sha256", strings.Repeat("0", 64))), "400 SignatureDoesNotMatch"},
		"V3, an unsigned header": {v3(header("x-acs-extra", "1")), "400 IncompleteSignature"},
		"V3, half a header":      {v3(header("Authorization", "ACS3-HMAC-SHA256 Credential=testid")), "400 IncompleteSignature"},
		"V3, another algorithm":  {v3(header("Authorization", "Bearer token")), "400 IncompleteSignature"},
		"V3, host not signed":    {v3(header("Authorization", "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=x-acs-date,Signature=00")), "400 IncompleteSignature"},
		"V3, headers not sorted": {v3(header("Authorization", "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=x-acs-date;host,Signature=00")), "400 IncompleteSignature"},
		"neither":                {must(http.NewRequest(http.MethodGet, "http://sim.invalid/?Format=JSON&Action=DescribeVServerGroupAttribute&Version=2014-05-15", nil)), "400 MissingAccessKeyId"},
		"a method that is not":   {v1(func(r *http.Request) { r.Method = "DELETE" }), "403 UnsupportedHTTPMethod"},
		"a path that is not":     {v1(func(r *http.Request) { r.URL.Path = "/slb" }), "404 InvalidApi.NotFound"},
		"percent gone wrong":     {v1(func(r *http.Request) { r.URL.RawQuery = "Format=JSON&a=%zz" }), "400 InvalidParameter"},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.Header.Set("Accept", "application/json")
			status, body := send(t, sim, test.request)
			if got := fmt.Sprintf("%d %s", status, codeOf(t, body)); got != test.want {
				t.Errorf("%s, want %s: %s", got, test.want, body)
			}
		})
	}
}

func TestTheRefusalOfASignatureShowsTheStringToSign(t *testing.T) {
	sim := clbtest.New(clbtest.Options{AccessKeys: map[string]string{"testid": "another"}})
	v := rpc(describe, values{"VServerGroupId": "rsp-1"})
	_, body := send(t, sim, getRPC(v))
	v.Del("Signature")
	message, _ := decode(t, []byte(body))["Message"].(string)
	if want := "server string to sign is:GET&%2F&" + escape(canonical(v)); !strings.HasSuffix(message, want) {
		t.Errorf("message %q\ndoes not end in %q", message, want)
	}
	if strings.Contains(body, "another") {
		t.Error("the secret is in the answer")
	}
}

func TestANonceWorksOnceWithinItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := clbtest.New(clbtest.Options{AutoCreate: true})
		once := func() string {
			v := rpc(describe, values{"VServerGroupId": "rsp-1", "SignatureNonce": "again"})
			status, body := send(t, sim, getRPC(v))
			return fmt.Sprint(status, " ", codeOf(t, body))
		}
		if got := once(); got != "200 " {
			t.Fatal(got)
		}
		<-time.After(31*time.Minute - 1)
		if got := once(); got != "400 SignatureNonceUsed" {
			t.Errorf("just before the end of the window: %s", got)
		}
		<-time.After(1)
		if got := once(); got != "200 " {
			t.Errorf("after the window: %s", got)
		}
	})
}

func TestARefusedCallDoesNotUseUpItsNonce(t *testing.T) {
	sim := clbtest.New(clbtest.Options{AutoCreate: true})
	v := rpc(describe, values{"VServerGroupId": "rsp-1", "SignatureNonce": "mine"})
	signRPC("GET", "a guess", v)
	if status, _ := send(t, sim, must(http.NewRequest(http.MethodGet, "http://sim.invalid/?"+v.Encode(), nil))); status != 400 {
		t.Fatal(status)
	}
	v.Del("Signature")
	if status, body := send(t, sim, getRPC(v)); status != 200 {
		t.Errorf("%d: %s", status, body)
	}
}

func TestSecurityTokensBelongToTheirKeyAndExpire(t *testing.T) {
	expired := time.Now().Add(-time.Second)
	sim := clbtest.New(clbtest.Options{
		AutoCreate:          true,
		AccessKeys:          map[string]string{"testid": "testsecret", "STS.1": "testsecret"},
		SecurityTokens:      map[string]string{"good": "STS.1", "old": "STS.1"},
		SecurityTokenExpiry: map[string]time.Time{"old": expired},
	})
	for _, test := range []struct{ key, token, want string }{
		{"testid", "", ""},
		{"STS.1", "good", ""},
		{"STS.1", "", "MissingSecurityToken"},
		{"STS.1", "old", "InvalidSecurityToken.Expired"},
		{"STS.1", "made up", "InvalidSecurityToken.Malformed"},
		{"testid", "good", "InvalidSecurityToken.MismatchWithAccessKey"},
	} {
		params := values{"VServerGroupId": "rsp-1", "AccessKeyId": test.key}
		if test.token != "" {
			params["SecurityToken"] = test.token
		}
		if _, code, _ := call(t, sim, describe, params); code != test.want {
			t.Errorf("%s with %q: %q, want %q", test.key, test.token, code, test.want)
		}
	}
}

func TestRefusalsInXMLHaveTheDocumentedShape(t *testing.T) {
	sim := clbtest.New(clbtest.Options{})
	v := rpc(describe, values{"VServerGroupId": "rsp-<&>"})
	v.Del("Format")
	status, body := send(t, sim, getRPC(v))
	var refusal struct {
		XMLName                  xml.Name `xml:"Error"`
		RequestID                string   `xml:"RequestId"`
		HostID                   string   `xml:"HostId"`
		Code, Message, Recommend string
	}
	if err := xml.Unmarshal([]byte(body), &refusal); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if status != 404 || refusal.Code != "InvalidParameter" || refusal.HostID != "slb.aliyuncs.com" || refusal.RequestID == "" || refusal.Message == "" ||
		refusal.Recommend != "https://api.aliyun.com/troubleshoot?q=InvalidParameter&product=Slb" {
		t.Errorf("%d %+v", status, refusal)
	}
	if !strings.HasPrefix(body, "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>") {
		t.Errorf("it begins otherwise: %s", body)
	}
}

func TestTheFormatIsWhatTheClientAsksFor(t *testing.T) {
	sim := clbtest.New(clbtest.Options{AutoCreate: true})
	for _, test := range []struct{ format, accept, want string }{
		{"JSON", "", "{"}, {"json", "application/xml", "{"}, {"XML", "application/json", "<"},
		{"", "application/json", "{"}, {"", "text/xml", "<"}, {"", "*/*", "<"}, {"", "", "<"},
	} {
		v := rpc(describe, values{"VServerGroupId": "rsp-1"})
		v.Del("Format")
		if test.format != "" {
			v.Set("Format", test.format)
		}
		r := getRPC(v)
		r.Header.Set("Accept", test.accept)
		if _, body := send(t, sim, r); body[:1] != test.want {
			t.Errorf("Format %q, Accept %q: %s", test.format, test.accept, body)
		}
	}
	if _, body := send(t, sim, acs3(describe, "127.0.0.1", values{"VServerGroupId": "rsp-1"}, false)); body[:1] != "{" {
		t.Errorf("V3: %s", body)
	}
}

func TestTemporaryCredentialsOfBothGenerationsOfSDKsAreVerified(t *testing.T) {
	sim := clbtest.Start(t, clbtest.Options{
		AutoCreate: true, AccessKeys: map[string]string{"STS.1": "temporary"}, SecurityTokens: map[string]string{"token/+=": "STS.1"},
	})
	for _, test := range []struct{ token, want string }{{"token/+=", "OK"}, {"another", "400 InvalidSecurityToken.Malformed"}} {
		client, err := slb.NewClientWithOptions("cn-hangzhou", sdk.NewConfig().WithScheme("HTTP"), credentials.NewStsTokenCredential("STS.1", "temporary", test.token))
		if err != nil {
			t.Fatal(err)
		}
		client.Domain = sim.Addr()
		if _, err := sdkAdd(client, servers(0, 1)); sdkCode(err) != test.want {
			t.Errorf("V1 with %s: %s, want %s", test.token, sdkCode(err), test.want)
		}
		second := secondGenerationAs(sim.Addr(), &openapiutil.Config{
			AccessKeyId: dara.String("STS.1"), AccessKeySecret: dara.String("temporary"), SecurityToken: dara.String(test.token), Type: dara.String("sts"),
		}, false)
		if _, got := second(t, describe, values{"VServerGroupId": "rsp-1"}); got != test.want {
			t.Errorf("V3 with %s: %s, want %s", test.token, got, test.want)
		}
	}
}

func TestCallsAreVerifiedUnlessTheSwitchSaysOtherwise(t *testing.T) {
	for _, unverified := range []bool{false, true} {
		sim := clbtest.New(clbtest.Options{AutoCreate: true, Unverified: unverified})
		r := must(http.NewRequest(http.MethodGet, "http://sim.invalid/?Format=JSON&Version=2014-05-15&RegionId=cn-hangzhou&VServerGroupId=rsp-1&Action="+describe, nil))
		if status, body := send(t, sim, r); (status == http.StatusOK) != unverified {
			t.Errorf("Unverified %v: %d %s", unverified, status, body)
		}
	}
}
