package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"slb-registrar/shared/event"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/route"
)

type validateCommand struct {
	FunctionTimeout   time.Duration `default:"15m" help:"Time-out of the function that gets the config; default: the longest that Lambda allows."`
	VisibilityTimeout time.Duration `default:"0s" help:"Visibility time-out of the queue before the function, if there is one."`
	HookTimeout       time.Duration `default:"0s" help:"Time-out of the lifecycle hooks, if known."`
	Files             []string      `arg:"" name:"file" help:"Configs (.yaml, .yml) and events."`
}

// Run checks every file and says what is wrong with each.
func (c *validateCommand) Run(std stdio) error {
	wrong := 0
	for _, name := range c.Files {
		said, err := c.check(name)
		if err != nil {
			wrong++
			fmt.Fprintf(tidy{std.err}, "%v\n", err)
			continue
		}
		fmt.Fprintf(tidy{std.out}, "%s: %s\n", name, said)
	}
	if wrong > 0 {
		return exitStatus(exitUsage)
	}
	return nil
}

func (c *validateCommand) check(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("cannot read the file: %w", err)
	}
	if isConfig(name, data) {
		config, err := route.Parse(name, data)
		if err != nil {
			return "", err
		}
		if err := c.checkTimes(config); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		return fmt.Sprintf("a valid config (routes: %d, groups: %d)", len(config.Routes), len(config.Groups())), nil
	}
	return checkEvent(name, data)
}

// checkTimes refuses a config whose waits do not fit the time-outs around them:
// an invocation that waits longer than it may live never finishes, and a message
// that comes again while the first delivery is at work is worked on twice.
func (c *validateCommand) checkTimes(config *route.Config) error {
	wait, reserve := config.LongestWait(), handler.Reserve(c.FunctionTimeout)
	if wait > 0 && wait+reserve >= c.FunctionTimeout {
		return fmt.Errorf("an invocation may wait %v on purpose (ready.timeout and onTerminate.drain) and keeps a reserve of %v, which does not fit the function's time-out of %v: shorten the waits or lengthen the time-out", wait, reserve, c.FunctionTimeout)
	}
	if c.VisibilityTimeout > 0 && c.VisibilityTimeout < 6*c.FunctionTimeout {
		return fmt.Errorf("the queue's visibility time-out of %v is shorter than six times the function's time-out of %v, which AWS asks for: messages would come again while they are worked on", c.VisibilityTimeout, c.FunctionTimeout)
	}
	if c.HookTimeout > 0 && c.HookTimeout < c.FunctionTimeout {
		return fmt.Errorf("the hooks' time-out of %v is shorter than the function's time-out of %v: hooks would run out while an invocation is at work", c.HookTimeout, c.FunctionTimeout)
	}
	return nil
}

// isConfig goes by the name, and by the content where the name says nothing.
func isConfig(name string, data []byte) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml":
		return true
	case ".json":
		return false
	}
	return bytes.Contains(data, []byte("routes:"))
}

func checkEvent(name string, data []byte) (string, error) {
	messages, err := event.Decode(data)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	instances, ignored := 0, 0
	var wrong []error
	for _, m := range messages {
		if m.Err != nil {
			line, column := locate(data, m.Err)
			wrong = append(wrong, fmt.Errorf("%s:%d:%d: %w", name, line, column, m.Err))
		}
		if m.Ignored != "" {
			ignored++
		}
		instances += len(m.Notices)
	}
	if len(wrong) > 0 {
		return "", errors.Join(wrong...)
	}
	return fmt.Sprintf("a valid event (messages: %d, of which ignored: %d, instances: %d)", len(messages), ignored, instances), nil
}
