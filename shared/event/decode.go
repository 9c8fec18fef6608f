package event

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Decode turns what a trigger delivered into messages, in the order in which
// they came. What it is, is seen from its shape alone.
//
// What cannot be understood is a message as well: one with Err set if it is
// broken, one with Ignored set if it is of a kind that nobody here knows. So
// the others of the batch go on, and the caller reports each one on its own.
// Input of which nothing can be read at all (no JSON, base64 cut off) is a
// single message with Err set. An empty batch is no message.
//
// The only error is of the type *[Error], for input larger than [MaxInput],
// which no platform delivers and which is not even looked at.
func Decode(raw []byte) ([]Message, error) {
	if len(raw) > MaxInput {
		return nil, &Error{Code: "TooLarge", Message: "the input has " + strconv.Itoa(len(raw)) + " bytes, more than the " + strconv.Itoa(MaxInput) + " that a platform delivers"}
	}
	d := &decoder{}
	v, broken := parse(raw, "")
	for range maxWrapping {
		if broken != nil || v.kind() != '"' {
			break
		}
		v, broken = parse([]byte(unquote(v.raw)), "")
	}
	if broken != nil {
		return d.broken(raw, broken), nil
	}
	if v.kind() == '[' {
		return d.batch(raw, v), nil
	}
	if o, err := v.object(); err == nil {
		if records := o.get("Records"); records.kind() == '[' {
			return d.records(raw, records), nil
		}
	}
	return []Message{d.message(Direct, 0, raw, func(m *Message) { d.value(m, v, envelope{}) })}, nil
}

// broken is the one message of input that cannot be read.
func (d *decoder) broken(raw []byte, why *Error) []Message {
	return []Message{d.message(Direct, 0, raw, func(m *Message) { m.Err = why })}
}

// decoder holds what the messages of one input share: the number of instances
// that they may still name.
type decoder struct {
	notices int
}

// envelope is what the wrappers around a body say. The innermost one that says
// something is right, because it is nearest to the event.
type envelope struct {
	wraps     int
	id        string    // of the event or the message
	at        time.Time // when it was published
	region    string    // of Alibaba Cloud
	awsRegion string
	eventType string // of the CloudEvent
}

// inside returns e as it is for the content of a wrapper.
func (e envelope) inside(id string, at time.Time) envelope {
	if id != "" {
		e.id = id
	}
	if !at.IsZero() {
		e.at = at
	}
	return e
}

// message makes one message of body, as it came, and lets read fill it.
func (d *decoder) message(delivery Delivery, position int, body []byte, read func(*Message)) Message {
	digest := sha256.Sum256(body)
	m := Message{Source: sourceUnknown, Delivery: delivery, Position: position, Digest: hex.EncodeToString(digest[:])}
	read(&m)
	if len(m.Notices) > 0 && m.Reconcile != nil {
		m.fail(&Error{Code: "Mixed", Message: "asks for a reconcile run and names instances as well: each needs a message of its own"})
	}
	if m.ID == "" {
		m.ID = "sha256-" + m.Digest[:32]
	}
	switch {
	case m.Err != nil:
		m.Notices, m.Reconcile, m.Ignored = nil, nil, ""
	case len(m.Notices) > 0, m.Reconcile != nil:
		m.Ignored = ""
	case m.Ignored == "":
		m.Ignored = reasonNothingToDo
	}
	return m
}

// batch reads an array whose elements are messages.
func (d *decoder) batch(raw []byte, v value) []Message {
	elements, ok := v.elements(MaxMessages)
	if !ok {
		return []Message{d.message(Batch, 0, raw, func(m *Message) { m.Err = tooManyMessages(v.path) })}
	}
	messages := make([]Message, 0, len(elements))
	for i, element := range elements {
		ev := v.element(i, element)
		body := element
		if ev.kind() == '"' {
			body = []byte(unquote(element))
		}
		messages = append(messages, d.message(Batch, i, body, func(m *Message) { d.value(m, ev, envelope{}) }))
	}
	return messages
}

func tooManyMessages(path string) *Error {
	return &Error{Code: "TooManyMessages", Path: path, Message: "holds more than " + strconv.Itoa(MaxMessages) + " messages"}
}

// text reads a body that is a text.
func (d *decoder) text(m *Message, text, path string, env envelope) {
	v, err := parse([]byte(text), path)
	if err != nil {
		m.fail(err)
		return
	}
	d.value(m, v, env)
}

