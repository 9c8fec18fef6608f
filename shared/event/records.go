package event

import "strings"

// records reads what Lambda gets from SQS and SNS: an array of records, each a
// message of its own.
func (d *decoder) records(raw []byte, v value) []Message {
	elements, ok := v.elements(MaxMessages)
	if !ok {
		return []Message{d.message(Batch, 0, raw, func(m *Message) { m.Err = tooManyMessages(v.path) })}
	}
	messages := make([]Message, 0, len(elements))
	for i, element := range elements {
		record := v.element(i, element)
		o, err := record.object()
		if err != nil {
			messages = append(messages, d.message(Batch, i, element, func(m *Message) { m.Err = err }))
			continue
		}
		delivery, body := Direct, element
		if len(elements) > 1 {
			delivery = Batch
		}
		if isSQS(o) {
			delivery = SQS
			if isFIFO(o) {
				delivery = SQSFIFO
			}
			if b := o.get("body"); b.kind() == '"' {
				body = []byte(unquote(b.raw))
			}
		}
		messages = append(messages, d.message(delivery, i, body, func(m *Message) { d.record(m, o, envelope{wraps: 1}) }))
	}
	return messages
}

// nestedRecords reads records within a message, which stay one message.
func (d *decoder) nestedRecords(m *Message, v value, env envelope) {
	elements, ok := v.elements(MaxMessages)
	if !ok {
		m.fail(tooManyMessages(v.path))
		return
	}
	for i, element := range elements {
		o, err := v.element(i, element).object()
		if err != nil {
			m.fail(err)
			return
		}
		d.record(m, o, env)
	}
}

func (d *decoder) record(m *Message, o object, env envelope) {
	switch {
	case isSQS(o):
		d.sqs(m, o, env)
	case o.get("Sns").kind() == '{':
		sns, err := o.get("Sns").object()
		if err != nil {
			m.fail(err)
			return
		}
		d.sns(m, sns, env)
	default:
		m.ignore(reasonUnknownEvent)
	}
}

func isSQS(o object) bool {
	source, _ := o.get("eventSource").scalar()
	return source == "aws:sqs" || source == "" && o.has("messageId", "body")
}

func isFIFO(o object) bool {
	if arn, _ := o.get("eventSourceARN").scalar(); arn != "" {
		// A group alone proves nothing: fair queues have them and keep no order.
		return strings.HasSuffix(arn, ".fifo")
	}
	attributes, err := o.get("attributes").object()
	return err == nil && (attributes.has("SequenceNumber") || attributes.has("MessageGroupId"))
}

// sqs is a record of a queue. Its body is a hook's message, an envelope of SNS
// or EventBridge, or anything else that is understood here.
//
//	{"messageId": "f3a4b5c6-0005-4d6e-8f70-8192a3b4c514", "receiptHandle": "…", "body": "{…}",
//	 "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1793600130250"}, "messageAttributes": {},
//	 "md5OfBody": "…", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:700100200300:register",
//	 "awsRegion": "eu-central-1"}
func (d *decoder) sqs(m *Message, o object, env envelope) {
	var r reader
	id := r.name(o.get("messageId"))
	region := r.name(o.get("awsRegion"))
	if region == "" {
		region = regionOfARN(r.name(o.get("eventSourceARN")))
	}
	m.name(id)
	if r.err != nil {
		m.fail(r.err)
		return
	}
	sent := value{}
	if attributes, err := o.get("attributes").object(); err == nil {
		sent = attributes.get("SentTimestamp")
	}
	env = env.inside(id, when(sent))
	if region != "" {
		env.awsRegion = region
	}
	body := o.get("body")
	if !body.present() {
		m.fail(&Error{Code: "MissingField", Path: body.path, Message: "is missing: it holds the event"})
		return
	}
	d.value(m, body, env)
}

// sns is the envelope of SNS: as Sns in a record of Lambda, or as the body of a
// message of SQS when raw delivery is off.
//
//	{"Type": "Notification", "MessageId": "a4b5c6d7-0006-4e7f-9081-92a3b4c5d615",
//	 "TopicArn": "arn:aws:sns:eu-central-1:700100200300:register", "Message": "{…}",
//	 "Timestamp": "2026-11-02T06:15:31.000Z", "SignatureVersion": "1", "Signature": "…"}
func (d *decoder) sns(m *Message, o object, env envelope) {
	var r reader
	id := r.name(o.get("MessageId"))
	region := regionOfARN(r.name(o.get("TopicArn")))
	kind := r.name(o.get("Type"))
	if r.err != nil {
		m.fail(r.err)
		return
	}
	m.name(id)
	if kind != "" && kind != "Notification" {
		m.ignore(reasonSubscription)
		return
	}
	env = env.inside(id, when(o.get("Timestamp")))
	if region != "" {
		env.awsRegion = region
	}
	d.value(m, o.get("Message"), env)
}
