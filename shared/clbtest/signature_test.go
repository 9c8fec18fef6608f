package clbtest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
)

// The vectors of the documentation, and two that independent implementations
// agree on.

func TestV1SignaturesAreThoseOfTheDocumentation(t *testing.T) {
	common := parameters{{"AccessKeyId", "testid"}, {"SignatureMethod", "HMAC-SHA1"}, {"SignatureVersion", "1.0"}}
	for _, v := range []struct {
		name, method, signature string
		parameters              parameters
	}{
		{"the older page", "GET", "OLeaidS1JvxuMvnyHOwuJ+uX5qY=", parameters{
			{"Action", "DescribeRegions"}, {"Format", "XML"}, {"SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"},
			{"Timestamp", "2016-02-23T12:46:24Z"}, {"Version", "2014-05-26"},
		}},
		{"the page of SLB, TimeStamp", "GET", "CT9X0VtwR86fNWSnsc6v8YGOjuE=", parameters{
			{"Action", "DescribeRegions"}, {"Format", "XML"}, {"SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"},
			{"TimeStamp", "2016-02-23T12:46:24Z"}, {"Version", "2014-05-26"},
		}},
		{"an empty value and single quotes", "POST", "11cXJVof9GskJ2XE+eXMONNhwNg=", parameters{
			{"Action", "AddVServerGroupBackendServers"}, {"BackendServers", "[{'ServerId':'i-1','Port':'80','Weight':'100'}]"},
			{"Format", "JSON"}, {"RegionId", "cn-hangzhou"}, {"SignatureNonce", "n-1"}, {"SignatureType", ""},
			{"Timestamp", "2026-01-02T03:04:05Z"}, {"VServerGroupId", "rsp-1"}, {"Version", "2014-05-15"},
		}},
	} {
		t.Run(v.name, func(t *testing.T) {
			// The signature itself is among the parameters, and is left out.
			params := append(append(parameters{{"Signature", "x"}}, v.parameters...), common...)
			if got := signV1("testsecret", stringToSignV1(v.method, params)); got != v.signature {
				t.Errorf("got %s, want %s", got, v.signature)
			}
		})
	}
}

func TestV3SignaturesAreThoseOfTheDocumentation(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	headers := func(action, version, date, nonce string) http.Header {
		h := http.Header{}
		for name, value := range map[string]string{
			"x-acs-action": action, "x-acs-version": version, "x-acs-date": date, "x-acs-signature-nonce": nonce, "x-acs-content-sha256": empty,
		} {
			h.Set(name, value)
		}
		return h
	}
	signed := strings.Split("host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version", ";")
	for _, v := range []struct {
		name, secret, signature, hashed string
		in                              received
	}{
		{
			"the page's own", "YourAccessKeySecret", "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0", "",
			received{
				method: "POST", host: "ecs.cn-shanghai.aliyuncs.com", path: "/", inQuery: 2,
				header:     headers("RunInstances", "2014-05-26", "2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d"),
				parameters: parameters{{"RegionId", "cn-shanghai"}, {"ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}},
			},
		},
		{
			"GET of this service", "testsecret", "ae8f3f557e65c7aef2e75e8d627672b5962ab653cfbd0703e532f59f63545697",
			"33a13c06e5592bb51c67a9d315251b1d0f8ff0d8c885c2cb1af0420a599ca12d",
			received{
				method: "GET", host: "127.0.0.1:9014", path: "/", inQuery: 3,
				header: headers("AddVServerGroupBackendServers", "2014-05-15", "2026-01-02T03:04:05Z", "n-1"),
				parameters: parameters{
					{"BackendServers", `[{"ServerId":"i-1","Port":80,"Weight":100}]`}, {"RegionId", "cn-hangzhou"}, {"VServerGroupId", "rsp-1"},
				},
			},
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			request := canonicalRequestV3(&v.in, signed, empty)
			if sum := sha256.Sum256(request); v.hashed != "" && hex.EncodeToString(sum[:]) != v.hashed {
				t.Errorf("the canonical request differs:\n%s", request)
			}
			if got := signV3(v.secret, request); got != v.signature {
				t.Errorf("got %s, want %s", got, v.signature)
			}
		})
	}
}
