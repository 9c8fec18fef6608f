package alibaba

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestWhateverTheErrorBodyIsTheStatusAndWhatCanBeReadStand(t *testing.T) {
	long := strings.Repeat("long ", 1000)
	for name, row := range map[string]struct {
		status int
		body   string
		header []string
		want   Error
	}{
		"JSON": {409, `{"RequestId":"R","HostId":"slb.aliyuncs.com","Code":"BackendServer.configuring","Message":"busy","Recommend":"https://x"}`, nil,
			Error{Code: "BackendServer.configuring", Message: "busy", RequestID: "R"}},
		"XML": {400, `<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>R</RequestId><HostId>h</HostId><Code>Throttling</Code><Message>slow</Message><Recommend><![CDATA[https://x]]></Recommend></Error>`, nil,
			Error{Code: "Throttling", Message: "slow", RequestID: "R"}},
		// each of the next six makes the SDK's client panic
		"numeric code":          {502, `{"Code":503,"Message":"m","RequestId":"R"}`, nil, Error{Code: "503", Message: "m", RequestID: "R", Lost: true}},
		"numeric message":       {400, `{"Code":"C","Message":7,"RequestId":"R"}`, nil, Error{Code: "C", Message: "7", RequestID: "R"}},
		"numeric request id":    {400, `{"Code":"C","Message":"m","RequestId":12}`, nil, Error{Code: "C", Message: "m", RequestID: "12"}},
		"host id of a list":     {400, `{"Code":"C","Message":"m","RequestId":"R","HostId":[1]}`, nil, Error{Code: "C", Message: "m", RequestID: "R"}},
		"recommend of a number": {400, `{"Code":"C","Message":"m","RequestId":"R","Recommend":true}`, nil, Error{Code: "C", Message: "m", RequestID: "R"}},
		"detail of a string":    {403, `{"Code":"Forbidden.RAM","Message":"m","RequestId":"R","AccessDeniedDetail":"x"}`, nil, Error{Code: "Forbidden.RAM", Message: "m", RequestID: "R"}},
		"detail of an object":   {403, `{"Code":"Forbidden.RAM","Message":"m","RequestId":"R","AccessDeniedDetail":{"AuthAction":"slb:Add"}}`, nil, Error{Code: "Forbidden.RAM", Message: "m", RequestID: "R"}},
		"wrapped":               {400, `{"Error":{"Code":"C","Message":"m","RequestId":"R"}}`, nil, Error{Code: "C", Message: "m", RequestID: "R"}},
		"null fields":           {400, `{"Code":null,"Message":null,"RequestId":null}`, nil, Error{Message: "HTTP status 400 Bad Request without an error of this API"}},
		"null":                  {500, `null`, nil, Error{Message: "HTTP status 500 Internal Server Error without an error of this API", Lost: true}},
		"a list":                {400, `[1,2]`, nil, Error{Message: "HTTP status 400 Bad Request without an error of this API"}},
		"a page":                {502, `<html><body>Bad gateway</body></html>`, []string{"X-Acs-Request-Id", "R"}, Error{Message: "HTTP status 502 Bad Gateway without an error of this API", RequestID: "R", Lost: true}},
		"nothing":               {503, ``, nil, Error{Message: "HTTP status 503 Service Unavailable without an error of this API", Lost: true}},
		"cut off":               {500, `{"Code":"Intern`, nil, Error{Message: "HTTP status 500 Internal Server Error without an error of this API", Lost: true}},
		"an unknown status":     {599, ``, nil, Error{Message: "HTTP status 599 without an error of this API", Lost: true}},
		"control characters":    {400, "{\"Code\":\"C\",\"Message\":\"a\\nb\\u0000c\"}", nil, Error{Code: "C", Message: "a b c"}},
		"far too long":          {400, `{"Code":"C","Message":"` + long + `"}`, nil, Error{Code: "C", Message: long[:maxMessage] + "…"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := clientOf(t, func(*http.Request) (*http.Response, error) { return respond(row.status, row.body, row.header...), nil })
			var got *Error
			if err := client.try(t.Context()); !errors.As(err, &got) {
				t.Fatalf("%v is no *Error", err)
			}
			row.want.Action, row.want.Status = "DescribeVServerGroupAttribute", row.status
			if *got != row.want {
				t.Errorf("got  %+v\nwant %+v", *got, row.want)
			}
		})
	}
}

func TestWhateverASuccessIsOnlyARequestIdMakesItOne(t *testing.T) {
	for name, row := range map[string]struct {
		body string
		ok   bool
	}{
		"the documented answer":       {`{"RequestId":"R"}`, true},
		"wrapped in the action":       {`{"DescribeVServerGroupAttribute":{"RequestId":"R"}}`, true},
		"wrapped in the response":     {`{"DescribeVServerGroupAttributeResponse":{"RequestId":"R"}}`, true},
		"a numeric request id":        {`{"RequestId":7}`, true},
		"nothing":                     {``, false},
		"an empty object":             {`{}`, false},
		"wrapped in something":        {`{"Other":{"RequestId":"R"}}`, false},
		"wrapped but empty":           {`{"DescribeVServerGroupAttribute":{}}`, false},
		"wrapped but no object":       {`{"DescribeVServerGroupAttribute":7}`, false},
		"a page":                      {`<html></html>`, false},
		"cut off":                     {`{"RequestId":"R`, false},
		"a list of the wrong type":    {`{"RequestId":[]}`, false},
		"more than anybody asked for": {`{"RequestId":"` + strings.Repeat("x", maxAnswer) + `"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := clientOf(t, func(*http.Request) (*http.Response, error) { return respond(200, row.body), nil })
			err := client.try(t.Context())
			var e *Error
			if row.ok != (err == nil) || !row.ok && (!errors.As(err, &e) || e.Code != CodeBadAnswer || !e.Lost || e.Status != 200) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCallsThatCannotBeSignedAreRefusedHere(t *testing.T) {
	s, err := New(Product{Name: "slb"}, Options{Transport: through(func(*http.Request) (*http.Response, error) {
		t.Error("it was sent")
		return nil, errors.New("sent")
	})})
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := s.With(Credentials{}).try(t.Context()); !errors.As(err, &e) || e.Code != CodeNoCredentials || e.Lost {
		t.Errorf("without credentials: %v", err)
	}
	request := describe1()
	request.QueryParams["RegionId"] = "example.com/?"
	if err := s.With(secrets).Do(t.Context(), request, &plain{NewEnvelope()}); !errors.As(err, &e) || e.Code != CodeBadRequest || e.Lost {
		t.Errorf("with a region that is none: %v", err)
	}
}

// Whatever comes over the wire: no panic, and an error that says nothing secret.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{`{"Code":503}`, `{"RequestId":"R","BackendServers":{"BackendServer":[{"Port":"80"}]}}`, `<Error><Code>x</Code></Error>`, `{"DescribeVServerGroupAttribute":{"RequestId":1}}`, "", "null", `{"Code":{}}`} {
		for _, status := range []int{200, 400, 502} {
			f.Add(status, seed)
		}
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		client := clientOf(t, func(*http.Request) (*http.Response, error) { return respond(status, body), nil })
		err := client.try(t.Context())
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T is no *Error", err)
		}
		if (status < 200 || status > 299) && err == nil {
			t.Fatalf("status %d is no error", status)
		}
	})
}
