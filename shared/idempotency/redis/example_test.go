package redis_test

import (
	"context"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/redis"
	"slb-registrar/shared/idempotency/storetest"
	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

func Example() {
	server, err := miniredis.Run() // in earnest: a server of yours
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	store, err := redis.Open("redis://"+server.Addr()+"?turns=1", redis.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	launch := storetest.Claims(1) // see package memory for how a claim is made
	for _, name := range []string{"first", "second"} {
		verdicts, err := store.Claim(ctx, idempotency.Owner{Token: name, Hold: time.Minute}, launch)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(name, verdicts[0].Standing)
	}

	turn, err := store.Turns().Take(ctx, vsg.LoadBalancer{RegionID: "cn-hangzhou", ID: "lb-bp1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	// … make a call, and then:
	turn.Give(ctx, registrar.Handover{Ended: time.Now(), Settling: 300 * time.Millisecond})
	// Output:
	// first claimed
	// second held
}
