package idempotency_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/vsg"
)

func launch() vsg.Change {
	return vsg.Change{
		Action:  vsg.Add,
		Group:   vsg.Group{RegionID: "cn-hangzhou", ID: "rsp-cige6j5e7p"},
		Backend: vsg.Backend{ServerID: "i-bp1a", Port: 80, Weight: 100, Type: vsg.ECS},
		Launch:  "token-1/i-bp1a",
	}
}

func ExampleKeyOf() {
	fmt.Println(idempotency.KeyOf(launch()))
	// Output: 633bf8d5881e5b6c3fc3d6bbae358d598e03bc2e9be265389c2f0cb87df3a7b4
}

func TestKeyIsTheDigestOfTheDocumentedForm(t *testing.T) {
	form := "22:slb-registrar/change/1,3:add,11:cn-hangzhou,14:rsp-cige6j5e7p,6:i-bp1a,0:,2:80,14:token-1/i-bp1a,"
	sum := sha256.Sum256([]byte(form))
	if got, want := idempotency.KeyOf(launch()), hex.EncodeToString(sum[:]); got != want {
		t.Errorf("KeyOf = %s, want %s", got, want)
	}
}

func TestKeyIgnoresWhatMayDifferBetweenDeliveries(t *testing.T) {
	c := launch()
	c.Backend.Weight, c.Backend.Type, c.Backend.Description = 0, vsg.ENI, "other"
	c.At, c.LoadBalancerID = time.Unix(1, 0), "lb-1"
	if idempotency.KeyOf(c) != idempotency.KeyOf(launch()) {
		t.Error("the key changed with weight, type, description, time or load balancer")
	}
}

// Fields that run into each other would give two changes one key.
func TestKeysDifferWhereverFieldsDiffer(t *testing.T) {
	piece := rapid.StringMatching(`[a,:0-9]{0,4}`)
	change := rapid.Custom(func(t *rapid.T) vsg.Change {
		return vsg.Change{
			Action:  rapid.SampledFrom([]vsg.Action{vsg.Add, vsg.Remove}).Draw(t, "action"),
			Group:   vsg.Group{RegionID: piece.Draw(t, "region"), ID: piece.Draw(t, "group")},
			Backend: vsg.Backend{ServerID: piece.Draw(t, "server"), ServerIP: piece.Draw(t, "ip"), Port: rapid.IntRange(1, 99).Draw(t, "port")},
			Launch:  piece.Draw(t, "launch"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := change.Draw(t, "a"), change.Draw(t, "b")
		if (a == b) != (idempotency.KeyOf(a) == idempotency.KeyOf(b)) {
			t.Fatalf("%+v and %+v: same key does not mean same change", a, b)
		}
		name := func(c vsg.Change) string {
			return idempotency.Subject{Group: c.Group, Backend: c.Backend.Identity()}.Name()
		}
		same := a.Group == b.Group && a.Backend == b.Backend
		if same != (name(a) == name(b)) {
			t.Fatalf("%+v and %+v: same name does not mean same subject", a, b)
		}
	})
}

func TestContentTellsWeightAndType(t *testing.T) {
	plain, heavier, other, unset := launch(), launch(), launch(), launch()
	heavier.Backend.Weight = 50
	other.Backend.Type = vsg.ENI
	unset.Backend.Type = ""
	content := idempotency.ContentOf(plain)
	if content == idempotency.ContentOf(heavier) || content == idempotency.ContentOf(other) {
		t.Error("another weight or type has the same content")
	}
	if content != idempotency.ContentOf(unset) {
		t.Error("no type is not taken for ecs")
	}
	if len(content) != 16 {
		t.Errorf("content is %d characters long", len(content))
	}
}

func TestCompletionTokenFitsAndDependsOnTheResult(t *testing.T) {
	a := idempotency.CompletionToken("ash-1", "token", "CONTINUE")
	if len(a) != 64 {
		t.Errorf("%d characters; the service takes 64", len(a))
	}
	if a == idempotency.CompletionToken("ash-1", "token", "ABANDON") || a != idempotency.CompletionToken("ash-1", "token", "CONTINUE") {
		t.Error("the token does not go with hook, token and result")
	}
}
