package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"slb-registrar/functions"
	"slb-registrar/functions/local/runtimeapi"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
)

// drive runs the events through a built function binary, which is given the
// environment that its platform would give it. Its logs go to standard error.
func (c *invokeCommand) drive(ctx context.Context, std stdio, sources []source) error {
	if c.DryRun {
		return fmt.Errorf("--dry-run and --binary do not go together: the binary has no dry run")
	}
	config, where, err := findConfig(c.Config, functions.Sample, c.Endpoint == "")
	if err != nil {
		return err
	}
	text := string(functions.Sample)
	if where != sampleName {
		if text = where; !strings.Contains(where, "\n") {
			if text, err = filepath.Abs(where); err != nil {
				return err
			}
		}
	}
	credentials, err := credentialsFor(c.Endpoint)
	if err != nil {
		return err
	}
	endpoint := c.Endpoint
	if endpoint == "" {
		options, err := builtInOptions(config, sources)
		if err != nil {
			return err
		}
		server, err := clbtest.Listen(ctx, "127.0.0.1:0", options, false)
		if err != nil {
			return err
		}
		defer func() { _ = server.Close() }()
		endpoint = server.Addr()
	}
	env := append(passedOn(), "REGISTRAR_CONFIG="+text, "REGISTRAR_STORE="+c.Store, "REGISTRAR_ENDPOINT="+endpoint,
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+credentials.AccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+credentials.AccessKeySecret)
	if credentials.SecurityToken != "" {
		env = append(env, "ALIBABA_CLOUD_SECURITY_TOKEN="+credentials.SecurityToken)
	}
	platform := runtimeapi.Platform(c.Platform)
	if c.Platform == "auto" {
		platform = ""
	}
	driver, err := runtimeapi.Start(ctx, runtimeapi.Options{
		Platform: platform, Binary: c.Binary, Env: env, Timeout: c.Timeout, Stdout: std.err, Stderr: std.err,
		Credentials: runtimeapi.Credentials(credentials),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Binary, err)
	}
	defer func() { _ = driver.Close() }() //nolint:contextcheck // what is in progress ends, whoever gave up

	out := c.Output.orDefault(std.out)
	var results []handler.Result
	bad := false
	for i, s := range sources {
		if ctx.Err() != nil {
			return interrupted(std, sources[i:])
		}
		answer, err := driver.Invoke(ctx, runtimeapi.Event{Body: s.body})
		if err != nil {
			return failed(std, err)
		}
		result := resultOf(string(driver.Platform()), answer)
		bad = bad || hasFailures(answer.Payload) || answer.Error != nil && len(result.Messages) == 0
		results = append(results, result)
		if err := printResult(std.out, out, s.name, result); err != nil {
			return failed(std, err)
		}
	}
	if status := exitOf(results); status != exitDone {
		return status
	}
	if bad {
		return exitStatus(exitFailed)
	}
	return nil
}

// resultOf makes a Result of what the platform sees. A function that answers
// with its Result gives all of it, any other only its answer.
func resultOf(platform string, a runtimeapi.Answer) handler.Result {
	r := handler.Result{Messages: []handler.MessageResult{}, Changes: []handler.ChangeResult{}, Hooks: []handler.HookResult{}, Calls: map[string]int{}}
	if a.Error == nil {
		// An answer that is no Result leaves it empty, which is what is known.
		_ = json.Unmarshal(a.Payload, &r)
	}
	r.RequestID, r.Platform, r.ColdStart, r.DurationMs = a.RequestID, platform, a.ColdStart, a.Duration.Milliseconds()
	r.Answer = &handler.Answer{}
	if a.Error != nil {
		r.Answer.Error = &handler.AnswerError{Type: a.Error.Type, Message: a.Error.Message}
		// The type of the error says how the messages ended, though not which.
		reason := &handler.Reason{Code: a.Error.Type, Message: a.Error.Message}
		switch a.Error.Type {
		case "RejectedError":
			r.Messages = append(r.Messages, handler.MessageResult{Status: handler.Rejected, Error: reason})
		case "RetryError":
			r.Messages = append(r.Messages, handler.MessageResult{Status: handler.Retry, Error: reason})
		}
	} else if json.Valid(a.Payload) {
		r.Answer.Response = a.Payload
	}
	return r
}

// hasFailures reports whether a partial batch response names a message.
func hasFailures(payload []byte) bool {
	var answer struct {
		BatchItemFailures []json.RawMessage `json:"batchItemFailures"`
	}
	return json.Unmarshal(payload, &answer) == nil && len(answer.BatchItemFailures) > 0
}
