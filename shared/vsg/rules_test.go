package vsg

import (
	"strings"
	"testing"
)

func TestAnAddressHasOneForm(t *testing.T) {
	for written, want := range map[string]string{
		"192.0.2.1":        "192.0.2.1",
		"::ffff:192.0.2.1": "192.0.2.1",
		"2001:DB8:0:0::1":  "2001:db8::1",
		"fe80::1%eth0":     "",
		"192.0.2.1/24":     "",
		"not an ip":        "",
		"":                 "",
	} {
		if got, ok := CanonicalIP(written); got != want || ok != (want != "") {
			t.Errorf("%q: got %q and %v, want %q", written, got, ok, want)
		}
	}
}

func TestADescriptionIsWhatTheServiceTakes(t *testing.T) {
	for text, want := range map[string]bool{
		"slb-registrar": true, "blue/green_1.2": true, "后端": true, strings.Repeat("后", 80): true,
		"": false, "has spaces": false, "so!": false, strings.Repeat("a", 81): false,
	} {
		if got := ValidDescription(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
