package registrar_test

import (
	"bytes"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// FuzzEngine is the property of the engine for a fuzzer, which finds plans that
// reach new code instead of drawing them blindly.
func FuzzEngine(f *testing.F) {
	for _, n := range []int{0, 64, 512, 4096} {
		f.Add(bytes.Repeat([]byte{7, 0, 0, 0, 200, 1, 90, 3}, n/8))
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		rapid.MakeFuzz(func(rt *rapid.T) {
			p := drawPlan(rt)
			var problems []string
			synctest.Test(t, func(t *testing.T) { problems = p.run(t) })
			for _, problem := range problems {
				rt.Error(problem)
			}
		})(t, choices)
	})
}
