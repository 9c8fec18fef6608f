package main

import (
	"context"
	"errors"
)

// drive runs the events through a built function binary.
func (c *invokeCommand) drive(context.Context, stdio, []source) error {
	return errors.New("--binary is not there yet")
}
