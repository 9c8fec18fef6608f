package main

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func blocking(entered chan<- struct{}, leave <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-leave
	})
}

func TestTheEnvironmentOrAnArgumentDecidesTheRuntime(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want mode
		fail bool
	}{
		"go1":                         {env: map[string]string{"FC_RUNTIME_API": "127.0.0.1:1"}, want: polling},
		"custom":                      {env: map[string]string{"FC_SERVER_PORT": "9000"}, want: serving},
		"custom, said on the command": {args: []string{"serve"}, env: map[string]string{"FC_RUNTIME_API": "127.0.0.1:1"}, want: serving},
		"both set":                    {env: map[string]string{"FC_RUNTIME_API": "127.0.0.1:1", "FC_SERVER_PORT": "9000"}, want: polling},
		"started by hand":             {fail: true},
		"an unknown argument":         {args: []string{"help"}, env: map[string]string{"FC_RUNTIME_API": "127.0.0.1:1"}, fail: true},
	} {
		got, err := modeOf(c.args, func(name string) string { return c.env[name] })
		if (err != nil) != c.fail || err == nil && got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "FC_RUNTIME_API") {
			t.Errorf("%s: %v does not say what is missing", name, err)
		}
	}
}

func TestStoresThatThisFunctionDoesNotKnowAreRefused(t *testing.T) {
	for _, url := range []string{"bolt:records.db", "dynamodb://records", "records"} {
		if _, err := openStore(url, 0); err == nil || !strings.Contains(err.Error(), "redis://") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if s, err := openStore("memory:", 0); err != nil || !s.local {
		t.Errorf("memory: %+v, %v", s, err)
	}
	s, err := openStore("redis://127.0.0.1:1/0?turns=1", 0)
	if err != nil || s.local || s.turns == nil {
		t.Errorf("redis with turns: %+v, %v", s, err)
	}
	if s, err = openStore("redis://127.0.0.1:1/0", 0); err != nil || s.turns != nil {
		t.Errorf("redis without turns: %+v, %v", s, err)
	}
}
