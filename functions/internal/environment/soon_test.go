package environment

import (
	"errors"
	"testing"
	"testing/synctest"
)

func TestWhoAsksTooEarlyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := Begin(func() (int, error) { <-release; return 42, nil }, func(err error) { t.Error(err) })
		got := make(chan int, 2)
		for range cap(got) {
			go func() { got <- s.Get() }()
		}
		synctest.Wait()
		if len(got) != 0 {
			t.Fatal("nobody waited")
		}
		close(release)
		if a, b := <-got, <-got; a != 42 || b != 42 {
			t.Errorf("got %d and %d", a, b)
		}
	})
}

func TestAFailureIsReportedAtOnce(t *testing.T) {
	failed := make(chan error, 1)
	Begin(func() (int, error) { return 0, errors.New("no config") }, func(err error) { failed <- err })
	if err := <-failed; err.Error() != "no config" {
		t.Errorf("got %v", err)
	}
}
