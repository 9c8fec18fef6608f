package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"slb-registrar/shared/event"
	"slb-registrar/shared/route"
)

type validateCommand struct {
	Files []string `arg:"" name:"file" help:"Configs (.yaml, .yml) and events."`
}

// Run checks every file and says what is wrong with each.
func (c *validateCommand) Run(std stdio) error {
	wrong := 0
	for _, name := range c.Files {
		said, err := check(name)
		if err != nil {
			wrong++
			fmt.Fprintf(std.err, "%v\n", err)
			continue
		}
		fmt.Fprintf(std.out, "%s: %s\n", name, said)
	}
	if wrong > 0 {
		return exitStatus(exitUsage)
	}
	return nil
}

func check(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("cannot read the file: %w", err)
	}
	if isConfig(name, data) {
		config, err := route.Parse(name, data)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("a valid config (routes: %d, groups: %d)", len(config.Routes), len(config.Groups())), nil
	}
	return checkEvent(name, data)
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
	for _, m := range messages {
		if m.Err != nil {
			return "", fmt.Errorf("%s: %w", name, m.Err)
		}
		if m.Ignored != "" {
			ignored++
		}
		instances += len(m.Notices)
	}
	return fmt.Sprintf("a valid event (messages: %d, of which ignored: %d, instances: %d)", len(messages), ignored, instances), nil
}
