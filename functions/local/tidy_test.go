package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slb-registrar/shared/handler"
)

func TestNothingThatATerminalObeysIsPrinted(t *testing.T) {
	for text, want := range map[string]string{
		"i-bp1 in 杭州 — ok":        "i-bp1 in 杭州 — ok",
		"\x1b[2Jgone":             `\x1b[2Jgone`,
		"a\u202eb":                `a\u202eb`,
		"\x9b31m\x00\r\a\u200d\t": "\ufffd31m" + `\x00\r\a\u200d\t`,
		"two\nlines":              "two\nlines",
	} {
		var out bytes.Buffer
		if _, err := (tidy{&out}).Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestATableShowsNoControlCharactersOfOthers(t *testing.T) {
	evil := "\x1b]0;owned\a\x1b[2J\u202e\r\nforged\t"
	reason := &handler.Reason{Code: evil, Message: evil, Path: evil}
	r := handler.Result{
		Messages: []handler.MessageResult{{ID: evil, Source: evil, Status: handler.Rejected, Error: reason}},
		Changes:  []handler.ChangeResult{{VServerGroupID: evil, ServerID: evil, ServerIP: evil, Error: reason}},
		Hooks:    []handler.HookResult{{LifecycleHookID: evil, LifecycleActionToken: evil, Result: evil, Error: reason}},
		Answer:   &handler.Answer{Error: &handler.AnswerError{Type: evil, Message: evil}},
	}
	var out bytes.Buffer
	if err := printResult(&out, formatTable, evil, r); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\a\r\u202e") {
		t.Errorf("control characters got through:\n%q", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(strings.TrimSpace(line), "forged") {
			t.Errorf("a line was forged:\n%s", out.String())
		}
	}
}
