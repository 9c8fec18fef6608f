package event

// mnsTopic is the envelope of an MNS topic whose subscription has the format
// JSON; with the format STREAM the body comes bare, or in {"body", "attrs"}
// when the message has attributes.
//
//	{"TopicOwner": "1900770000000042", "Message": "{\"regionId\": …}", "Subscriber": "1900770000000042",
//	 "PublishTime": 1793600130250, "SubscriptionName": "register", "MessageMD5": "0F1E2D3C…",
//	 "TopicName": "scaling", "MessageId": "A1B2C3D4E5F60718293A4B5C6D7E8F90"}
func (d *decoder) mnsTopic(m *Message, o object, env envelope) {
	var r reader
	id := r.name(o.get("MessageId"))
	if r.err != nil {
		m.fail(r.err)
		return
	}
	m.name(id)
	d.value(m, o.get("Message"), env.inside(id, when(o.get("PublishTime"))))
}

// mnsQueue is what EventBridge makes of a message of an MNS queue, as the data
// of a CloudEvent or, with the schema RawData, on its own:
//
//	{"requestId": "6A5B4C3D2E1F00112233AABD", "messageId": "0A1B2C3D4E5F60718293A4B5C6D7E8FB",
//	 "messageBody": "{\"regionId\": …}"}
func (d *decoder) mnsQueue(m *Message, o object, env envelope) {
	var r reader
	id := r.name(o.get("messageId"))
	if r.err != nil {
		m.fail(r.err)
		return
	}
	m.name(id)
	env.eventType = ""
	d.value(m, o.get("messageBody"), env.inside(id, when(o.get("publishTime"))))
}

func isMNSQueue(data value) bool {
	o, err := data.object()
	return err == nil && o.has("messageBody")
}
