package clbtest

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"sort"
	"strings"
)

// The two signatures. V1 signs the parameters with HMAC-SHA1, V3 the request
// with HMAC-SHA256.
const (
	signatureV1 = "V1"
	signatureV3 = "V3"

	algorithmV1 = "HMAC-SHA1"
	algorithmV3 = "ACS3-HMAC-SHA256"
)

const upperHex = "0123456789ABCDEF"

// appendEncoded percent-encodes as both signatures demand: everything but
// letters, digits, '-', '_', '.' and '~', in upper case.
func appendEncoded(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '.', c == '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&0xf])
		}
	}
	return dst
}

// appendCanonical writes the parameters sorted by name, except the signature
// itself. Empty values count.
func appendCanonical(dst []byte, params parameters, skip string) []byte {
	sorted := make(parameters, 0, len(params))
	for _, p := range params {
		if p.name != skip || skip == "" {
			sorted = append(sorted, p)
		}
	}
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].name < sorted[j].name })
	for i, p := range sorted {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = appendEncoded(dst, p.name)
		dst = append(dst, '=')
		dst = appendEncoded(dst, p.value)
	}
	return dst
}

// stringToSignV1 is what the V1 signature covers.
func stringToSignV1(method string, params parameters) string {
	canonical := appendCanonical(make([]byte, 0, 1024), params, "Signature")
	dst := make([]byte, 0, len(method)+5+len(canonical)*3/2)
	dst = append(dst, method...)
	dst = append(dst, "&%2F&"...)
	return string(appendEncoded(dst, string(canonical)))
}

func signV1(secret, stringToSign string) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(stringToSign))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// canonicalRequestV3 is what the V3 signature covers, given the names of the
// signed headers.
func canonicalRequestV3(in *received, signedHeaders []string, payloadHash string) []byte {
	dst := make([]byte, 0, 1024)
	dst = append(dst, in.method...)
	dst = append(dst, '\n')
	dst = append(dst, in.path...)
	dst = append(dst, '\n')
	dst = appendCanonical(dst, in.parameters[:in.inQuery], "")
	dst = append(dst, '\n')
	for _, name := range signedHeaders {
		dst = append(dst, name...)
		dst = append(dst, ':')
		if name == "host" {
			dst = append(dst, in.host...)
		} else {
			dst = append(dst, strings.TrimSpace(strings.Join(in.header.Values(name), ","))...)
		}
		dst = append(dst, '\n')
	}
	dst = append(dst, '\n')
	dst = append(dst, strings.Join(signedHeaders, ";")...)
	dst = append(dst, '\n')
	return append(dst, payloadHash...)
}

func signV3(secret string, canonicalRequest []byte) string {
	hashed := sha256.Sum256(canonicalRequest)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(algorithmV3 + "\n" + hex.EncodeToString(hashed[:])))
	return hex.EncodeToString(mac.Sum(nil))
}

// authorization is the header of a V3 call, taken apart.
type authorization struct {
	credential    string
	signedHeaders []string
	signature     string
}

// parseAuthorization reads a header such as
//
//	ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host;x-acs-date,Signature=0f…
func parseAuthorization(header string) (authorization, bool) {
	var a authorization
	rest, ok := strings.CutPrefix(header, algorithmV3+" ")
	if !ok {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			a.credential = value
		case "SignedHeaders":
			a.signedHeaders = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, a.credential != "" && a.signature != "" && len(a.signedHeaders) > 0 && len(a.signedHeaders) < 100
}

// equal compares in constant time, so that a signature cannot be guessed from
// how long its refusal takes.
func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
