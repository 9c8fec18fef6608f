package vsg

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDescription is how many characters the Description of a backend may have,
// as AddVServerGroupBackendServers documents it.
const MaxDescription = 80

// DescriptionRule says in words what [ValidDescription] holds.
const DescriptionRule = "must have 1 to 80 characters: letters, digits, and - / . _"

// ValidDescription holds the rule of the API for a backend's Description.
func ValidDescription(text string) bool {
	if n := utf8.RuneCountInString(text); n < 1 || n > MaxDescription {
		return false
	}
	return !strings.ContainsFunc(text, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("-/._", c)
	})
}

// CanonicalIP returns the one form of an address in which identities are
// compared: 2001:db8::1 for 2001:DB8:0::1, 192.0.2.1 for ::ffff:192.0.2.1. It
// reports false for what is no address, or has a zone, which only one host
// knows the meaning of.
func CanonicalIP(text string) (string, bool) {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" {
		return "", false
	}
	return ip.Unmap().String(), true
}
