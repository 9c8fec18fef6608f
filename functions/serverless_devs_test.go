package functions_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"slb-registrar/functions/internal/artifact"
	"slb-registrar/shared/event"
)

// The part of Serverless Devs 3 and its fc3 component that s.yaml uses.
type serverlessDevs struct {
	Edition   string                `json:"edition"`
	Name      string                `json:"name"`
	Access    string                `json:"access"`
	Vars      map[string]string     `json:"vars"`
	Resources map[string]fcResource `json:"resources"`
}

type fcResource struct {
	Component string          `json:"component"`
	Props     json.RawMessage `json:"props"`
}

type fcFunction struct {
	Region                  string            `json:"region"`
	FunctionName            string            `json:"functionName"`
	Description             string            `json:"description"`
	Runtime                 string            `json:"runtime"`
	Handler                 string            `json:"handler"`
	Code                    string            `json:"code"`
	Role                    string            `json:"role"`
	Timeout                 int               `json:"timeout"`
	MemorySize              int               `json:"memorySize"`
	CPU                     float64           `json:"cpu"`
	DiskSize                int               `json:"diskSize"`
	InstanceConcurrency     int               `json:"instanceConcurrency"`
	EnvironmentVariables    map[string]string `json:"environmentVariables"`
	InternetAccess          bool              `json:"internetAccess"`
	InstanceLifecycleConfig struct {
		Initializer fcHook `json:"initializer"`
		PreStop     fcHook `json:"preStop"`
	} `json:"instanceLifecycleConfig"`
	ConcurrencyConfig struct {
		ReservedConcurrency int `json:"reservedConcurrency"`
	} `json:"concurrencyConfig"`
	CustomRuntimeConfig struct {
		Command []string `json:"command"`
		Args    []string `json:"args"`
		Port    int      `json:"port"`
	} `json:"customRuntimeConfig"`
	VpcConfig struct {
		VpcID           string   `json:"vpcId"`
		VSwitchIDs      []string `json:"vSwitchIds"`
		SecurityGroupID string   `json:"securityGroupId"`
	} `json:"vpcConfig"`
	LogConfig struct {
		Project               string `json:"project"`
		Logstore              string `json:"logstore"`
		EnableRequestMetrics  bool   `json:"enableRequestMetrics"`
		EnableInstanceMetrics bool   `json:"enableInstanceMetrics"`
		LogBeginRule          string `json:"logBeginRule"`
	} `json:"logConfig"`
	AsyncInvokeConfig struct {
		MaxAsyncRetryAttempts     int `json:"maxAsyncRetryAttempts"`
		MaxAsyncEventAgeInSeconds int `json:"maxAsyncEventAgeInSeconds"`
		DestinationConfig         struct {
			OnFailure struct {
				Destination string `json:"destination"`
			} `json:"onFailure"`
		} `json:"destinationConfig"`
	} `json:"asyncInvokeConfig"`
	Triggers []fcTrigger `json:"triggers"`
}

type fcHook struct {
	Handler string `json:"handler"`
	Timeout int    `json:"timeout"`
}

type fcTrigger struct {
	TriggerName    string          `json:"triggerName"`
	TriggerType    string          `json:"triggerType"`
	SourceArn      string          `json:"sourceArn"`
	InvocationRole string          `json:"invocationRole"`
	TriggerConfig  json.RawMessage `json:"triggerConfig"`
}

type topicTrigger struct {
	NotifyContentFormat string `json:"notifyContentFormat"`
	NotifyStrategy      string `json:"notifyStrategy"`
}

type timerTrigger struct {
	CronExpression string `json:"cronExpression"`
	Enable         bool   `json:"enable"`
	Payload        string `json:"payload"`
}

type eventBridgeTrigger struct {
	TriggerEnable          bool   `json:"triggerEnable"`
	AsyncInvocationType    bool   `json:"asyncInvocationType"`
	EventRuleFilterPattern string `json:"eventRuleFilterPattern"`
	EventSourceConfig      struct {
		EventSourceType       string `json:"eventSourceType"`
		EventSourceParameters struct {
			SourceMNSParameters *struct {
				RegionID       string `json:"RegionId"`
				QueueName      string `json:"QueueName"`
				IsBase64Decode bool   `json:"IsBase64Decode"`
			} `json:"sourceMNSParameters"`
		} `json:"eventSourceParameters"`
	} `json:"eventSourceConfig"`
	EventSinkConfig struct {
		DeliveryOption struct {
			EventSchema string `json:"eventSchema"`
		} `json:"deliveryOption"`
	} `json:"eventSinkConfig"`
	RunOptions struct {
		Mode            string `json:"mode"`
		ErrorsTolerance string `json:"errorsTolerance"`
		RetryStrategy   struct {
			PushRetryStrategy string
		} `json:"retryStrategy"`
		DeadLetterQueue struct {
			Arn string
		} `json:"deadLetterQueue"`
		BatchWindow struct {
			CountBasedWindow, TimeBasedWindow int
		} `json:"batchWindow"`
	} `json:"runOptions"`
}

