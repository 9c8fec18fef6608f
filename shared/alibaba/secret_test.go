package alibaba

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

var secrets = Credentials{AccessKeyID: "LTAItestaccesskey01", AccessKeySecret: "s3cr3t-of-the-key/+=", SecurityToken: "CAISecurityToken/of+the=role"}

// through is a transport made of a function.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func respond(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

// clientOf returns a client of a service that is a function.
func clientOf(t testing.TB, f through) *Client {
	t.Helper()
	s, err := New(Product{Name: "slb"}, Options{Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	return s.With(secrets)
}

// reveals reports the first secret that text holds, in any form in which it
// could be used.
func reveals(text, signature string) string {
	for _, secret := range []string{secrets.AccessKeySecret, secrets.SecurityToken, secrets.AccessKeyID, signature} {
		for _, form := range []string{secret, url.QueryEscape(secret), url.QueryEscape(url.QueryEscape(secret))} {
			if form != "" && strings.Contains(text, form) {
				return form
			}
		}
	}
	return ""
}

func TestNoErrorHoldsASecret(t *testing.T) {
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	for name, f := range map[string]through{
		"the string to sign is repeated": func(r *http.Request) (*http.Response, error) {
			return respond(400, `{"RequestId":"R","Code":"SignatureDoesNotMatch","Message":`+quoted("Specified signature is not matched with our calculation. server string to sign is:POST&%2F&"+url.QueryEscape(r.URL.RawQuery))+`}`), nil
		},
		"the URL is repeated": func(r *http.Request) (*http.Response, error) {
			return respond(400, `{"RequestId":"R","Code":"Odd","Message":`+quoted("cannot serve "+r.URL.String()+" today")+`}`), nil
		},
		"the query is repeated": func(r *http.Request) (*http.Response, error) {
			return respond(400, `{"RequestId":"R","Code":"Odd","Message":`+quoted("cannot serve "+r.URL.RawQuery)+`}`), nil
		},
		"the secrets are repeated in every field": func(r *http.Request) (*http.Response, error) {
			all := secrets.AccessKeySecret + " " + secrets.SecurityToken + " " + secrets.AccessKeyID + " " + r.URL.Query().Get("Signature")
			return respond(400, `{"RequestId":`+quoted(all)+`,"Code":`+quoted(all)+`,"Message":`+quoted(all)+`}`, "X-Secret", all), nil
		},
		"a page of a proxy": func(r *http.Request) (*http.Response, error) {
			return respond(502, "<html>"+r.URL.String()+"</html>", "Via", r.URL.String()), nil
		},
		"no connection": func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: errors.New("refused for " + r.URL.String())}
		},
		"a success that is none": func(r *http.Request) (*http.Response, error) {
			return respond(200, `{"oops": `+quoted(r.URL.String())+`}`), nil
		},
		"a success that is no JSON": func(r *http.Request) (*http.Response, error) {
			return respond(200, r.URL.String()), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var signature string
			client := clientOf(t, func(r *http.Request) (*http.Response, error) {
				signature = r.URL.Query().Get("Signature")
				return f(r)
			})
			err := client.try(t.Context())
			if err == nil || signature == "" {
				t.Fatal("there is no error, or no signature")
			}
			text := fmt.Sprintf("%v %+v %#v %s", err, err, err, jsonOf(err))
			found := reveals(text, signature)
			for _, part := range []string{"SignatureNonce=", "SignatureNonce%3D", "SignatureNonce%253D", "http://", "https://"} {
				if strings.Contains(text, part) && !strings.Contains(text, part+"****") {
					found = part
				}
			}
			if found != "" {
				t.Errorf("%q is in %s", found, text)
			}
		})
	}
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestCredentialsCannotBePrinted(t *testing.T) {
	client := clientOf(t, nil)
	var log strings.Builder
	logger := zerolog.New(&log)
	logger.Info().Interface("a", secrets).Any("b", &secrets).Stringer("c", secrets).Interface("d", client).Send()
	text := log.String() + jsonOf(secrets) + jsonOf(map[string]any{"x": secrets}) + jsonOf(client)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text += fmt.Sprintf(verb, secrets) + fmt.Sprintf(verb, &secrets) + fmt.Sprintf(verb, client) +
			fmt.Sprintf(verb, struct{ C Credentials }{secrets}) + fmt.Sprintf(verb, struct{ c *Client }{client}) + fmt.Sprintf(verb, client.service)
	}
	if found := reveals(text, ""); found != "" {
		t.Errorf("%q can be seen in %s", found, text)
	}
	if !strings.Contains(secrets.String(), "LTAI****ey01") {
		t.Errorf("%s does not tell whose credentials they are", secrets)
	}
}

// The SDK prints the signed URL of every call its client makes when DEBUG=sdk
// is set at the start of the process.
func TestTheSDKsDebugOutputShowsNothing(t *testing.T) {
	if os.Getenv("ALIBABA_TEST_DEBUG") == "1" {
		client := clientOf(t, func(*http.Request) (*http.Response, error) {
			return respond(400, `{"RequestId":"R","Code":"SignatureDoesNotMatch","Message":"server string to sign is:x"}`), nil
		})
		if client.try(t.Context()) == nil {
			t.Error("the call succeeded")
		}
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), "DEBUG=sdk", "ALIBABA_TEST_DEBUG=1")
	output, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "PASS") {
		t.Fatalf("%v: %s", err, output)
	}
	if found := reveals(string(output), ""); found != "" || strings.Contains(string(output), "Signature") {
		t.Errorf("the output is %s", output)
	}
}

func TestWhatIsLeftOfAMessageCanStillBeRead(t *testing.T) {
	for message, want := range map[string]string{
		"Specified signature is not matched with our calculation. server string to sign is:POST&%2F&AccessKeyId%3DLTAI": "Specified signature is not matched with our calculation.",
		"cannot serve https://slb.aliyuncs.com/?Action=x&Signature=abc today":                                           "cannot serve (a URL) today",
		"the query was Action=x&SignatureNonce=123&Signature=abc%3D&Format=JSON":                                        "the query was Action=x&SignatureNonce=****&Signature=****&Format=JSON",
		"The key LTAItestaccesskey01 does not exist":                                                                    "The key LTAI****ey01 does not exist",
		"see https://help.example.com/slb":                                                                              "see https://help.example.com/slb",
	} {
		client := clientOf(t, func(*http.Request) (*http.Response, error) {
			return respond(400, `{"Code":"C","Message":`+jsonOf(message)+`}`), nil
		})
		var e *Error
		if err := client.try(t.Context()); !errors.As(err, &e) || e.Message != want {
			t.Errorf("%q became %q, want %q", message, e.Message, want)
		}
	}
}
