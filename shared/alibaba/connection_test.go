package alibaba

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/services/slb"
	"go.uber.org/goleak"
)

const good = `{"RequestId":"R-1"}`

// plain is the smallest answer.
type plain struct{ Envelope }

func describe1() *slb.DescribeVServerGroupAttributeRequest {
	request := slb.CreateDescribeVServerGroupAttributeRequest()
	request.VServerGroupId = "rsp-demo01"
	request.QueryParams["RegionId"] = "cn-hangzhou"
	return request
}

// service is a TCP server whose every connection is handled by a script.
type service struct {
	listener net.Listener
	mu       sync.Mutex
	nonces   []string // of all requests that arrived, in order
	wait     sync.WaitGroup
}

// serveTCP runs script for every connection, with the connection's number from 0.
func serveTCP(t *testing.T, script func(s *service, connection int, conn net.Conn, r *bufio.Reader)) (*service, *Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &service{listener: listener}
	s.wait.Go(func() {
		for n := 0; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() {
				defer func() { _ = conn.Close() }()
				script(s, n, conn, bufio.NewReader(conn))
			})
		}
	})
	up, err := New(Product{Name: "slb"}, Options{Endpoint: listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { up.Close(); _ = listener.Close(); s.wait.Wait() })
	return s, up.With(Credentials{AccessKeyID: "testid-0001", AccessKeySecret: "testsecret"})
}

// receive reads one request and remembers its nonce.
func (s *service) receive(r *bufio.Reader) bool {
	request, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonces = append(s.nonces, request.URL.Query().Get("SignatureNonce"))
	return true
}

func (s *service) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.nonces...)
}

// say answers a request with success.
func say(conn net.Conn) {
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(good)) + "\r\n\r\n" + good))
}

// reset closes a connection the hard way: the peer reads ECONNRESET.
func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func (c *Client) try(ctx context.Context) error {
	return c.Do(ctx, describe1(), &plain{NewEnvelope()})
}