// fcFunctions reads s.yaml, and fails the test at the first key that is unknown.
func fcFunctions(t *testing.T) map[string]fcFunction {
	t.Helper()
	var file serverlessDevs
	strictly(t, "s.yaml", asJSON(t, "s.yaml"), &file)
	functions := map[string]fcFunction{}
	for name, r := range file.Resources {
		if r.Component != "fc3" {
			t.Errorf("%s: component %q", name, r.Component)
		}
		var f fcFunction
		strictly(t, name, r.Props, &f)
		functions[name] = f
	}
	return functions
}

func TestServerlessDevsFileFollowsThePublishedSchema(t *testing.T) {
	against, ok := schema(t, "fc3.schema.json", "", func(s map[string]any) {
		// The schema says which keys it knows, but not that there are no others,
		// and lets the settings of a trigger be those of any other.
		closeObjects(s)
		trigger := s["definitions"].(map[string]any)["ITrigger"].(map[string]any)
		var choices []any
		for kind, definition := range map[string]string{"mns_topic": "IMnsTriggerConfig", "timer": "ITimerTriggerConfig", "eventbridge": "IEventBridge"} {
			choices = append(choices, map[string]any{"properties": map[string]any{
				"triggerType":   map[string]any{"const": kind},
				"triggerConfig": map[string]any{"$ref": "#/definitions/" + definition},
			}})
		}
		delete(trigger["properties"].(map[string]any), "triggerConfig")
		trigger["properties"].(map[string]any)["triggerConfig"] = true
		trigger["anyOf"] = choices
	})
	if !ok {
		return
	}
	var file serverlessDevs
	strictly(t, "s.yaml", asJSON(t, "s.yaml"), &file)
	for name, r := range file.Resources {
		props := strings.ReplaceAll(string(r.Props), "${vars.region}", file.Vars["region"])
		validate(t, name, against, []byte(props))
	}
}

// closeObjects adds that an object has no keys but those named, wherever the
// schema names some and says nothing about others.
func closeObjects(node any) {
	switch n := node.(type) {
	case map[string]any:
		properties, named := n["properties"].(map[string]any)
		_, said := n["additionalProperties"]
		if _, choice := n["if"]; named && !said && len(properties) > 0 && (n["type"] == "object" || choice) {
			n["additionalProperties"] = false
		}
		for key, child := range n {
			if key != "if" && key != "then" && key != "else" {
				closeObjects(child)
			}
		}
	case []any:
		for _, child := range n {
			closeObjects(child)
		}
	}
}

func TestFunctionComputeRunsWhatIsPacked(t *testing.T) {
	packed := artifact.Functions[slices.IndexFunc(artifact.Functions, func(f artifact.Function) bool { return f.Package == "./functions/fc" })]
	for name, f := range fcFunctions(t) {
		if want := "./dist/" + packed.Zip(); f.Code != want {
			t.Errorf("%s: code %s, but what is packed is %s", name, f.Code, want)
		}
		switch f.Runtime {
		case "go1":
			if f.Handler != packed.Binary {
				t.Errorf("%s: handler %q, but the binary is %q", name, f.Handler, packed.Binary)
			}
			if f.InstanceConcurrency > 1 {
				t.Errorf("%s: go1 takes one event at a time, not %d", name, f.InstanceConcurrency)
			}
		case "custom.debian12":
			if !slices.Equal(f.CustomRuntimeConfig.Command, []string{"/code/" + packed.Binary}) || !slices.Equal(f.CustomRuntimeConfig.Args, []string{"serve"}) {
				t.Errorf("%s: command %v %v", name, f.CustomRuntimeConfig.Command, f.CustomRuntimeConfig.Args)
			}
			if f.CustomRuntimeConfig.Port != 9000 || f.InstanceConcurrency < 2 {
				t.Errorf("%s: port %d, concurrency %d", name, f.CustomRuntimeConfig.Port, f.InstanceConcurrency)
			}
		default:
			t.Errorf("%s: runtime %q", name, f.Runtime)
		}
		if got := f.EnvironmentVariables["REGISTRAR_CONFIG"]; got != "/code/registrar.yaml" {
			t.Errorf("%s: REGISTRAR_CONFIG %q, but the config is packed as registrar.yaml and unpacked to /code", name, got)
		}
		known := environmentRead(t, "./functions/fc")
		for variable := range f.EnvironmentVariables {
			if !known[variable] {
				t.Errorf("%s: the binary never reads %s", name, variable)
			}
		}
		if f.InstanceLifecycleConfig.Initializer.Timeout < 1 || f.InstanceLifecycleConfig.PreStop.Timeout < 1 {
			t.Errorf("%s: initializer and pre-stop are registered by the binary, but not configured", name)
		}
	}
}

