package clbtest

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	typeECS = "ecs"
	typeENI = "eni"
	typeECI = "eci"

	defaultWeight = 100
)

// listed is a backend server as a request lists it. Only Set tells a missing
// weight, type or description from a default.
type listed struct {
	Backend
	hasWeight, hasDescription bool
}

// parseBackendServers reads the value of BackendServers in any dialect that
// clients of the service send: proper JSON or single quotes, numbers or
// strings, names in any case, and unknown names, which are ignored. An empty
// value is an empty list.
func parseBackendServers(text string, limit int) ([]listed, *failure) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	elements, err := parseList(text)
	if err != nil {
		return nil, refuse("BackendServersMalformed", "The list of backend servers cannot be read: %v.", err)
	}
	if len(elements) > limit {
		return nil, refuse("TooManyBackendServers", "The list names %d backend servers; a call may name %d.", len(elements), limit)
	}
	servers := make([]listed, 0, len(elements))
	for _, e := range elements {
		b, fail := readBackendServer(e)
		if fail != nil {
			return nil, fail
		}
		servers = append(servers, b)
	}
	return servers, nil
}

// readBackendServer checks one element. Port is checked even though newer pages
// do not call it mandatory, because nothing can be sent to a server without.
func readBackendServer(e element) (listed, *failure) {
	b := listed{Backend: Backend{Weight: defaultWeight, Type: typeECS}}
	port := ""
	for _, m := range e {
		if !m.scalar || m.null {
			continue
		}
		switch {
		case strings.EqualFold(m.name, "ServerId"):
			b.ServerID = m.text
		case strings.EqualFold(m.name, "Port"):
			port = m.text
		case strings.EqualFold(m.name, "Weight"):
			w, err := strconv.Atoi(m.text)
			if err != nil || w < 0 || w > 100 {
				return b, refuse("InvalidWeight.Malformed", "")
			}
			b.Weight, b.hasWeight = w, true
		case strings.EqualFold(m.name, "Type"):
			if m.text != "" {
				b.Type = m.text
			}
		case strings.EqualFold(m.name, "ServerIp"):
			b.ServerIP = m.text
		case strings.EqualFold(m.name, "Description"):
			b.Description, b.hasDescription = m.text, true
		}
	}
	if b.ServerID == "" {
		return b, refuse("BackendServer.ServerIdEmpty", "")
	}
	p, err := strconv.Atoi(port)
	if err != nil || p < 1 || p > 65535 {
		return b, refuse("InvalidParameter", "The port of a backend server is not in 1–65535.")
	}
	b.Port = p
	if !slices.Contains([]string{typeECS, typeENI, typeECI}, b.Type) {
		return b, refuse("BackendServer.InvalidType", "")
	}
	if b.ServerIP != "" {
		if _, err := netip.ParseAddr(b.ServerIP); err != nil {
			return b, refuse("InvalidParameter", "The server address of a backend server is not valid.")
		}
	}
	if !validDescription(b.Description) {
		return b, refuse("InvalidParameter", "The description of a backend server is not valid.")
	}
	return b, nil
}

// validDescription allows up to 80 letters (Chinese ones too), digits, '-',
// '/', '.' and '_'.
func validDescription(s string) bool {
	if utf8.RuneCountInString(s) > 80 {
		return false
	}
	for _, r := range s {
		ascii := r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
		if !ascii && !strings.ContainsRune("-/._", r) && !unicode.Is(unicode.Han, r) {
			return false
		}
	}
	return true
}
