package clbtest

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// The limits on what a call may carry. The first is the gateway's; the second
// is ours, far above what any client sends.
const (
	maxBody       = 1 << 20
	maxParameters = 1000
)

// parameter is one name and its value, decoded.
type parameter struct{ name, value string }

// parameters are those of one call, in the order received. There are a dozen,
// so looking through them is faster than a map.
type parameters []parameter

// get returns the first value of a name, which must match exactly.
func (p parameters) get(name string) string {
	v, _ := p.lookup(name)
	return v
}

func (p parameters) lookup(name string) (string, bool) {
	for i := range p {
		if p[i].name == name {
			return p[i].value, true
		}
	}
	return "", false
}

// fold is lookup without regard to case, as Auto Scaling does it.
func (p parameters) fold(name string) (string, bool) {
	for i := range p {
		if strings.EqualFold(p[i].name, name) {
			return p[i].value, true
		}
	}
	return "", false
}

// appendParameters decodes a query or a form.
func appendParameters(dst parameters, encoded string) (parameters, *failure) {
	for encoded != "" {
		var pair string
		pair, encoded, _ = strings.Cut(encoded, "&")
		if pair == "" {
			continue
		}
		if len(dst) >= maxParameters {
			return nil, refuse("InvalidParameter", "The request has more than %d parameters.", maxParameters)
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, refuse("InvalidParameter", "The name of a parameter is not percent-encoded correctly.")
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, refuse("InvalidParameter", "The value of %s is not percent-encoded correctly.", name)
		}
		dst = append(dst, parameter{name, value})
	}
	return dst, nil
}

// received is a call as it came over the wire.
type received struct {
	method     string
	host       string
	path       string // as sent, not decoded
	rawQuery   string
	header     http.Header
	body       []byte
	parameters parameters // of the query, then of the form
	inQuery    int        // how many of them are from the query
}

// receive reads a request. What it returns is usable even with a failure, to
// answer in the right format.
func receive(r *http.Request) (*received, *failure) {
	in := &received{method: r.Method, host: r.Host, path: r.URL.EscapedPath(), rawQuery: r.URL.RawQuery, header: r.Header}
	if in.host == "" {
		in.host = r.URL.Host
	}
	if in.path == "" {
		in.path = "/"
	}
	if len(in.rawQuery) > maxBody {
		return in, refuse("InvalidParameter", "The query is larger than 1 MiB.")
	}
	var fail *failure
	if in.parameters, fail = appendParameters(make(parameters, 0, 24), in.rawQuery); fail != nil {
		return in, fail
	}
	in.inQuery = len(in.parameters)
	if r.Body == nil || r.Body == http.NoBody {
		return in, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || len(body) > maxBody:
		return in, refuse("InvalidParameter", "The body is larger than 1 MiB.")
	case err != nil:
		return in, refuse("InvalidParameter", "The body could not be read.")
	}
	in.body = body
	if len(body) == 0 || !isForm(r.Header.Get("Content-Type")) {
		return in, nil
	}
	all, fail := appendParameters(in.parameters, string(body))
	if fail != nil {
		return in, fail
	}
	in.parameters = all
	return in, nil
}

func isForm(contentType string) bool {
	if contentType == "" || contentType == "application/x-www-form-urlencoded" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/x-www-form-urlencoded"
}
