package registrar

import (
	"context"
	"errors"

	"slb-registrar/shared/vsg"
)

// refusal is what an error says, or nothing for a success.
type refusal struct {
	disposition              vsg.Disposition
	code, message, requestID string
	culprits                 []string
	mayPass                  bool
	unknown                  bool // the code is one that nobody has classified
}

// refusalOf reads an error of the API. Of an error that does not say what it
// is, nothing is passed on: such errors carry the signed address of the call.
func refusalOf(err error) refusal {
	var known Refusal
	if errors.As(err, &known) {
		f := refusal{
			disposition: known.Disposition(),
			culprits:    known.Culprits(),
			mayPass:     known.MayPass(),
		}
		f.code, f.message, f.requestID = known.Details()
		var counted interface{ Known() bool }
		f.unknown = errors.As(err, &counted) && !counted.Known()
		return f
	}
	f := refusal{disposition: vsg.DispositionLost, code: CodeLost, message: "the call has no answer"}
	switch {
	case errors.Is(err, errPanicked):
		f.message = errPanicked.Error()
	case errors.Is(err, context.DeadlineExceeded):
		f.message = "the call has no answer in time"
	}
	return f
}

func (f refusal) outcome(status vsg.Status) vsg.Outcome {
	return vsg.Outcome{
		Status:      status,
		Code:        f.code,
		Message:     f.message,
		RequestID:   f.requestID,
		Disposition: f.disposition,
	}
}