func TestFunctionComputeFunctionsDifferOnlyWhereTheyMust(t *testing.T) {
	functions := fcFunctions(t)
	register, custom := functions["register"], functions["register-custom"]
	custom.FunctionName, custom.Runtime = register.FunctionName, register.Runtime
	custom.CustomRuntimeConfig, custom.InstanceConcurrency = register.CustomRuntimeConfig, register.InstanceConcurrency
	custom.ConcurrencyConfig, custom.Triggers = register.ConcurrencyConfig, register.Triggers
	if !reflect.DeepEqual(register, custom) {
		t.Errorf("register-custom differs in more than its runtime:\n%+v\n%+v", register, custom)
	}
	if n := functions["register-custom"].ConcurrencyConfig.ReservedConcurrency; n != 1 {
		t.Errorf("register-custom: one writer wants one instance, not %d", n)
	}
}

func TestFunctionComputeTimeoutsFitTheConfig(t *testing.T) {
	functions := fcFunctions(t)
	for _, name := range []string{"register", "register-custom"} {
		fits(t, name, time.Duration(functions[name].Timeout)*time.Second)
	}
}

func TestNoTriggerDropsAnEvent(t *testing.T) {
	sources := map[string]bool{}
	for name, f := range fcFunctions(t) {
		if f.AsyncInvokeConfig.DestinationConfig.OnFailure.Destination == "" || f.AsyncInvokeConfig.MaxAsyncRetryAttempts < 3 {
			t.Errorf("%s: asynchronous events are dropped after their last attempt: %+v", name, f.AsyncInvokeConfig)
		}
		for _, trigger := range f.Triggers {
			what := name + "/" + trigger.TriggerName
			switch trigger.TriggerType {
			case "mns_topic":
				var c topicTrigger
				strictly(t, what, trigger.TriggerConfig, &c)
				if c.NotifyStrategy != "EXPONENTIAL_DECAY_RETRY" {
					t.Errorf("%s gives up after three attempts", what)
				}
				if trigger.InvocationRole == "" || trigger.SourceArn == "" {
					t.Errorf("%s has no role or no source", what)
				}
				sources["topic"] = true
			case "timer":
				var c timerTrigger
				strictly(t, what, trigger.TriggerConfig, &c)
				asksForReconcile(t, what, trigger.TriggerName, c.Payload)
				sources["timer"] = true
			case "eventbridge":
				var c eventBridgeTrigger
				strictly(t, what, trigger.TriggerConfig, &c)
				sources[checkEventBridge(t, what, f, c)] = true
			default:
				t.Errorf("%s: type %q", what, trigger.TriggerType)
			}
		}
	}
	want := map[string]bool{"topic": true, "timer": true, "queue": true, "acs.ess": true, "acs.ecs": true}
	if !maps.Equal(sources, want) {
		t.Errorf("triggers for %v, want %v", sources, want)
	}
}

func asksForReconcile(t *testing.T, what, trigger, payload string) {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"triggerTime": "2026-11-02T06:30:00Z", "triggerName": trigger, "payload": payload})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := event.Decode(raw)
	if err != nil || len(messages) != 1 || messages[0].Reconcile == nil || messages[0].Err != nil {
		t.Errorf("%s: the payload %s does not ask for a reconcile run: %+v, %v", what, payload, messages, err)
	}
}

// checkEventBridge returns the source of the events.
func checkEventBridge(t *testing.T, what string, f fcFunction, c eventBridgeTrigger) string {
	t.Helper()
	var pattern struct {
		Source []string `json:"source"`
		Type   []string `json:"type"`
	}
	strictly(t, what, []byte(c.EventRuleFilterPattern), &pattern)
	if !c.TriggerEnable {
		t.Errorf("%s is switched off", what)
	}
	if c.EventSourceConfig.EventSourceType == "MNS" {
		o := c.RunOptions
		if c.AsyncInvocationType || o.Mode != "event-streaming" || o.ErrorsTolerance != "ALL" || o.DeadLetterQueue.Arn == "" ||
			o.RetryStrategy.PushRetryStrategy != "EXPONENTIAL_DECAY_RETRY" {
			t.Errorf("%s: a batch that fails blocks the queue, or is dropped: %+v", what, o)
		}
		if o.BatchWindow.CountBasedWindow < 2 || o.BatchWindow.TimeBasedWindow < 1 || o.BatchWindow.TimeBasedWindow > 15 {
			t.Errorf("%s: window %+v", what, o.BatchWindow)
		}
		// A stream waits five minutes for an answer, whatever the function is allowed.
		if f.Timeout > 300 {
			t.Errorf("%s: a time-out of %d s is longer than the stream waits", what, f.Timeout)
		}
		return "queue"
	}
	if !c.AsyncInvocationType {
		t.Errorf("%s: only asynchronous events are kept after their last attempt", what)
	}
	if len(pattern.Source) != 1 || len(pattern.Type) == 0 {
		t.Errorf("%s: pattern %+v", what, pattern)
		return ""
	}
	for _, kind := range pattern.Type {
		if !strings.HasPrefix("acs."+kind, pattern.Source[0]+":") {
			t.Errorf("%s: events of %s have no type %s", what, pattern.Source[0], kind)
		}
	}
	return pattern.Source[0]
}
