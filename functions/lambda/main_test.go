package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
)

const routes = `
version: 1
routes:
  - name: web
    match: {scalingGroupId: demo-web}
    targets: [{regionId: cn-hangzhou, vServerGroupId: rsp-web, port: 80, type: eni}]
    serverId: "eni-{{ .InstanceId }}"
    serverIp: "10.0.0.1"
    complete: {success: leave}
`

// records is a batch of a queue: one that can be done, one that cannot.
const records = `{"Records":[
 {"messageId":"m-1","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:700100200300:q","attributes":{"SentTimestamp":"1793600130250"},
  "body":"{\"LifecycleHookName\":\"h\",\"LifecycleTransition\":\"autoscaling:EC2_INSTANCE_LAUNCHING\",\"AutoScalingGroupName\":\"demo-web\",\"EC2InstanceId\":\"i-0a\",\"LifecycleActionToken\":\"t-1\"}"},
 {"messageId":"m-2","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:700100200300:q","attributes":{"SentTimestamp":"1793600130250"},"body":"{"}]}`

func start(t *testing.T) (*function, *clbtest.Server) {
	t.Helper()
	simulator := clbtest.Start(t, clbtest.Options{AutoCreate: true})
	env := map[string]string{"REGISTRAR_CONFIG": routes, "REGISTRAR_ENDPOINT": simulator.URL,
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "testid", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret"}
	f, err := newFunction(func(name string) string { return env[name] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.service.Close)
	return f, simulator
}

func failures(t *testing.T, raw []byte) []string {
	t.Helper()
	var answer struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	ids := []string{}
	for _, f := range answer.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

func invoke(t *testing.T, f *function) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	raw, err := f.Invoke(ctx, []byte(records))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestOneBadRecordFailsAlone(t *testing.T) {
	f, simulator := start(t)
	if got := failures(t, invoke(t, f)); len(got) != 1 || got[0] != "m-2" {
		t.Errorf("failures %v, want m-2", got)
	}
	if n := len(simulator.CallsOf("AddVServerGroupBackendServers")); n != 1 {
		t.Errorf("%d adds", n)
	}
}

func TestARotatedKeyIsNoticedWithinTheInvocation(t *testing.T) {
	f, simulator := start(t)
	v := &vault{text: key("old")}
	s, _ := secretIn(v)
	f.source = s
	if _, err := s.current(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.read = s.read.Add(-secretRest) // it was read a while ago
	v.set(`{"accessKeyId":"testid","accessKeySecret":"testsecret"}`, nil)
	if got := failures(t, invoke(t, f)); len(got) != 1 || got[0] != "m-2" {
		t.Errorf("failures %v, want m-2", got)
	}
	if v.reads != 2 {
		t.Errorf("the secret was read %d times", v.reads)
	}
	if n := len(simulator.CallsOf("AddVServerGroupBackendServers")); n == 0 {
		t.Error("nothing was added")
	}
}

func TestWithoutCredentialsEverythingComesAgain(t *testing.T) {
	f, _ := start(t)
	s, _ := secretIn(&vault{text: "none"})
	f.source = s
	if got := failures(t, invoke(t, f)); len(got) != 2 {
		t.Errorf("failures %v, want both", got)
	}
}

func TestConcurrentInvocationsShareTheProcess(t *testing.T) {
	f, _ := start(t)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if got := failures(t, invoke(t, f)); len(got) != 1 {
				t.Errorf("failures %v", got)
			}
		})
	}
	all.Wait()
}

func TestTheFunctionDoesNotStartWithoutWhatItNeeds(t *testing.T) {
	whole := map[string]string{"REGISTRAR_CONFIG": routes, "ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
	for want, change := range map[string]map[string]string{
		"REGISTRAR_CONFIG is not set":  {"REGISTRAR_CONFIG": ""},
		"REGISTRAR_CREDENTIALS_SECRET": {"ALIBABA_CLOUD_ACCESS_KEY_ID": ""},
		"AWS_REGION":                   {"REGISTRAR_CREDENTIALS_SECRET": "the-secret"},
		"REGISTRAR_STORE":              {"REGISTRAR_STORE": "bolt:records"},
		"LOG_LEVEL":                    {"LOG_LEVEL": "loud"},
	} {
		_, err := newFunction(func(name string) string {
			if value, ok := change[name]; ok {
				return value
			}
			return whole[name]
		}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want …%s…", change, err, want)
		}
	}
}

func TestTheSecretIsPreferredToTheEnvironment(t *testing.T) {
	env := map[string]string{"REGISTRAR_CREDENTIALS_SECRET": "arn:aws:secretsmanager:eu-central-1:1:secret:x", "AWS_REGION": "eu-central-1",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
	s, err := openSource(func(name string) string { return env[name] }, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.(*secret); !ok {
		t.Errorf("got %T", s)
	}
	delete(env, "REGISTRAR_CREDENTIALS_SECRET")
	if s, err = openSource(func(name string) string { return env[name] }, zerolog.Nop()); err != nil || s != fixed(clb.Credentials{AccessKeyID: "id", AccessKeySecret: "secret"}) {
		t.Errorf("got %v, %v", s, err)
	}
}
