package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"slb-registrar/functions/internal/artifact"
	"slb-registrar/functions/local/runtimeapi"
	"slb-registrar/shared/clbtest"
)

// workshop is where binaries are built, each at most once.
var workshop struct {
	dir   string
	mu    sync.Mutex
	built map[string]func() error
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "slb-registrar-binaries")
	if err != nil {
		panic(err)
	}
	workshop.dir, workshop.built = dir, map[string]func() error{}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build returns the path of a binary for this machine.
func build(t testing.TB, f artifact.Function) string {
	t.Helper()
	f.OS, f.Arch = runtime.GOOS, runtime.GOARCH
	path := filepath.Join(workshop.dir, f.Name)
	workshop.mu.Lock()
	once := workshop.built[f.Name]
	if once == nil {
		// Not with the context of the test that happens to be first.
		once = sync.OnceValue(func() error { return f.Build(context.Background(), root, "v0.0.0-test", path) })
		workshop.built[f.Name] = once
	}
	workshop.mu.Unlock()
	if err := once(); err != nil {
		t.Fatal(err)
	}
	return path
}

func deployed(name string) artifact.Function {
	f := artifact.Functions[slices.IndexFunc(artifact.Functions, func(f artifact.Function) bool { return f.Package == "./functions/"+name })]
	f.Name = name
	return f
}

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// secret is the access key's that the simulators accept.
const secretKey = "testsecret"

// start runs a built function over a simulator until the end of the test, and
// checks then that it gave nothing away.
func start(t testing.TB, o runtimeapi.Options, endpoint string, env ...string) (*runtimeapi.Driver, *output) {
	t.Helper()
	if o.Binary == "" {
		name := "fc"
		if o.Platform == runtimeapi.Lambda {
			name = "lambda"
		}
		o.Binary = build(t, deployed(name))
	}
	config, err := filepath.Abs("registrar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o.Env = append([]string{"REGISTRAR_CONFIG=" + config, "REGISTRAR_ENDPOINT=" + endpoint, "LOG_LEVEL=debug"}, env...)
	if o.Platform == runtimeapi.Lambda {
		o.Env = append(o.Env, "ALIBABA_CLOUD_ACCESS_KEY_ID=testid", "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+secretKey)
	} else if o.Credentials == (runtimeapi.Credentials{}) {
		o.Credentials = runtimeapi.Credentials{AccessKeyID: "testid", AccessKeySecret: secretKey}
	}
	printed := &output{}
	o.Stdout, o.Stderr = printed, printed
	d, err := runtimeapi.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		text := printed.String()
		for _, secret := range []string{secretKey, o.Credentials.AccessKeySecret, "Signature=", "X-Amz-Signature"} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("the function printed %q", secret)
			}
		}
		if t.Failed() {
			t.Logf("the function printed:\n%s", text)
		}
	})
	return d, printed
}

func invoke(t testing.TB, d *runtimeapi.Driver, e runtimeapi.Event) runtimeapi.Answer {
	t.Helper()
	answer, err := d.Invoke(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// result is what the tests read of a Result.
type result struct {
	RequestID string
	ColdStart bool
	Messages  []struct{ ID, Source, Status string }
	Changes   []struct{ Action, VServerGroupID, ServerID, Status string }
	Hooks     []struct{ LifecycleActionToken, Result, Status string }
	Calls     map[string]int
}

func resultOf(t testing.TB, a runtimeapi.Answer) result {
	t.Helper()
	if a.Error != nil {
		t.Fatalf("the function failed: %v", a.Error)
	}
	var r result
	if err := json.Unmarshal(a.Payload, &r); err != nil {
		t.Fatalf("%s: %v", a.Payload, err)
	}
	return r
}

func wantFailure(t testing.TB, a runtimeapi.Answer, errorType string) {
	t.Helper()
	if a.Error == nil || a.Error.Type != errorType {
		t.Fatalf("got %s and the error %v, want a %s", a.Payload, a.Error, errorType)
	}
}

// launch is a scale-out of the sample config's route web.
func launch(token string, instances ...string) []byte {
	raw, _ := json.Marshal(map[string]any{"regionId": "cn-hangzhou", "content": map[string]any{ // strings only
		"lifecycleHookId": "ash-1", "lifecycleActionToken": token, "lifecycleTransition": "SCALE_OUT",
		"scalingGroupId": "asg-bp1web", "instanceIds": instances,
	}})
	return raw
}

// members are the ids of the servers in a group, sorted.
func members(s *clbtest.Server, group string) []string {
	ids := []string{}
	for _, lb := range s.State().LoadBalancers {
		for _, g := range lb.VServerGroups {
			if g.VServerGroupID == group {
				for _, b := range g.Backends {
					ids = append(ids, b.ServerID)
				}
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// added is what has been asked to be added, in the order of the calls.
func added(s *clbtest.Server, group string) []string {
	var ids []string
	for _, call := range s.CallsOf("AddVServerGroupBackendServers") {
		if call.VServerGroupID == group && call.HTTPStatus == 200 {
			for _, b := range call.Backends {
				ids = append(ids, b.ServerID)
			}
		}
	}
	return ids
}

// samples are the paths of all sample events.
func samples(t testing.TB) []string {
	t.Helper()
	var paths []string
	for _, pattern := range []string{"*.json", "*.txt"} {
		found, err := filepath.Glob(filepath.Join(root, "events", "*", pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	slices.Sort(paths)
	if len(paths) < 20 {
		t.Fatalf("%d samples", len(paths))
	}
	return paths
}

// commandLine is the result of the command line, run over the same simulator.
func commandLine(t testing.TB, endpoint string, arguments ...string) []byte {
	t.Helper()
	binary := build(t, artifact.Function{Name: "slb-registrar", Package: "./functions/local"})
	command := exec.CommandContext(t.Context(), binary, append([]string{"invoke", "--output", "json", "--endpoint", endpoint}, arguments...)...)
	command.Dir = root
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	var logs bytes.Buffer
	command.Stderr = &logs
	out, err := command.Output()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		t.Fatalf("%v\n%s", err, &logs)
	}
	return out
}
