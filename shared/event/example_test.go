package event_test

import (
	"fmt"

	"slb-registrar/shared/event"
)

func ExampleDecode() {
	// What Lambda gets from a queue: two messages, of which the second is broken.
	raw := []byte(`{"Records": [
	  {"messageId": "m-1", "eventSource": "aws:sqs",
	   "body": "{\"kind\": \"launch\", \"instanceIds\": [\"i-bp1web0001\", \"i-bp1web0002\"]}"},
	  {"messageId": "m-2", "eventSource": "aws:sqs",
	   "body": "{\"kind\": \"launch\", \"instanceIds\": []}"}]}`)
	messages, err := event.Decode(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range messages {
		if m.Err != nil {
			fmt.Println(m.ID, m.Err)
		}
		for _, n := range m.Notices {
			fmt.Println(m.ID, n.Kind, n.InstanceID, n.Launch)
		}
	}
	// Output:
	// m-1 launch i-bp1web0001 event/m-1/launch/i-bp1web0001
	// m-1 launch i-bp1web0002 event/m-1/launch/i-bp1web0002
	// m-2 Records[1].body.instanceIds: lists no instance
}
