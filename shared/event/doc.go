// Package event turns the bytes that a trigger delivers into messages.
//
// [Decode] takes the payload of an invocation as it is and returns one
// [Message] for everything in it that can be acknowledged, or at least can
// fail, on its own. A message holds a [Notice] for each instance that was
// launched or is about to go; or it asks for a reconcile run; or there is
// nothing to do; or it is broken and says where.
//
// What a body is, is seen from its shape. Users plug a function into whatever
// they have, bodies are wrapped by one queue after the other, and some of them
// are printed in no documentation; a setting that says what to expect would be
// wrong as soon as a second trigger is added. So wrappers are taken off until
// something is found that is known: base64 and JSON strings, the envelopes of
// MNS, EventBridge of both clouds, SNS and SQS, in any order. Unknown fields
// are not looked at. Names of fields are compared regardless of case.
//
// # Identity and time
//
// A notice says which launch or termination it tells of (Launch) and when that
// was (At). Launch is the same for every redelivery and differs for the next
// launch of the same instance; idempotency keys are made of it. At orders a
// launch and a removal that overtake each other. Neither depends on the number
// of a delivery, on a request id, on weights or on types.
//
//	source                 Launch                                         At
//	ess-lifecycle-hook     token + instance                               the body's time, else the envelope's
//	ec2-lifecycle-hook     token + instance                               the body's Time, else the envelope's
//	ess-scaling-activity   scalingActivityId, else the envelope's id,     endTime, else the envelope's
//	                       else the body; + kind + instance
//	ec2-scaling-activity   ActivityId, else RequestId, else the           the body's Time, else the envelope's
//	                       envelope's id, else the body; + kind + instance
//	ecs-state-change       id of the event of CloudMonitor, else the      eventTime, else the envelope's
//	                       envelope's id, else the body; + kind + instance
//	instance-message       id of the message, else the envelope's id,     time, else the envelope's
//	                       else the body; + kind + instance
//	request-parameters     the envelope's id, else the body;              the envelope's
//	                       + kind + server
//
// The envelope is the innermost one that has an id, or a time:
//
//	EventBridge, Alibaba Cloud   id          time, else aliyunpublishtime
//	MNS queue                    messageId   that of the event around it
//	MNS topic, format JSON       MessageId   PublishTime
//	Amazon EventBridge           id          time
//	SNS                          MessageId   Timestamp
//	SQS                          messageId   SentTimestamp
//
// A removal that is told to the minute counts as the end of that minute, since
// an instance is launched before it goes.
//
// An MNS topic with the format STREAM has no envelope: a hook that comes that
// way happened at no known time.
//
// "The body" is a versioned SHA-256 over what the body says: kind, region,
// scaling group, its own time, and its instances in order (for request
// parameters the group, server, address and port of each backend). Two bodies
// that say the same are the same launch then; whoever sends them on purpose
// gives them an id or a time.
//
// The same action of a lifecycle hook has the same token by whichever way it
// is notified, and so the same identity by MNS, EventBridge, SNS and SQS.
//
// # Bounds
//
// Input is bounded by [MaxInput], a batch by [MaxMessages], a message by
// [MaxInstances], all messages together by [MaxNotices]. Nesting is bounded as
// well. Decoding shares the bytes of the input where it can: it allocates at
// most a small multiple of the input's size, besides the messages themselves.
// Ids and names with unprintable characters are refused, so that none of them
// can forge a log line.
package event
