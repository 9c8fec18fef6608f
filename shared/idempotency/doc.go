// Package idempotency makes a launch take effect once.
package idempotency
