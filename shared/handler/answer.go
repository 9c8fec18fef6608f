package handler

import (
	"encoding/json"
	"fmt"

	"slb-registrar/shared/event"
)

// Answer is what the platform gets: a response, or an error.
type Answer struct {
	Response json.RawMessage `json:"response"`
	Error    *AnswerError    `json:"error"`
}

// AnswerError is how the command line shows an error that the platform would get.
type AnswerError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// RetryError makes the platform deliver the event again. It carries counts
// only: the details are in the log.
type RetryError struct{ Retry, Messages int }

func (e *RetryError) Error() string {
	return fmt.Sprintf("%d of %d messages must be delivered again", e.Retry, e.Messages)
}

// RejectedError makes the platform hand the event to its failure destination:
// the invocation's only message can never be processed.
type RejectedError struct{ Code string }

func (e *RejectedError) Error() string {
	return "the event was rejected: " + e.Code
}

// partialBatch is the answer to Amazon SQS: the messages that are not to be
// deleted from the queue. An empty list means that all may be deleted; a null
// would too, but reads like a mistake.
type partialBatch struct {
	BatchItemFailures []batchItemFailure `json:"batchItemFailures"`
}

type batchItemFailure struct {
	ItemIdentifier string `json:"itemIdentifier"`
}

// ForFunctionCompute returns what Function Compute gets: the Result, or an
// error when a message must be delivered again or when the only message is
// rejected. Function Compute has no partial answer, so a rejected message
// among others is parked in the log instead of holding up its neighbours.
func (r Result) ForFunctionCompute() (json.RawMessage, error) {
	if n := r.count(Retry); n > 0 {
		return nil, &RetryError{Retry: n, Messages: len(r.Messages)}
	}
	if len(r.Messages) == 1 && r.Messages[0].Status == Rejected {
		code := ""
		if r.Messages[0].Error != nil {
			code = r.Messages[0].Error.Code
		}
		return nil, &RejectedError{Code: code}
	}
	r.Answer = nil
	return json.Marshal(r)
}

// ForLambda returns what Lambda gets. Records of an Amazon SQS queue are
// answered one by one, so that the redrive policy takes a poison message to
// the dead-letter queue and nothing else comes again; any other event is
// answered as on Function Compute.
func (r Result) ForLambda() (json.RawMessage, error) {
	fromQueue := false
	answer := partialBatch{BatchItemFailures: []batchItemFailure{}}
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.delivery != event.SQS && m.delivery != event.SQSFIFO {
			continue
		}
		fromQueue = true
		if m.Status == Retry || m.Status == Rejected {
			answer.BatchItemFailures = append(answer.BatchItemFailures, batchItemFailure{m.ID})
		}
	}
	if !fromQueue {
		return r.ForFunctionCompute()
	}
	return json.Marshal(answer)
}
