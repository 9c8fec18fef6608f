package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/bolt"
	"slb-registrar/shared/idempotency/storetest"
)

// victimEnv makes the test binary a process that works on the store it names
// until it is killed.
const victimEnv = "BOLT_TEST_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimEnv); path != "" {
		victim(path)
	}
	os.Exit(m.Run())
}

// batch is the n-th batch of a round: 20 backends of a group of its own.
func batch(round, n int) []idempotency.Claim {
	claims := storetest.Claims(20)
	for i := range claims {
		claims[i].Subject.Group.ID = fmt.Sprintf("rsp-%d-%d", round, n)
	}
	return claims
}

// victim says what it has done, a line each, only after it was done.
func victim(spec string) {
	path, round, _ := strings.Cut(spec, "?")
	number, err := strconv.Atoi(round)
	store, owner := bolt.New(path, bolt.Options{}), storetest.Owner("victim")
	for n := 0; err == nil; n++ {
		claims := batch(number, n)
		if _, err = store.Claim(context.Background(), owner, claims); err == nil {
			fmt.Println("claimed", n)
			_, err = store.Settle(context.Background(), owner, storetest.Settled(claims, true))
			fmt.Println("completed", n)
		}
	}
	fmt.Println("failed", err)
	os.Exit(1)
}

func TestKilledAtAnyMomentTheFileHoldsWholeBatchesAndAllThatWasAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records")
	for round := range 12 {
		said := killAfter(t, fmt.Sprintf("%s?%d", path, round), 1+3*round)
		checkBatches(t, bolt.New(path, bolt.Options{}), round, said)
	}
}

// killAfter starts a victim, kills it when it has said so many lines, in the
// middle of whatever it does next, and returns all that it said.
func killAfter(t *testing.T, spec string, lines int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+spec)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		if strings.HasPrefix(scanner.Text(), "failed") {
			t.Error(scanner.Text())
		}
		said = append(said, scanner.Text())
		if len(said) == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	return said
}

func checkBatches(t *testing.T, store *bolt.Store, round int, said []string) {
	t.Helper()
	answered := map[string]bool{}
	for _, line := range said {
		answered[line] = true
	}
	for n := range len(said)/2 + 2 {
		verdicts, err := store.Claim(t.Context(), storetest.Owner("after"), batch(round, n))
		if err != nil {
			t.Fatal(err)
		}
		standing := verdicts[0].Standing
		for i, v := range verdicts {
			if v.Standing != standing {
				t.Errorf("round %d, batch %d is torn: %s and, at %d, %s", round, n, standing, i, v.Standing)
			}
		}
		if answered[fmt.Sprint("completed ", n)] && standing != idempotency.Duplicate {
			t.Errorf("round %d, batch %d was completed and is %s", round, n, standing)
		}
		if answered[fmt.Sprint("claimed ", n)] && standing == idempotency.Claimed {
			t.Errorf("round %d, batch %d was claimed and is free", round, n)
		}
	}
}
