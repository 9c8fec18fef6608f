package clbtest

import (
	"fmt"
	"net/http"
)

// failure is an error as the service reports it.
type failure struct {
	status  int
	code    string
	message string
}

// refuse returns the documented failure with this code. The catalogue has the
// status and a message; detail is added to the message.
func refuse(code, format string, args ...any) *failure {
	f := documented(code)
	if format != "" {
		f.message = fmt.Sprintf(format, args...)
	}
	return f
}

// refuseWith is refuse for the few codes that come with more than one status.
func refuseWith(status int, code, format string, args ...any) *failure {
	return &failure{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// missing is how the gateway answers when a mandatory parameter is absent.
func missing(parameter string) *failure {
	return refuseWith(http.StatusBadRequest, "Missing"+parameter, "%s is mandatory for this action.", parameter)
}

// documented looks a code up in the catalogue; an unlisted one is a 400.
func documented(code string) *failure {
	if f, ok := catalogue[code]; ok {
		return &failure{status: f.status, code: code, message: f.message}
	}
	return &failure{status: http.StatusBadRequest, code: code, message: "The request was refused."}
}
