package route

import (
	"os"
	"testing"

	"slb-registrar/shared/event"
)

func TestSampleRoutesTheMainEvent(t *testing.T) {
	c, err := Load("../../functions/registrar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../../events/ess-lifecycle-hook/scale-out.json")
	if err != nil {
		t.Fatal(err)
	}
	messages, err := event.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range messages[0].Notices {
		plan, err := c.Plan(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Changes) != 2 || plan.Route.Name != "web" {
			t.Errorf("plan of %s = %+v, want two changes by route web", n.InstanceID, plan)
		}
	}
}
