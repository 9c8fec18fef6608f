package clbtest_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/clbtest"
)

// The example of the service's own page for AddVServerGroupBackendServers:
// request parameters as they stand there, and the two answers that it prints.
var pageRequest = values{
	"RegionId":       "cn-hangzhou",
	"VServerGroupId": "rsp-cige6j5e7p",
	"BackendServers": `[{'ServerId':'vm-233','Port':'80','Weight':'100'},{'ServerId':'vm-232','Port':'90','Weight':'100'},{'ServerId':'vm-231','Port':'70','Weight':'100'}]`,
}

const pageJSON = `{
	"AddVServerGroupBackendServers":{
		"BackendServers":{
			"BackendServer":[
				{"ServerId":"vm-233","Port":"80","Weight":"100"},
				{"ServerId":"vm-232","Port":"90","Weight":"100"},
				{"ServerId":"vm-231","Port":"70","Weight":"100"}
			]
		},
		"RequestId":"9DEC9C28-AB05-4DDF-9A78-6B08EC9CE18C",
		"VServerGroupId":"rsp-cige6j5e7p"
	}
}`

const pageXML = `<AddVServerGroupBackendServers>
  <RequestId>9DEC9C28-AB05-4DDF-9A78-6B08EC9CE18C</RequestId>
  <VServerGroupId>rsp-cige6j5e7p</VServerGroupId>
  <BackendServers>
    <BackendServer><ServerId>vm-233</ServerId><Port>80</Port><Weight>100</Weight></BackendServer>
    <BackendServer><ServerId>vm-232</ServerId><Port>90</Port><Weight>100</Weight></BackendServer>
    <BackendServer><ServerId>vm-231</ServerId><Port>70</Port><Weight>100</Weight></BackendServer>
  </BackendServers>
</AddVServerGroupBackendServers>`

// The same answer as the service really sends it.
const flatJSON = `{"RequestId":"9DEC9C28-AB05-4DDF-9A78-6B08EC9CE18C","VServerGroupId":"rsp-cige6j5e7p","BackendServers":{"BackendServer":[
	{"ServerId":"vm-233","Port":80,"Weight":100,"Type":"ecs"},
	{"ServerId":"vm-232","Port":90,"Weight":100,"Type":"ecs"},
	{"ServerId":"vm-231","Port":70,"Weight":100,"Type":"ecs"}]}}`

var flatXML = strings.NewReplacer("</Weight>", "</Weight><Type>ecs</Type>",
	"AddVServerGroupBackendServers>", "AddVServerGroupBackendServersResponse>").Replace(pageXML)

func TestTheRequestOfTheDocumentationGetsItsAnswer(t *testing.T) {
	for _, test := range []struct {
		name, format, want string
		wrapped            bool
	}{
		{"flat JSON, as it is sent", "JSON", flatJSON, false},
		{"flat XML, as it is sent", "XML", flatXML, false},
		{"wrapped JSON, as the page prints it", "JSON", pageJSON, true},
		{"wrapped XML, as the page prints it", "XML", pageXML, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			sim := clbtest.New(clbtest.Options{AutoCreate: true, WrapResponses: test.wrapped})
			v := rpc("AddVServerGroupBackendServers", pageRequest)
			v.Set("Format", test.format)
			status, body := send(t, sim, getRPC(v))
			if status != 200 {
				t.Fatalf("%d: %s", status, body)
			}
			got, want := withRequestID(t, body), withRequestID(t, test.want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// withRequestID decodes JSON or XML into a tree whose request id is a fixed one.
func withRequestID(t *testing.T, body string) any {
	t.Helper()
	if strings.HasPrefix(body, "<") {
		root := &element{}
		if err := xml.Unmarshal([]byte(body), root); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		root.normalize()
		return root
	}
	var tree map[string]any
	if err := json.Unmarshal([]byte(body), &tree); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	inner := tree
	if wrapped, ok := tree["AddVServerGroupBackendServers"].(map[string]any); ok {
		inner = wrapped
	}
	if id, _ := inner["RequestId"].(string); len(id) != 36 {
		t.Errorf("the request id is %q", id)
	}
	inner["RequestId"] = "x"
	return tree
}

type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

func (e *element) normalize() {
	e.Text = strings.TrimSpace(e.Text)
	if e.XMLName.Local == "RequestId" {
		e.Text = "x"
	}
	for i := range e.Children {
		e.Children[i].normalize()
	}
}
