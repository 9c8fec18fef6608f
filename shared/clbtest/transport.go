package clbtest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Transport returns a transport that answers every request from the simulator,
// whatever its host: no socket, no goroutine, no connection to close. Inside a
// testing/synctest bubble all of the simulator's times are those of the bubble.
func (s *Simulator) Transport() http.RoundTripper { return transport{s} }

type transport struct{ sim *Simulator }

// RoundTrip answers r. A request whose context ends first fails with the
// context's error, and the change in it takes effect none the less.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	} else {
		defer func() { _ = r.Body.Close() }()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(r.URL.Path, adminPrefix) {
		w := &recorder{status: http.StatusOK, header: http.Header{}}
		t.sim.administer(w, r)
		return w.response(r), nil
	}
	a, ok := t.sim.answer(r.Context(), r)
	if !ok {
		return nil, r.Context().Err()
	}
	if a.reset {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	response := newResponse(r, a.status, a.length, http.Header{
		"Content-Type":     {a.contentType},
		"Content-Length":   {strconv.Itoa(a.length)},
		"X-Acs-Request-Id": {a.requestID},
	})
	switch {
	case a.drip > 0:
		response.Body = &drippingBody{request: r, rest: a.body, every: a.drip}
	case a.length > len(a.body):
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(a.body), brokenReader{}))
	default:
		response.Body = io.NopCloser(bytes.NewReader(a.body))
	}
	return response, nil
}

func newResponse(r *http.Request, status, length int, header http.Header) *http.Response {
	return &http.Response{
		Status:     strconv.Itoa(status) + " " + http.StatusText(status),
		StatusCode: status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		ContentLength: int64(length),
		Request:       r,
	}
}

// recorder keeps what administration answers. (That of httptest would bring its
// command line flag along.)
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }

func (w *recorder) response(r *http.Request) *http.Response {
	response := newResponse(r, w.status, w.body.Len(), w.header)
	response.Body = io.NopCloser(&w.body)
	return response
}

// brokenReader is where a truncated answer ends.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// drippingBody gives one byte a read, each after a wait.
type drippingBody struct {
	request *http.Request
	rest    []byte
	every   time.Duration
}

func (b *drippingBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	timer := time.NewTimer(b.every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.request.Context().Done():
		return 0, b.request.Context().Err()
	}
	p[0] = b.rest[0]
	b.rest = b.rest[1:]
	return 1, nil
}

func (b *drippingBody) Close() error { return nil }
