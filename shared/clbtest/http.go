package clbtest

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const adminPrefix = "/_sim/"

// crossOrigin keeps web pages that a developer has open from administering.
var crossOrigin = http.NewCrossOriginProtection()

// ServeHTTP answers a call, or a request for administration, which it accepts
// from loopback addresses only.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, adminPrefix) {
		if !fromLoopback(r.RemoteAddr) {
			http.Error(w, "administration is for loopback addresses only", http.StatusForbidden)
			return
		}
		if err := crossOrigin.Check(r); err != nil {
			http.Error(w, "administration is not for pages of other sites", http.StatusForbidden)
			return
		}
		s.administer(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	a, ok := s.answer(r.Context(), r)
	if !ok {
		return // the client has gone
	}
	if a.reset {
		reset(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(a.length))
	h.Set("x-acs-request-id", a.requestID)
	w.WriteHeader(a.status)
	if a.drip > 0 {
		drip(w, r, a)
		return
	}
	_, _ = w.Write(a.body) // if the client has gone, there is nobody to tell
	if a.length > len(a.body) {
		_ = http.NewResponseController(w).Flush() // what there is does go out
		panic(http.ErrAbortHandler)               // the rest never comes
	}
}

// drip writes one byte at a time.
func drip(w http.ResponseWriter, r *http.Request, a answer) {
	out := http.NewResponseController(w)
	ticker := time.NewTicker(a.drip)
	defer ticker.Stop()
	for i := range a.body {
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		}
		if _, err := w.Write(a.body[i : i+1]); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}

// reset breaks the connection the hard way, so that the client sees a reset and
// not the end of the stream.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream breaks
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only if the client was faster
	}
	_ = conn.Close()
}

func fromLoopback(remote string) bool {
	address, err := netip.ParseAddrPort(remote)
	return err == nil && address.Addr().Unmap().IsLoopback()
}
