// Package event turns the bytes that a trigger delivers into messages.
package event
