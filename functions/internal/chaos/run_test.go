package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestAShortRunHolds is there so that the program itself keeps working; what it
// is for takes longer runs and several seeds.
func TestAShortRunHolds(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), options{For: 4 * time.Second, Seed: 5, Rate: 15, Kills: 0.7, Drain: 3 * time.Minute, Out: &out})
	t.Logf("%s", out.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| kept |", "without a secret", "registered "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}
