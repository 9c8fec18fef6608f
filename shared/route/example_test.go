package route_test

import (
	"fmt"

	"slb-registrar/shared/event"
	"slb-registrar/shared/route"
)

func ExampleConfig_Plan() {
	config, err := route.Load(`
version: 1
routes:
  - name: web
    match: {scalingGroupId: asg-bp1web}
    targets:
      - {regionId: cn-hangzhou, vServerGroupId: rsp-cige6j5e7p, port: 80}
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := config.Plan(event.Notice{Kind: event.Launch, ScalingGroupID: "asg-bp1web", InstanceID: "i-bp1web0001"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range plan.Changes {
		fmt.Println(c.Action, c.Group.ID, c.Backend.ServerID, c.Backend.Port, c.Backend.Weight)
	}
	_, err = config.Plan(event.Notice{Kind: event.Launch, ScalingGroupID: "asg-other", InstanceID: "i-bp1web0002"})
	fmt.Println(err)
	// Output:
	// add rsp-cige6j5e7p i-bp1web0001 80 100
	// no route matches scalingGroupId "asg-other"
}

func ExampleParse() {
	_, err := route.Parse("registrar.yaml", []byte("version: 1\nretension: 360h\nroutes: []\n"))
	fmt.Println(err)
	// Output:
	// registrar.yaml:2:1: has an unknown key "retension": did you mean retention?
}
