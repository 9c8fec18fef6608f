package clbtest

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

const timestampLayout = "2006-01-02T15:04:05Z"

// credentials are what a call says about its sender.
type credentials struct {
	version   string // V1, V3, or empty if the call is not signed at all
	key       string
	timestamp string
	nonce     string
	token     string
}

// authenticate verifies who sent a call. The nonce is used up only by a call
// whose signature holds, so that nobody can use up another's.
func (s *Simulator) authenticate(in *received) (string, *failure) {
	c, verify, fail := s.identify(in)
	if s.options.Unverified {
		return c.version, nil
	}
	if fail != nil {
		return c.version, fail
	}
	now := time.Now()
	sent, err := time.Parse(timestampLayout, c.timestamp)
	if err != nil {
		if sent, err = time.Parse(time.RFC3339Nano, c.timestamp); err != nil || sent.Location() != time.UTC {
			return c.version, refuse("InvalidTimeStamp.Format", "The timestamp is not of the form %s.", "yyyy-MM-ddTHH:mm:ssZ")
		}
	}
	if off := now.Sub(sent); off > s.options.Skew || off < -s.options.Skew {
		return c.version, refuse("InvalidTimeStamp.Expired", "")
	}
	secret, ok := s.options.AccessKeys[c.key]
	if !ok {
		return c.version, refuse("InvalidAccessKeyId.NotFound", "")
	}
	if fail := verify(secret); fail != nil {
		return c.version, fail
	}
	if fail := s.checkToken(c, now); fail != nil {
		return c.version, fail
	}
	if !s.nonces.use(c.nonce, now) {
		return c.version, refuse("SignatureNonceUsed", "")
	}
	return c.version, nil
}

// identify finds out which signature a call carries, and returns how to verify
// it once the secret is known.
func (s *Simulator) identify(in *received) (credentials, func(secret string) *failure, *failure) {
	if header := in.header.Get("Authorization"); header != "" {
		return identifyV3(in, header)
	}
	return identifyV1(in)
}

func identifyV1(in *received) (credentials, func(string) *failure, *failure) {
	p := in.parameters
	var c credentials
	signature, signed := p.lookup("Signature")
	if signed {
		c.version = signatureV1
	}
	timestamp, ok := p.lookup("Timestamp")
	if !ok {
		timestamp, ok = p.lookup("TimeStamp") // as the documentation of SLB spells it
	}
	c.key, c.timestamp, c.nonce, c.token = p.get("AccessKeyId"), timestamp, p.get("SignatureNonce"), p.get("SecurityToken")
	switch {
	case c.key == "":
		return c, nil, missing("AccessKeyId")
	case !signed || signature == "":
		return c, nil, missing("Signature")
	case p.get("SignatureMethod") == "":
		return c, nil, missing("SignatureMethod")
	case p.get("SignatureMethod") != algorithmV1:
		return c, nil, refuse("InvalidSignatureMethod", "")
	case p.get("SignatureVersion") == "":
		return c, nil, missing("SignatureVersion")
	case p.get("SignatureVersion") != "1.0":
		return c, nil, refuse("InvalidParamater", "SignatureVersion is not 1.0.")
	case c.nonce == "":
		return c, nil, missing("SignatureNonce")
	case !ok || timestamp == "":
		return c, nil, missing("Timestamp")
	}
	return c, func(secret string) *failure {
		text := stringToSignV1(in.method, p)
		if equal(signV1(secret, text), signature) {
			return nil
		}
		// The SDK compares what follows the colon with its own string to sign.
		return refuse("SignatureDoesNotMatch", "Specified signature is not matched with our calculation. server string to sign is:%s", text)
	}, nil
}

func identifyV3(in *received, header string) (credentials, func(string) *failure, *failure) {
	c := credentials{
		version:   signatureV3,
		timestamp: in.header.Get("x-acs-date"),
		nonce:     in.header.Get("x-acs-signature-nonce"),
		token:     in.header.Get("x-acs-security-token"),
	}
	a, ok := parseAuthorization(header)
	if !ok {
		return c, nil, refuse("IncompleteSignature", "The Authorization header is malformed.")
	}
	c.key = a.credential
	hash := in.header.Get("x-acs-content-sha256")
	switch {
	case c.timestamp == "":
		return c, nil, missing("Timestamp")
	case c.nonce == "":
		return c, nil, missing("SignatureNonce")
	case hash == "":
		return c, nil, missing("ContentSha256")
	case !slices.IsSorted(a.signedHeaders):
		return c, nil, refuse("IncompleteSignature", "SignedHeaders is not sorted.")
	case !slices.Contains(a.signedHeaders, "host"):
		return c, nil, refuse("IncompleteSignature", "The host header is not signed.")
	}
	for name := range in.header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") && !slices.Contains(a.signedHeaders, lower) {
			return c, nil, refuse("IncompleteSignature", "The header %s is not signed.", lower)
		}
	}
	return c, func(secret string) *failure {
		sum := sha256.Sum256(in.body)
		if !equal(hex.EncodeToString(sum[:]), hash) {
			return refuse("SignatureDoesNotMatch", "The body does not match x-acs-content-sha256.")
		}
		request := canonicalRequestV3(in, a.signedHeaders, hash)
		if equal(signV3(secret, request), a.signature) {
			return nil
		}
		hashed := sha256.Sum256(request)
		return refuse("SignatureDoesNotMatch", "Specified signature is not matched with our calculation. server string to sign is:%s\n%s",
			algorithmV3, hex.EncodeToString(hashed[:]))
	}, nil
}

// checkToken holds a security token against the access key that it came with.
func (s *Simulator) checkToken(c credentials, now time.Time) *failure {
	if s.options.AnySecurityToken {
		return nil
	}
	if c.token == "" {
		for _, key := range s.options.SecurityTokens {
			if key == c.key {
				return refuse("MissingSecurityToken", "")
			}
		}
		return nil
	}
	switch key, ok := s.options.SecurityTokens[c.token]; {
	case !ok:
		return refuse("InvalidSecurityToken.Malformed", "")
	case key != c.key:
		return refuse("InvalidSecurityToken.MismatchWithAccessKey", "")
	}
	if until, ok := s.options.SecurityTokenExpiry[c.token]; ok && !now.Before(until) {
		return refuse("InvalidSecurityToken.Expired", "")
	}
	return nil
}
