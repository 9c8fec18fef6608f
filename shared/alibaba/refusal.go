package alibaba

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

// refused reads an error body. Whatever it is (the documented JSON, the
// documented XML, JSON with fields of other types, a page of a proxy, nothing)
// the status stands, and so does what could be read.
func (e *Error) refused(body []byte) {
	var fields struct{ Code, Message, RequestID string }
	if object := asObject(body); object != nil {
		fields.Code, fields.Message, fields.RequestID = text(object["Code"]), text(object["Message"]), text(object["RequestId"])
	} else {
		var document struct {
			XMLName   xml.Name `xml:"Error"`
			Code      string   `xml:"Code"`
			Message   string   `xml:"Message"`
			RequestID string   `xml:"RequestId"`
		}
		if xml.Unmarshal(body, &document) == nil {
			fields.Code, fields.Message, fields.RequestID = document.Code, document.Message, document.RequestID
		}
	}
	e.Code, e.Message = fields.Code, fields.Message
	if fields.RequestID != "" {
		e.RequestID = fields.RequestID
	}
	if e.Code == "" && e.Message == "" {
		e.Message = strings.TrimSpace("HTTP status "+strconv.Itoa(e.Status)+" "+http.StatusText(e.Status)) + " without an error of this API"
	}
	// Without a code it was not the service that spoke, and with a status of
	// 500 or above whoever did may have passed the request on.
	e.Lost = e.Status >= 500 && !isCode(e.Code)
}

// isCode tells the service's codes from a number that a proxy put there.
func isCode(s string) bool {
	return s != "" && strings.IndexFunc(s, unicode.IsLetter) >= 0
}

func asObject(body []byte) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return nil
	}
	if len(object) == 1 { // {"Error": {…}}, or named after the action
		for _, only := range object {
			var inner map[string]json.RawMessage
			if json.Unmarshal(only, &inner) == nil && inner != nil {
				return inner
			}
		}
	}
	return object
}

// unwrap takes an answer out of the object named after its action.
func unwrap(body []byte, action string) []byte {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return nil
	}
	if inner, ok := object[action]; ok {
		return inner
	}
	return object[action+"Response"]
}

// text is a JSON string's content, or the literal of a number or boolean.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if len(raw) > 0 && raw[0] != '{' && raw[0] != '[' && string(raw) != "null" {
		return string(raw)
	}
	return ""
}

var (
	// The service repeats what it signed in the message of SignatureDoesNotMatch.
	stringToSign = regexp.MustCompile(`(?is)\s*(server )?string[ -]to[ -]sign.*`)
	signedQuery  = regexp.MustCompile(`(?i)\b(signature|securitytoken|accesskeyid|signaturenonce)(=|%3D|%253D)[^&\s"]*`)
	anyURL       = regexp.MustCompile(`(?i)\bhttps?://[^\s"']*\?[^\s"']*`)
)

// maxMessage keeps an outcome readable; the service's messages are one or two sentences.
const maxMessage = 500

// clean takes out of an Error what must never be seen.
func (c *Client) clean(e *Error, request requests.AcsRequest) *Error {
	e.Code, e.RequestID = c.scrub(e.Code, request), c.scrub(e.RequestID, request)
	e.Message = c.scrub(e.Message, request)
	return e
}

func (c *Client) scrub(s string, request requests.AcsRequest) string {
	if s == "" {
		return s
	}
	s = stringToSign.ReplaceAllString(s, "")
	s = anyURL.ReplaceAllString(s, "(a URL)")
	s = signedQuery.ReplaceAllString(s, "$1=****")
	for _, secret := range []string{c.credentials.AccessKeySecret, c.credentials.SecurityToken, request.GetQueryParams()["Signature"]} {
		for _, form := range []string{secret, url.QueryEscape(secret)} {
			if len(form) >= 4 { // shorter ones are no secrets, and would hit ordinary words
				s = strings.ReplaceAll(s, form, "****")
			}
		}
	}
	if id := c.credentials.AccessKeyID; len(id) >= 4 {
		s = strings.ReplaceAll(s, id, mask(id))
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > maxMessage {
		s = string(runes[:maxMessage]) + "…"
	}
	return strings.TrimSpace(s)
}
