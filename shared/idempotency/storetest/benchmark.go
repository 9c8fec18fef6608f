package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"slb-registrar/shared/idempotency"
)

// Benchmark claims and settles batches of 20 and of 1,000 records, each time
// of backends that the store has not seen, and reports the median of a claim.
func Benchmark(b *testing.B, store idempotency.Store) {
	for _, size := range []int{20, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			owner := Owner(fmt.Sprint("bench-", time.Now().UnixNano()))
			batch := Claims(size)
			var took []time.Duration
			for n := 0; b.Loop(); n++ {
				for i := range batch {
					batch[i].Subject.Group.ID = fmt.Sprint("rsp-", owner.Token, size, n)
				}
				begin := time.Now()
				verdicts, err := store.Claim(b.Context(), owner, batch)
				if err != nil || verdicts[0].Standing != idempotency.Claimed {
					b.Fatal(verdicts, err)
				}
				took = append(took, time.Since(begin))
				held, err := store.Settle(b.Context(), owner, Settled(batch, true))
				if err != nil || !held[0] {
					b.Fatal(held, err)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "claim-p50-µs")
		})
	}
}
