package clbtest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maxAdminBody is larger than that of a call: a state can be.
const maxAdminBody = 64 << 20

// administer serves what is not CLB's: state, calls, faults, reset.
func (s *Simulator) administer(w http.ResponseWriter, r *http.Request) {
	methods := map[string]map[string]http.HandlerFunc{
		"state":  {http.MethodGet: s.getState, http.MethodPut: s.putState},
		"calls":  {http.MethodGet: s.getCalls},
		"faults": {http.MethodPut: s.putFaults},
		"reset":  {http.MethodPost: s.postReset},
	}[strings.TrimPrefix(r.URL.Path, adminPrefix)]
	switch serve, ok := methods[r.Method]; {
	case methods == nil:
		http.Error(w, "there are GET /_sim/state, PUT /_sim/state, GET /_sim/calls, PUT /_sim/faults and POST /_sim/reset", http.StatusNotFound)
	case !ok:
		http.Error(w, "not with this method", http.StatusMethodNotAllowed)
	default:
		serve(w, r)
	}
}

func (s *Simulator) getState(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.State()) }

func (s *Simulator) getCalls(w http.ResponseWriter, _ *http.Request) {
	calls, dropped := s.listCalls()
	writeJSON(w, struct {
		Calls   []Call `json:"calls"`
		Dropped int64  `json:"dropped"`
	}{calls, dropped})
}

func (s *Simulator) putState(w http.ResponseWriter, r *http.Request) {
	s.put(w, r, func(data []byte) error {
		st, err := ParseState(data)
		if err != nil {
			return err
		}
		return s.Seed(st)
	})
}

func (s *Simulator) putFaults(w http.ResponseWriter, r *http.Request) {
	s.put(w, r, func(data []byte) error {
		faults, err := ParseFaults(data)
		if err != nil {
			return err
		}
		return s.SetFaults(faults)
	})
}

func (s *Simulator) put(w http.ResponseWriter, r *http.Request, use func([]byte) error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdminBody))
	if err == nil {
		err = use(data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Simulator) postReset(w http.ResponseWriter, _ *http.Request) {
	s.Reset()
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // if the client has gone, there is nobody to tell
}
