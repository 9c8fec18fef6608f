package lifecycle

import (
	"strings"
	"testing"

	"slb-registrar/shared/vsg"
)

func TestABackendIsReadyWhenEveryListenerOfItsGroupSaysSo(t *testing.T) {
	https, http, udp := vsg.Listener{Port: 443, Protocol: "https"}, vsg.Listener{Port: 80, Protocol: "http"}, vsg.Listener{Port: 443, Protocol: "udp"}
	row := func(l vsg.Listener, state vsg.HealthState) vsg.Health {
		return vsg.Health{ServerID: "i-1", ServerIP: "192.0.2.1", Port: 8080, Listener: l, State: state}
	}
	ecs := vsg.Backend{ServerID: "i-1", Port: 8080}
	eni := vsg.Backend{ServerID: "eni-1", ServerIP: "192.0.2.7", Port: 8080}
	for name, c := range map[string]struct {
		binding vsg.Binding
		health  []vsg.Health
		backend vsg.Backend
		ready   bool
		why     string
	}{
		"one listener":         {vsg.Binding{Listeners: []vsg.Listener{https}}, []vsg.Health{row(https, vsg.Healthy)}, ecs, true, ""},
		"two, one says no":     {vsg.Binding{Listeners: []vsg.Listener{https, http}}, []vsg.Health{row(https, vsg.Healthy), row(http, vsg.Unhealthy)}, ecs, false, "abnormal"},
		"two, one is silent":   {vsg.Binding{Listeners: []vsg.Listener{https, http}}, []vsg.Health{row(https, vsg.Healthy)}, ecs, false, "1 of 2 listeners"},
		"none speaks":          {vsg.Binding{Listeners: []vsg.Listener{https}}, nil, ecs, false, "1 of 1"},
		"not checked yet":      {vsg.Binding{Listeners: []vsg.Listener{https}}, []vsg.Health{row(https, vsg.Unchecked)}, ecs, false, "no health check"},
		"another's listener":   {vsg.Binding{Listeners: []vsg.Listener{https}}, []vsg.Health{row(https, vsg.Healthy), row(http, vsg.Unhealthy)}, ecs, true, ""},
		"same port, not udp":   {vsg.Binding{Listeners: []vsg.Listener{https}}, []vsg.Health{row(https, vsg.Healthy), row(udp, vsg.Unhealthy)}, ecs, true, ""},
		"protocol in capitals": {vsg.Binding{Listeners: []vsg.Listener{{Port: 443, Protocol: "HTTPS"}}}, []vsg.Health{row(https, vsg.Healthy)}, ecs, true, ""},
		"protocol left out":    {vsg.Binding{Listeners: []vsg.Listener{https}}, []vsg.Health{row(vsg.Listener{Port: 443}, vsg.Healthy)}, ecs, true, ""},
		"another port":         {vsg.Binding{Listeners: []vsg.Listener{https}}, []vsg.Health{row(https, vsg.Healthy)}, vsg.Backend{ServerID: "i-1", Port: 9090}, false, "does not list"},
		"another server":       {vsg.Binding{Listeners: []vsg.Listener{https}}, []vsg.Health{row(https, vsg.Healthy)}, vsg.Backend{ServerID: "i-2", Port: 8080}, false, "does not list"},
		"by the interface's address": {vsg.Binding{Listeners: []vsg.Listener{https}},
			[]vsg.Health{{ServerID: "eni-1", InterfaceIP: "192.0.2.7", Port: 8080, Listener: https, State: vsg.Healthy}}, eni, true, ""},
		"by the server's address": {vsg.Binding{Listeners: []vsg.Listener{https}},
			[]vsg.Health{{ServerID: "eni-1", ServerIP: "192.0.2.7", Port: 8080, Listener: https, State: vsg.Healthy}}, eni, true, ""},
		"another address": {vsg.Binding{Listeners: []vsg.Listener{https}},
			[]vsg.Health{{ServerID: "eni-1", ServerIP: "192.0.2.8", Port: 8080, Listener: https, State: vsg.Healthy}}, eni, false, "does not list"},
		"only a rule, and well":    {vsg.Binding{Rules: 1}, []vsg.Health{row(http, vsg.Healthy)}, ecs, true, ""},
		"only a rule, and sick":    {vsg.Binding{Rules: 1}, []vsg.Health{row(http, vsg.Healthy), row(https, vsg.Unhealthy)}, ecs, false, "abnormal"},
		"only a rule, and silence": {vsg.Binding{Rules: 1}, nil, ecs, false, "does not list"},
		"nobody sends":             {vsg.Binding{}, nil, ecs, true, "no listener"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sight{bindings: map[string]vsg.Binding{"rsp-1": c.binding}, health: c.health}
			got := s.judge("rsp-1", c.backend)
			if got.ready != c.ready || !strings.Contains(got.why, c.why) || c.why == "" && got.why != "" {
				t.Errorf("%+v, want %v because %q", got, c.ready, c.why)
			}
		})
	}
}
