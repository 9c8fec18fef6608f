package functions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"slb-registrar/functions/local/runtimeapi"
	"slb-registrar/shared/clbtest"
)

// amazon answers the two services of AWS that a launch needs, over their own
// protocols.
type amazon struct {
	secret string

	mu    sync.Mutex
	calls []string
}

func (a *amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	call := r.Header.Get("X-Amz-Target")
	form, _ := url.ParseQuery(string(body))
	if call == "" {
		call = strings.Join([]string{form.Get("Action"), form.Get("AutoScalingGroupName"), form.Get("LifecycleHookName"),
			form.Get("LifecycleActionToken"), form.Get("LifecycleActionResult")}, " ")
	}
	a.mu.Lock()
	a.calls = append(a.calls, call)
	a.mu.Unlock()
	switch {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIATEST/"):
		http.Error(w, "unsigned", http.StatusForbidden)
	case call == "secretsmanager.GetSecretValue":
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]string{"Name": "slb-registrar", "SecretString": a.secret})
	case form.Get("Action") == "CompleteLifecycleAction":
		_, _ = fmt.Fprint(w, `<CompleteLifecycleActionResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><CompleteLifecycleActionResult/><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></CompleteLifecycleActionResponse>`)
	default:
		http.Error(w, "unknown", http.StatusBadRequest)
	}
}

func (a *amazon) called() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

func TestLambdaReadsItsSecretAndAnswersTheHook(t *testing.T) {
	simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	a := &amazon{secret: `{"accessKeyId":"testid","accessKeySecret":"` + secretKey + `"}`}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	d, printed := start(t, runtimeapi.Options{Platform: runtimeapi.Lambda}, simulator.URL, "AWS_ENDPOINT_URL="+server.URL,
		"AWS_ACCESS_KEY_ID=AKIATEST", "AWS_SECRET_ACCESS_KEY=aws-secret", "AWS_SESSION_TOKEN=aws-token",
		"REGISTRAR_CREDENTIALS_SECRET=arn:aws:secretsmanager:eu-central-1:1:secret:slb-registrar")
	body, err := os.ReadFile(filepath.Join(root, "events", "ec2-lifecycle-hook", "eventbridge-launch.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := resultOf(t, invokeDone(t, d, runtimeapi.Event{Body: body}))
	if len(r.Hooks) != 1 || r.Hooks[0].Status != "completed" || r.Hooks[0].Result != "CONTINUE" {
		t.Errorf("hooks %+v", r.Hooks)
	}
	want := []string{"secretsmanager.GetSecretValue", "CompleteLifecycleAction demo-web register-web " + r.Hooks[0].LifecycleActionToken + " CONTINUE"}
	if got := a.called(); !slices.Equal(got, want) {
		t.Errorf("AWS was called %q, want %q", got, want)
	}
	stop(t, d)
	for _, secret := range []string{"aws-secret", "aws-token"} {
		if strings.Contains(printed.String(), secret) {
			t.Errorf("the function printed %s", secret)
		}
	}
}

func TestAFunctionWithAWrongSettingEndsAndSaysWhich(t *testing.T) {
	for _, platform := range platforms {
		t.Run(string(platform), func(t *testing.T) {
			name := "fc"
			if platform == runtimeapi.Lambda {
				name = "lambda"
			}
			printed := &output{}
			d, err := runtimeapi.Start(t.Context(), runtimeapi.Options{
				Platform: platform, Binary: build(t, deployed(name)), Stdout: printed, Stderr: printed,
				Env: []string{"REGISTRAR_CONFIG=version: 1\nroutse: []\n", "ALIBABA_CLOUD_ACCESS_KEY_ID=id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=secret"},
			})
			var failure *runtimeapi.FunctionError
			if err == nil { // it asked for work before it had read its settings
				answer := invoke(t, d, runtimeapi.Event{Body: launch("token-1", "i-1")})
				failure = answer.Error
				_ = d.Close() // there is no process to stop in order
			} else if !errors.As(err, &failure) {
				t.Fatal(err)
			}
			if failure == nil || !strings.Contains(failure.Error(), "exit status 1") {
				t.Errorf("got %v", failure)
			}
			if text := printed.String(); !strings.Contains(text, "the function cannot run: REGISTRAR_CONFIG") || !strings.Contains(text, "routse") {
				t.Errorf("printed %q", text)
			}
		})
	}
}
