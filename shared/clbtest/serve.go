package clbtest

import (
	"context"
	"net/http"
	"strings"
	"time"
)

const (
	formatJSON = "JSON"
	formatXML  = "XML"
)

// answer is what goes back over the wire.
type answer struct {
	status      int
	contentType string
	requestID   string
	body        []byte
	length      int           // more than there is of body if the answer is cut short
	drip        time.Duration // a byte
	reset       bool          // no answer at all, the connection breaks
}

// answer takes a call through: receive, verify, look up, fail or act, record.
// It reports false if the caller gave up before there was an answer.
func (s *Simulator) answer(ctx context.Context, r *http.Request) (answer, bool) {
	e := &exchange{sim: s, ctx: ctx, world: s.world.Load()}
	e.call = Call{At: time.Now(), RequestID: newRequestID(), Backends: []Backend{}}
	in, fail := receive(r)
	e.parameters = in.parameters
	format := s.format(in)
	if fail == nil {
		fail = e.admit(in)
	}
	var f effect
	var doc document
	if fail == nil {
		fail = e.resolve()
		f = s.faults.Load().decide(e, e.call.At)
		doc, fail = e.act(f, fail)
	}
	if e.lost {
		return answer{}, false
	}
	if !e.recorded {
		e.call.HTTPStatus = http.StatusOK
		if fail != nil {
			e.call.HTTPStatus, e.call.Code = fail.status, fail.code
		}
		if f.reset == ResetBefore {
			e.call.HTTPStatus = 0
		}
		e.record(time.Now())
	}
	return e.render(format, doc, fail, f), true
}

// admit verifies a call and finds out what it wants.
func (e *exchange) admit(in *received) *failure {
	if in.method != http.MethodGet && in.method != http.MethodPost {
		return refuse("UnsupportedHTTPMethod", "")
	}
	if in.path != "/" {
		return refuse("InvalidApi.NotFound", "")
	}
	name, version := in.parameters.get("Action"), in.parameters.get("Version")
	if h := in.header.Get("x-acs-action"); name == "" {
		name = h
	}
	if h := in.header.Get("x-acs-version"); version == "" {
		version = h
	}
	if a, ok := actions[name]; ok {
		e.call.Action = a.name
	} else {
		e.call.Action = strings.Clone(name[:min(len(name), 100)])
	}
	if name == "" {
		return missing("Action")
	}
	if version == "" {
		return missing("Version")
	}
	if format := in.parameters.get("Format"); format != "" && !strings.EqualFold(format, formatJSON) && !strings.EqualFold(format, formatXML) {
		return refuse("InvalidParameter.Format", "Format is neither JSON nor XML.")
	}
	signature, fail := e.sim.authenticate(in)
	e.call.Signature = signature
	if fail != nil {
		return fail
	}
	if e.action, fail = findAction(name, version); fail != nil {
		return fail
	}
	return e.checkParameters()
}

// act carries a call out, as far as the effect of a fault lets it.
func (e *exchange) act(f effect, fail *failure) (document, *failure) {
	if f.failure != nil {
		fail = f.failure
	}
	if fail != nil || f.reset == ResetBefore {
		if !e.sleep(f.latency) {
			e.lost = true
		}
		return nil, fail
	}
	if e.action.changes {
		e.extraLatency = f.latency
	} else if !e.sleep(f.latency) {
		e.lost = true
		return nil, nil
	}
	return e.action.run(e)
}

// format decides between JSON and XML: what Format says, else what the client
// accepts, else JSON for V3 and the default for V1.
func (s *Simulator) format(in *received) string {
	switch format := in.parameters.get("Format"); {
	case strings.EqualFold(format, formatJSON):
		return formatJSON
	case strings.EqualFold(format, formatXML):
		return formatXML
	}
	switch accept := in.header.Get("Accept"); {
	case strings.Contains(accept, "json"):
		return formatJSON
	case strings.Contains(accept, "xml"):
		return formatXML
	case in.header.Get("x-acs-action") != "" && in.header.Get("Authorization") != "":
		return formatJSON
	case s.options.DefaultFormat != "":
		return s.options.DefaultFormat
	}
	return formatXML
}