// value reads a body. An array within a message is one message still: it is
// acknowledged as a whole.
func (d *decoder) value(m *Message, v value, env envelope) {
	if env.wraps++; env.wraps > maxWrapping {
		m.fail(&Error{Code: "TooDeep", Path: v.path, Message: "is wrapped more than " + strconv.Itoa(maxWrapping) + " times"})
		return
	}
	switch v.kind() {
	case '"':
		d.text(m, unquote(v.raw), v.path, env)
	case '[':
		elements, ok := v.elements(MaxMessages)
		if !ok {
			m.fail(tooManyMessages(v.path))
			return
		}
		for i, element := range elements {
			if m.Err != nil {
				return
			}
			d.value(m, v.element(i, element), env)
		}
	case '{':
		o, err := v.object()
		if err != nil {
			m.fail(err)
			return
		}
		d.object(m, o, env)
	default:
		m.ignore(reasonUnknownEvent)
	}
}

// object finds out by its shape what o is. Wrappers come first, since what is
// in them decides.
func (d *decoder) object(m *Message, o object, env envelope) {
	switch {
	case d.notices > MaxNotices:
		m.fail(tooManyNotices(o.path)) // whatever it names, it cannot be taken
	case o.get("Records").kind() == '[':
		d.nestedRecords(m, o.get("Records"), env)
	case o.has("specversion", "type"):
		d.cloudEvent(m, o, env)
	case o.has("detail-type", "detail"):
		d.eventBridge(m, o, env)
	case o.has("TopicName", "Message"):
		d.mnsTopic(m, o, env)
	case o.has("body", "attrs"):
		d.value(m, o.get("body"), env)
	case o.has("requestContext", "requestPayload"):
		d.value(m, o.get("requestPayload"), env) // what a failed invocation left at its destination
	case o.has("messageBody"):
		d.mnsQueue(m, o, env)
	case o.get("data").kind() == '{' && isMNSQueue(o.get("data")):
		d.value(m, o.get("data"), env)
	case o.has("Message", "Type", "TopicArn"):
		d.sns(m, o, env)
	case o.has("triggerName") && (o.has("triggerTime") || o.has("payload")):
		if m.Delivery != Direct || env.wraps > 1 {
			// A timer may remove what a queue's senders may not, and its trigger
			// neither wraps nor batches.
			m.Source = SourceTimer
			m.ignore(reasonNoTrigger)
			return
		}
		d.timer(m, o)
	case isPendingESSHook(o):
		d.essHook(m, o, env) // whatever else the body holds, somebody waits
	case isEC2(o):
		d.ec2(m, o, env)
	case o.has("product", "name"):
		d.cloudMonitor(m, o, env)
	case isESSActivity(o, env):
		d.essActivity(m, o, env)
	case isESSHook(o):
		d.essHook(m, o, env)
	case isInstanceMessage(o):
		d.instanceMessage(m, o, env)
	case isRequest(o):
		d.request(m, o, env)
	default:
		m.ignore(reasonUnknownEvent)
	}
}

// fail keeps the first reason.
func (m *Message) fail(err *Error) {
	if m.Err == nil {
		m.Err = err
	}
}

func (m *Message) ignore(why string) {
	if m.Ignored == "" {
		m.Ignored = why
	}
}

// name gives m the id of a wrapper. The record of SQS keeps its own, by which
// it is acknowledged; of other wrappers the innermost is nearest to the event.
func (m *Message) name(id string) {
	acknowledged := m.Delivery == SQS || m.Delivery == SQSFIFO
	if id != "" && (m.ID == "" || !acknowledged) {
		m.ID = id
	}
}

// add takes over the notices of a body, unless they are too many.
func (d *decoder) add(m *Message, notices []Notice, path string) {
	d.notices += len(notices)
	switch {
	case len(m.Notices)+len(notices) > MaxInstances:
		m.fail(tooManyInstances(path))
	case d.notices > MaxNotices:
		m.fail(tooManyNotices(path))
	case len(m.Notices) == 0:
		m.Notices = notices
	default:
		m.Notices = append(m.Notices, notices...)
	}
}

func tooManyNotices(path string) *Error {
	return &Error{Code: "TooManyInstances", Path: path, Message: "with this message the batch names more than " + strconv.Itoa(MaxNotices) + " instances"}
}
