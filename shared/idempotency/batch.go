package idempotency

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"slb-registrar/shared/vsg"
)

// ErrBatch is in every error that says that the caller, not the store, is at fault.
var ErrBatch = errors.New("idempotency: bad batch")

// Name is the subject in one line: region, group, server id, server ip and
// port, each escaped as a URL path segment is, so that different subjects have
// different names. Adapters make their keys of it.
func (s Subject) Name() string {
	return s.GroupName() + "/" + s.BackendName()
}

// GroupName is the first part of Name: what all records of one group share.
func (s Subject) GroupName() string {
	return url.PathEscape(s.Group.RegionID) + "/" + url.PathEscape(s.Group.ID)
}

// BackendName is the rest of Name.
func (s Subject) BackendName() string {
	return url.PathEscape(s.Backend.ServerID) + "/" + url.PathEscape(s.Backend.ServerIP) +
		"/" + strconv.Itoa(s.Backend.Port)
}

// CheckClaims says what no store can answer: an owner without a token or a
// hold, an action other than Add and Remove, a change without a key, or the
// same subject twice.
func CheckClaims(owner Owner, claims []Claim) error {
	if owner.Hold <= 0 {
		return fmt.Errorf("%w: owner holds for %v", ErrBatch, owner.Hold)
	}
	return check(owner, len(claims), func(i int) (Subject, vsg.Action, string) {
		return claims[i].Subject, claims[i].Action, claims[i].Key
	})
}

// CheckSettlements is CheckClaims for settlements.
func CheckSettlements(owner Owner, settlements []Settlement) error {
	return check(owner, len(settlements), func(i int) (Subject, vsg.Action, string) {
		return settlements[i].Subject, settlements[i].Action, settlements[i].Key
	})
}

func check(owner Owner, n int, at func(int) (Subject, vsg.Action, string)) error {
	if owner.Token == "" {
		return fmt.Errorf("%w: owner without a token", ErrBatch)
	}
	seen := make(map[Subject]bool, n)
	for i := range n {
		subject, action, key := at(i)
		switch {
		case action != vsg.Add && action != vsg.Remove:
			return fmt.Errorf("%w: action %q", ErrBatch, action)
		case key == "":
			return fmt.Errorf("%w: no key for %s", ErrBatch, subject.Name())
		case seen[subject]:
			return fmt.Errorf("%w: %s twice", ErrBatch, subject.Name())
		}
		seen[subject] = true
	}
	return nil
}
