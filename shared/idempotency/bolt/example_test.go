package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/bolt"
	"slb-registrar/shared/idempotency/storetest"
)

func Example() {
	directory, err := os.MkdirTemp("", "records")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(directory) }()
	path := filepath.Join(directory, "records.bolt")

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	launch := storetest.Claims(1) // see package memory for how a claim is made
	for _, name := range []string{"first", "second"} {
		store := bolt.New(path, bolt.Options{}) // as another process does
		owner := idempotency.Owner{Token: name, Hold: time.Minute}
		verdicts, err := store.Claim(ctx, owner, launch)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(name, verdicts[0].Standing)
		_, _ = store.Settle(ctx, owner, storetest.Settled(launch, true))
	}
	// Output:
	// first claimed
	// second duplicate
}
