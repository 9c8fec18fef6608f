package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"slb-registrar": main, instanceCommand: serveInvocations})
}

// TestCommandLine runs the scripts, which see the sample events as $EVENTS and
// the sample config as $SAMPLE.
func TestCommandLine(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("EVENTS", filepath.Join(root, "events"))
			e.Setenv("SAMPLE", filepath.Join(root, "functions", "registrar.yaml"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"simulator": startSimulator,
			"launch":    writeLaunch,
			"result":    checkResult,
			"adds":      checkAdds,
			"status":    checkStatus,
			"members":   checkMembers,
		},
		RequireExplicitExec: true,
	})
}

// TestEverySampleGoesTheWholeWay runs each sample by itself: it is done or, as
// the table in events/README.md says, ignored, and nothing is left over.
func TestEverySampleGoesTheWholeWay(t *testing.T) {
	t.Setenv("REGISTRAR_CONFIG", "../registrar.yaml")
	err := filepath.WalkDir("../../events", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "README.md" {
			return err
		}
		folder := filepath.Base(filepath.Dir(path))
		t.Run(folder+"/"+d.Name(), func(t *testing.T) {
			var out, logs bytes.Buffer
			if status := run(t.Context(), []string{"invoke", "--output", "json", path}, stdio{strings.NewReader(""), &out, &logs}); status != exitDone {
				t.Fatalf("exit status %d\n%s", status, out.String())
			}
			var r handler.Result
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if len(r.Messages) == 0 {
				t.Error("no message")
			}
			for _, m := range r.Messages {
				if m.Source != folder {
					t.Errorf("the source is %q", m.Source)
				}
				if m.Status != handler.Done && m.Status != handler.Ignored {
					t.Errorf("a message is %s: %+v", m.Status, m.Error)
				}
			}
			if r.Answer == nil || r.Answer.Error != nil || r.Answer.Response == nil {
				t.Errorf("the platform would get %+v", r.Answer)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkStatus runs the command and compares its exit status: STATUS ARGS…
func checkStatus(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("slb-registrar", args[1:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// startSimulator serves a simulator until the script ends: its address is in
// $SIM. Its arguments are key=value: secret, faults, seed.
func startSimulator(ts *testscript.TestScript, _ bool, args []string) {
	o := clbtest.Options{AutoCreate: true, MaxBackends: 2000}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "secret":
			o.AccessKeys = map[string]string{"testid": value}
		case "faults":
			faults, err := clbtest.ParseFaults([]byte(ts.ReadFile(value)))
			ts.Check(err)
			o.Faults = faults
		case "seed":
			state, err := clbtest.ParseState([]byte(ts.ReadFile(value)))
			ts.Check(err)
			o.State = state
		default:
			ts.Fatalf("simulator: %q?", key)
		}
	}
	server, err := clbtest.Listen(context.Background(), "127.0.0.1:0", o, false)
	ts.Check(err)
	ts.Defer(func() { _ = server.Close() })
	ts.Setenv("SIM", server.Addr())
}

// writeLaunch writes the notification of a launch: FILE TOKEN GROUP COUNT.
func writeLaunch(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: launch FILE TOKEN SCALINGGROUP COUNT")
	}
	n := 0
	_, err := fmt.Sscan(args[3], &n)
	ts.Check(err)
	ids := []string{}
	for i := range n {
		ids = append(ids, fmt.Sprintf("i-%05d", i))
	}
	body, err := json.Marshal(map[string]any{"regionId": "cn-hangzhou", "content": map[string]any{
		"lifecycleHookId": "ash-1", "lifecycleActionToken": args[1], "lifecycleTransition": "SCALE_OUT",
		"scalingGroupId": args[2], "instanceIds": ids,
	}})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), body, 0o600))
}

// checkResult compares counts over all Results on standard output: key=value
// with change.STATUS, message.STATUS, hook.STATUS, call.ACTION and drift.KIND.
func checkResult(ts *testscript.TestScript, _ bool, args []string) {
	got := map[string]int{}
	scanner := bufio.NewScanner(strings.NewReader(ts.ReadFile("stdout")))
	scanner.Buffer(nil, 1<<24)
	for scanner.Scan() {
		var r handler.Result
		if err := json.Unmarshal(scanner.Bytes(), &r); err != nil {
			ts.Fatalf("a line of standard output is no Result: %q", scanner.Text())
		}
		for _, c := range r.Changes {
			got["change."+string(c.Status)]++
		}
		for _, m := range r.Messages {
			got["message."+string(m.Status)]++
		}
		for _, h := range r.Hooks {
			got["hook."+string(h.Status)]++
		}
		for action, n := range r.Calls {
			got["call."+action] += n
		}
		for _, d := range r.Drift {
			got["drift."+string(d.Kind)]++
		}
	}
	for _, arg := range args {
		key, want, _ := strings.Cut(arg, "=")
		if fmt.Sprint(got[key]) != want {
			ts.Fatalf("%s is %d, want %s; all: %v", key, got[key], want, got)
		}
	}
}

// checkMembers compares the members of a group of $SIM: GROUP SERVER:PORT=WEIGHT…
func checkMembers(ts *testscript.TestScript, _ bool, args []string) {
	response, err := http.Get("http://" + ts.Getenv("SIM") + "/_sim/state") //nolint:noctx // a test's own server
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	var state clbtest.State
	ts.Check(json.NewDecoder(response.Body).Decode(&state))
	got := []string{}
	for _, lb := range state.LoadBalancers {
		for _, g := range lb.VServerGroups {
			for _, b := range g.Backends {
				if g.VServerGroupID == args[0] {
					got = append(got, fmt.Sprintf("%s:%d=%d", b.ServerID, b.Port, b.Weight))
				}
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, args[1:]) {
		ts.Fatalf("members of %s: %v, want %v", args[0], got, args[1:])
	}
}

// checkAdds compares the sizes of the adds that $SIM has seen succeed, sorted.
func checkAdds(ts *testscript.TestScript, _ bool, args []string) {
	response, err := http.Get("http://" + ts.Getenv("SIM") + "/_sim/calls") //nolint:noctx // a test's own server
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Calls []clbtest.Call }
	ts.Check(json.NewDecoder(response.Body).Decode(&answer))
	sizes := []int{}
	for _, c := range answer.Calls {
		if c.Action == "AddVServerGroupBackendServers" && c.Code == "" {
			sizes = append(sizes, len(c.Backends))
		}
	}
	slices.Sort(sizes)
	if got, want := strings.Trim(fmt.Sprint(sizes), "[]"), strings.Join(args, " "); got != want {
		ts.Fatalf("sizes of the adds: %s, want %s", got, want)
	}
}
