package clbtest

import (
	"net/http"
	"strings"
)

const htmlPage = `<html>
<head><title>502 Bad Gateway</title></head>
<body bgcolor="white">
<h1>502 Bad Gateway</h1>
<p>The proxy server received an invalid response from an upstream server.</p>
</body>
</html>
`

// render writes the answer of a call, or what a fault makes of it.
func (e *exchange) render(format string, doc document, fail *failure, f effect) answer {
	a := answer{status: http.StatusOK, requestID: e.call.RequestID, drip: f.drip, reset: f.reset != ""}
	switch {
	case a.reset:
		return a
	case f.body == BodyHTML:
		a.status, a.contentType, a.body = f.status, "text/html", []byte(htmlPage)
	case f.body == BodyNumericCode:
		a.status, a.contentType = f.status, "application/json;charset=utf-8"
		a.body = appendJSON(nil, document{{"RequestId", a.requestID}, {"Code", f.status}, {"Message", fail.message}}, false)
	case fail != nil:
		a.status = fail.status
		a.contentType, a.body = e.renderFailure(format, fail)
	default:
		a.contentType, a.body = e.renderSuccess(format, doc)
		if f.body == BodyTruncated && f.status != 0 {
			a.status = f.status
		}
	}
	a.length = len(a.body)
	if f.body == BodyTruncated {
		a.body = a.body[:len(a.body)/2]
	}
	return a
}

func (e *exchange) renderFailure(format string, fail *failure) (contentType string, body []byte) {
	product := productSLB
	if e.action != nil {
		product = e.action.product
	}
	recommend := "https://api.aliyun.com/troubleshoot?q=" + string(appendEncoded(nil, fail.code)) + "&product=" + product
	common := document{
		{"RequestId", e.call.RequestID},
		{"HostId", strings.ToLower(product) + ".aliyuncs.com"},
		{"Code", fail.code},
		{"Message", fail.message},
	}
	if format == formatJSON {
		common = append(common, field{"Recommend", recommend + "&requestId=" + e.call.RequestID})
		return "application/json;charset=utf-8", appendJSON(nil, common, false)
	}
	body = appendXML([]byte(xmlHeader), "Error", common)
	body = append(body[:len(body)-len("</Error>")], "<Recommend><![CDATA["...)
	body = append(body, recommend...)
	return "text/xml;charset=utf-8", append(body, "]]></Recommend></Error>"...)
}

func (e *exchange) renderSuccess(format string, doc document) (contentType string, body []byte) {
	doc = append(document{{"RequestId", e.call.RequestID}}, doc...)
	wrapped := e.sim.options.WrapResponses
	if wrapped {
		doc = withoutDefaults(doc).(document)
	}
	if format == formatJSON {
		body = make([]byte, 0, 1024)
		if wrapped {
			return "application/json;charset=utf-8", appendJSON(body, document{{e.action.name, doc}}, true)
		}
		return "application/json;charset=utf-8", appendJSON(body, doc, false)
	}
	root := e.action.name + "Response"
	if wrapped {
		root = e.action.name
	}
	return "text/xml;charset=utf-8", appendXML(append(make([]byte, 0, 1024), xmlHeader...), root, doc)
}

// withoutDefaults drops the type of ordinary servers, which the pages that print
// the wrapped form do not show.
func withoutDefaults(value any) any {
	switch v := value.(type) {
	case document:
		kept := make(document, 0, len(v))
		for _, f := range v {
			if inner := withoutDefaults(f.value); f.name != "Type" || inner != typeECS {
				kept = append(kept, field{f.name, inner})
			}
		}
		return kept
	case *document:
		return withoutDefaults(*v)
	case *string:
		return *v
	case *int:
		return *v
	case list:
		kept := list{element: v.element}
		v.each(func(item any) { kept.items = append(kept.items, withoutDefaults(item)) })
		return kept
	}
	return value
}