func TestConnectionsAreReused(t *testing.T) {
	defer goleak.VerifyNone(t)
	var connections sync.Map
	s, client := serveTCP(t, func(s *service, n int, conn net.Conn, r *bufio.Reader) {
		connections.Store(n, true)
		for s.receive(r) {
			say(conn)
		}
	})
	for range 5 {
		if err := client.try(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, second := connections.Load(1); second || len(s.seen()) != 5 {
		t.Errorf("%d requests, more than one connection: %v", len(s.seen()), second)
	}
	client.service.Close()
	_ = s.listener.Close()
	s.wait.Wait()
}

func TestAConnectionThatTheServiceClosedWhileIdleIsNoError(t *testing.T) {
	s, client := serveTCP(t, func(s *service, _ int, conn net.Conn, r *bufio.Reader) {
		if s.receive(r) {
			say(conn)
		} // and closes
	})
	for range 20 {
		if err := client.try(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(s.seen()); got != 20 {
		t.Errorf("%d requests arrived, want 20", got)
	}
}

// forgotten is a service that has forgotten its first connection when the
// second request arrives on it, and answers with a reset.
func forgotten(s *service, n int, conn net.Conn, r *bufio.Reader) {
	for s.receive(r) {
		if n == 0 && len(s.seen()) == 2 {
			reset(conn)
			return
		}
		say(conn)
	}
}

func TestAReadingIsRepeatedOnAnotherConnection(t *testing.T) {
	s, client := serveTCP(t, forgotten)
	for range 2 {
		if err := client.try(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if nonces := s.seen(); len(nonces) != 3 || nonces[0] == nonces[1] {
		t.Errorf("the nonces are %v; want three requests, the second a new one", nonces)
	}
}

func TestAChangeIsNeverRepeatedButLost(t *testing.T) {
	s, client := serveTCP(t, forgotten)
	if err := client.try(t.Context()); err != nil {
		t.Fatal(err)
	}
	request := slb.CreateAddVServerGroupBackendServersRequest()
	request.QueryParams["RegionId"] = "cn-hangzhou"
	var e *Error
	err := client.Do(t.Context(), request, &plain{NewEnvelope()})
	if !errors.As(err, &e) || !e.Lost || e.Code != CodeNoAnswer {
		t.Errorf("%v is not lost", err)
	}
	if got := len(s.seen()); got != 2 {
		t.Errorf("%d requests arrived, want 2", got)
	}
}

func TestAResetOnAFreshConnectionIsLostAndNotRepeated(t *testing.T) {
	s, client := serveTCP(t, func(s *service, _ int, conn net.Conn, r *bufio.Reader) {
		if s.receive(r) {
			reset(conn)
		}
	})
	var e *Error
	if err := client.try(t.Context()); !errors.As(err, &e) || !e.Lost || e.Code != CodeNoAnswer {
		t.Errorf("%v is not lost", err)
	}
	if got := len(s.seen()); got != 1 {
		t.Errorf("it was sent %d times", got)
	}
}

func TestAnAnswerThatBreaksOffIsLost(t *testing.T) {
	_, client := serveTCP(t, func(s *service, _ int, conn net.Conn, r *bufio.Reader) {
		if s.receive(r) {
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"RequestId\":\"R"))
		}
	})
	var e *Error
	if err := client.try(t.Context()); !errors.As(err, &e) || !e.Lost {
		t.Errorf("%v is not lost", err)
	}
}

func TestNothingIsLostThatWasNotSent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	s, err := New(Product{Name: "slb"}, Options{Endpoint: listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	err = s.With(Credentials{AccessKeyID: "testid-0001", AccessKeySecret: "testsecret"}).try(t.Context())
	if !errors.As(err, &e) || e.Lost || e.Code != CodeUnreachable {
		t.Errorf("%v, want %s and not lost", err, CodeUnreachable)
	}
}

func TestACallEndsWithItsContextWhereverItIs(t *testing.T) {
	for name, script := range map[string]func(conn net.Conn, arrived func()){
		"waiting for the answer": func(_ net.Conn, arrived func()) { arrived() },
		"reading the answer": func(conn net.Conn, arrived func()) {
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"))
			arrived()
		},
		"reading a refusal": func(conn net.Conn, arrived func()) {
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 500\r\n\r\n{"))
			arrived()
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			ctx, cancel := context.WithCancel(t.Context())
			s, client := serveTCP(t, func(s *service, _ int, conn net.Conn, r *bufio.Reader) {
				if s.receive(r) {
					script(conn, cancel)
					_, _ = r.ReadByte() // until the caller hangs up
				}
			})
			start := time.Now()
			var e *Error
			err := client.try(ctx)
			if !errors.As(err, &e) || !errors.Is(err, context.Canceled) || !e.Lost || e.Code != CodeDeadline {
				t.Errorf("%v, want it cancelled and lost", err)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
			client.service.Close()
			_ = s.listener.Close()
			s.wait.Wait()
		})
	}
}

func TestNothingIsSentOnAnEndedContext(t *testing.T) {
	s, client := serveTCP(t, func(s *service, _ int, _ net.Conn, r *bufio.Reader) { s.receive(r) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var e *Error
	if err := client.try(ctx); !errors.As(err, &e) || e.Lost || len(s.seen()) != 0 {
		t.Errorf("%v, %d sent", err, len(s.seen()))
	}
}

func TestManyGoroutinesShareAClient(t *testing.T) {
	s, client := serveTCP(t, func(s *service, _ int, conn net.Conn, r *bufio.Reader) {
		for s.receive(r) {
			say(conn)
		}
	})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				if err := client.try(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	unique := map[string]bool{}
	for _, nonce := range s.seen() {
		unique[nonce] = true
	}
	if len(unique) != 160 {
		t.Errorf("%d different nonces in 160 calls", len(unique))
	}
}

func TestAProxyOfTheEnvironmentIsNotUsedForALoopbackAddress(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "[") // no regular expression, which fails every call of the SDK's client
	_, client := serveTCP(t, func(s *service, _ int, conn net.Conn, r *bufio.Reader) {
		for s.receive(r) {
			say(conn)
		}
	})
	if err := client.try(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	_, other := serveTCP(t, func(s *service, _ int, _ net.Conn, r *bufio.Reader) {
		if s.receive(r) {
			t.Error("the signed request was sent to another host")
		}
	})
	_, client := serveTCP(t, func(s *service, _ int, conn net.Conn, r *bufio.Reader) {
		for s.receive(r) {
			_, _ = conn.Write([]byte("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://" + other.service.host + "/\r\nContent-Length: 0\r\n\r\n"))
		}
	})
	var e *Error
	if err := client.try(t.Context()); !errors.As(err, &e) || e.Status != 307 {
		t.Errorf("%v, want the redirect as an error", err)
	}
}

// A transport that is not ours does not say whether it sent anything. Only an
// error that rules it out is taken for that.
func TestAForeignTransportIsBelievedOnlyWhenItCouldNotDial(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		lost bool
	}{
		"no connection": {&url.Error{Op: "Post", URL: "http://x", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}, false},
		"no such host":  {&net.DNSError{Name: "x", Err: "no such host"}, false},
		"a reset":       {&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, true},
		"the end":       {io.ErrUnexpectedEOF, true},
		"anything else": {errors.New("odd"), true},
	} {
		t.Run(name, func(t *testing.T) {
			var e *Error
			err := clientOf(t, func(*http.Request) (*http.Response, error) { return nil, row.err }).try(t.Context())
			if !errors.As(err, &e) || e.Lost != row.lost {
				t.Errorf("%v, lost: %v", err, e.Lost)
			}
		})
	}
}

// The service drops what was idle for some 10 s. In a bubble the wall clock
// moves as that of a frozen function does: all at once.
func TestAConnectionIsNotUsedAgainAfterFiveIdleSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, err := New(Product{Name: "slb"}, Options{Endpoint: "127.0.0.1:80"})
		if err != nil {
			t.Fatal(err)
		}
		s, dialled := &service{}, 0
		up.own.DialContext = func(context.Context, string, string) (net.Conn, error) {
			dialled++
			near, far := net.Pipe()
			go func() {
				for r := bufio.NewReader(far); s.receive(r); {
					say(far)
				}
				_ = far.Close()
			}()
			return near, nil
		}
		client := up.With(secrets)
		for _, step := range []struct {
			idle    time.Duration
			dialled int
		}{{0, 1}, {0, 1}, {4 * time.Second, 1}, {6 * time.Second, 2}, {time.Hour, 3}} {
			<-time.After(step.idle)
			if err := client.try(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // until the connection is back
			if dialled != step.dialled {
				t.Errorf("after %v idle %d connections were made, want %d", step.idle, dialled, step.dialled)
			}
		}
		up.Close()
	})
}
