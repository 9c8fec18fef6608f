package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"slb-registrar/functions/internal/artifact"
	"slb-registrar/shared/clb"
	"slb-registrar/shared/clbtest"
	"slb-registrar/shared/handler"
	"slb-registrar/shared/idempotency/memory"
	"slb-registrar/shared/lifecycle/ess"
	"slb-registrar/shared/route"
)

// The part of SAM and CloudFormation that template.yml uses. What may be the
// result of a function is any.
type samTemplate struct {
	AWSTemplateFormatVersion string
	Transform                string
	Description              string
	Parameters               map[string]samParameter
	Conditions               map[string]any
	Resources                map[string]samResource
	Outputs                  map[string]struct{ Value any }
}

type samParameter struct {
	Type, Description, AllowedPattern string
	Default                           any
	AllowedValues                     []string
}

type samResource struct {
	Type, DeletionPolicy, UpdateReplacePolicy string
	Properties                                json.RawMessage
}

type samFunction struct {
	Description, Runtime, Handler string
	CodeURI                       string `json:"CodeUri"`
	Architectures                 []string
	Timeout, MemorySize           int
	Environment                   struct{ Variables map[string]any }
	LoggingConfig                 struct {
		LogFormat, ApplicationLogLevel, SystemLogLevel string
		LogGroup                                       any
	}
	Policies []iamPolicy
	Events   map[string]struct {
		Type       string
		Properties json.RawMessage
	}
}

type samQueueEvent struct {
	Queue                                     any
	BatchSize, MaximumBatchingWindowInSeconds int
	FunctionResponseTypes                     []string
	ScalingConfig                             struct{ MaximumConcurrency int }
}

type iamPolicy struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource any
		Principal        map[string]string
		Condition        map[string]map[string]any
	}
}

type samQueue struct {
	VisibilityTimeout, MessageRetentionPeriod int
	SqsManagedSseEnabled                      bool
	RedrivePolicy                             struct {
		DeadLetterTargetArn any `json:"deadLetterTargetArn"`
		MaxReceiveCount     int `json:"maxReceiveCount"`
	}
}

type samQueuePolicy struct {
	Queues         []any
	PolicyDocument iamPolicy
}

type samRule struct {
	Description  string
	EventPattern struct {
		Source     []string         `json:"source"`
		DetailType []string         `json:"detail-type"`
		Detail     map[string][]any `json:"detail"`
	}
	Targets []struct {
		ID               string `json:"Id"`
		Arn              any
		DeadLetterConfig struct{ Arn any }
		RetryPolicy      struct{ MaximumEventAgeInSeconds, MaximumRetryAttempts int }
	}
}

type samTable struct {
	BillingMode             string
	AttributeDefinitions    []struct{ AttributeName, AttributeType string }
	KeySchema               []struct{ AttributeName, KeyType string }
	TimeToLiveSpecification struct {
		AttributeName string
		Enabled       bool
	}
	SSESpecification struct{ SSEEnabled bool }
}

type samSchedule struct {
	Description, Schedule, Input string
	State                        any
}

type samMetricFilter struct {
	LogGroupName          any
	FilterPattern         string
	MetricTransformations []struct {
		MetricNamespace, MetricValue string
		MetricName                   any
	}
}

type samAlarm struct {
	AlarmDescription, Namespace string
	MetricName                  any
	Dimensions                  []struct {
		Name  string
		Value any
	}
	Statistic                            string
	Period, EvaluationPeriods, Threshold int
	ComparisonOperator, TreatMissingData string
	AlarmActions                         any
}

type samLogGroup struct {
	LogGroupName, RetentionInDays any
}

// sam is template.yml, decoded.
type sam struct {
	raw       []byte
	file      samTemplate
	functions map[string]samFunction
	queues    map[string]samQueue
	tables    map[string]samTable
	rules     map[string]samRule
	alarms    map[string]samAlarm
	metrics   map[string]samMetricFilter
}

func readTemplate(t *testing.T) *sam {
	t.Helper()
	s := &sam{raw: asJSON(t, "template.yml"), functions: map[string]samFunction{}, queues: map[string]samQueue{},
		tables: map[string]samTable{}, rules: map[string]samRule{}, alarms: map[string]samAlarm{}, metrics: map[string]samMetricFilter{}}
	strictly(t, "template.yml", s.raw, &s.file)
	for name, r := range s.file.Resources {
		switch r.Type {
		case "AWS::Serverless::Function":
			s.functions[name] = properties[samFunction](t, name, r)
		case "AWS::SQS::Queue":
			s.queues[name] = properties[samQueue](t, name, r)
		case "AWS::DynamoDB::Table":
			s.tables[name] = properties[samTable](t, name, r)
		case "AWS::Events::Rule":
			s.rules[name] = properties[samRule](t, name, r)
		case "AWS::CloudWatch::Alarm":
			s.alarms[name] = properties[samAlarm](t, name, r)
		case "AWS::Logs::MetricFilter":
			s.metrics[name] = properties[samMetricFilter](t, name, r)
		case "AWS::SQS::QueuePolicy":
			properties[samQueuePolicy](t, name, r)
		case "AWS::Logs::LogGroup":
			properties[samLogGroup](t, name, r)
		default:
			t.Errorf("%s: the type %s is not known here", name, r.Type)
		}
	}
	return s
}

func properties[T any](t *testing.T, name string, r samResource) T {
	t.Helper()
	var v T
	strictly(t, name, r.Properties, &v)
	return v
}

func queueEvent(t *testing.T, f samFunction) samQueueEvent {
	t.Helper()
	for name, e := range f.Events {
		if e.Type == "SQS" {
			var q samQueueEvent
			strictly(t, name, e.Properties, &q)
			return q
		}
	}
	t.Fatal("no queue feeds the function")
	return samQueueEvent{}
}

func TestSAMTemplateFollowsThePublishedSchema(t *testing.T) {
	s := readTemplate(t)
	change := func(s map[string]any) {
		// Go's regular expressions know no look-ahead; the same is said with not.
		other := s["definitions"].(map[string]any)["samtranslator__internal__schema_source__any_cfn_resource__Resource"].(map[string]any)
		other["properties"].(map[string]any)["Type"] = map[string]any{"type": "string", "not": map[string]any{"pattern": "^AWS::Serverless::"}}
	}
	if against, ok := schema(t, "sam.schema.json", "", change); ok {
		validate(t, "template.yml", against, s.raw)
	}
	// Among many alternatives a mistake is reported badly.
	if against, ok := schema(t, "sam.schema.json", "#/definitions/samtranslator__internal__schema_source__aws_serverless_function__Resource", change); ok {
		for name := range s.functions {
			raw, err := json.Marshal(s.file.Resources[name])
			if err != nil {
				t.Fatal(err)
			}
			var value map[string]any
			strictly(t, name, raw, &value)
			maps.DeleteFunc(value, func(_ string, v any) bool { return v == "" })
			if raw, err = json.Marshal(value); err != nil {
				t.Fatal(err)
			}
			validate(t, name, against, raw)
		}
	}
}

func TestLambdaRunsWhatIsPacked(t *testing.T) {
	architectures := map[string]string{"arm64": "arm64", "x86_64": "amd64"}
	for name, f := range readTemplate(t).functions {
		i := slices.IndexFunc(artifact.Functions, func(a artifact.Function) bool { return "dist/"+a.Zip() == f.CodeURI })
		if i < 0 {
			t.Errorf("%s: CodeUri %s is not packed", name, f.CodeURI)
			continue
		}
		packed := artifact.Functions[i]
		if packed.Package != "./functions/lambda" || f.Handler != packed.Binary || f.Runtime != "provided.al2023" {
			t.Errorf("%s: %s runs %s from %s", name, f.Runtime, f.Handler, f.CodeURI)
		}
		if len(f.Architectures) != 1 || architectures[f.Architectures[0]] != packed.Arch {
			t.Errorf("%s: %s is for %s, not %v", name, f.CodeURI, packed.Arch, f.Architectures)
		}
		if got := f.Environment.Variables["REGISTRAR_CONFIG"]; got != "/var/task/registrar.yaml" {
			t.Errorf("%s: REGISTRAR_CONFIG %v, but the config is packed as registrar.yaml and unpacked to /var/task", name, got)
		}
		known := environmentRead(t, "./functions/lambda")
		for variable := range f.Environment.Variables {
			if !known[variable] {
				t.Errorf("%s: the binary never reads %s", name, variable)
			}
		}
		if f.LoggingConfig.LogFormat != "JSON" {
			t.Errorf("%s: logs are %q", name, f.LoggingConfig.LogFormat)
		}
	}
}

func TestLambdaTimeoutsFit(t *testing.T) {
	s := readTemplate(t)
	f := s.functions["RegisterFunction"]
	fits(t, "RegisterFunction", time.Duration(f.Timeout)*time.Second)
	e := queueEvent(t, f)
	queue := s.queues[nameOf(t, e.Queue)]
	// AWS: six times the function's time-out plus the batching window, so that
	// a throttled batch is not handed out twice.
	if least := 6*f.Timeout + e.MaximumBatchingWindowInSeconds; queue.VisibilityTimeout < least {
		t.Errorf("messages are hidden for %d s, want at least %d", queue.VisibilityTimeout, least)
	}
	if queue.RedrivePolicy.MaxReceiveCount < 5 {
		t.Errorf("a message is given up after %d receives", queue.RedrivePolicy.MaxReceiveCount)
	}
	// It has to be tried as often as that before it expires.
	if lives := queue.RedrivePolicy.MaxReceiveCount * queue.VisibilityTimeout; lives > queue.MessageRetentionPeriod {
		t.Errorf("a message expires after %d s, but is tried for %d s", queue.MessageRetentionPeriod, lives)
	}
	dead := s.queues[nameOf(t, queue.RedrivePolicy.DeadLetterTargetArn)]
	if dead.MessageRetentionPeriod <= queue.MessageRetentionPeriod {
		t.Errorf("dead letters expire after %d s, which counts from when they were sent first", dead.MessageRetentionPeriod)
	}
	outlives(t, time.Duration(queue.MessageRetentionPeriod)*time.Second)
}

func TestLambdaAnswersForSingleMessages(t *testing.T) {
	e := queueEvent(t, readTemplate(t).functions["RegisterFunction"])
	if !slices.Equal(e.FunctionResponseTypes, []string{"ReportBatchItemFailures"}) {
		t.Errorf("response types %v: every failure fails its whole batch", e.FunctionResponseTypes)
	}
	if e.ScalingConfig.MaximumConcurrency < 2 || e.ScalingConfig.MaximumConcurrency > 1000 {
		t.Errorf("maximum concurrency %d, SQS allows 2 to 1,000", e.ScalingConfig.MaximumConcurrency)
	}
	if e.BatchSize > 10_000 {
		t.Errorf("batches of %d, SQS allows 10,000", e.BatchSize)
	}
	if e.BatchSize > 10 && e.MaximumBatchingWindowInSeconds < 1 {
		t.Errorf("batches of %d need a window of a second", e.BatchSize)
	}
}

func TestEveryQueueOfDeadLettersIsWatched(t *testing.T) {
	s := readTemplate(t)
	watched := map[string]bool{}
	for _, a := range s.alarms {
		for _, d := range a.Dimensions {
			if metric, ok := a.MetricName.(string); ok {
				watched[metric+" "+nameOf(t, d.Value)] = true
			}
		}
	}
	for name, queue := range s.queues {
		metric := "ApproximateNumberOfMessagesVisible "
		if queue.RedrivePolicy.DeadLetterTargetArn != nil {
			metric = "ApproximateAgeOfOldestMessage "
		}
		if !watched[metric+name] {
			t.Errorf("no alarm for %s%s", metric, name)
		}
	}
	for name := range s.functions {
		for _, metric := range []string{"Errors ", "Throttles "} {
			if !watched[metric+name] {
				t.Errorf("no alarm for %s%s", metric, name)
			}
		}
	}
	for name, rule := range s.rules {
		for _, target := range rule.Targets {
			if target.DeadLetterConfig.Arn == nil {
				t.Errorf("%s drops what it cannot deliver", name)
			}
		}
	}
}

// The alarm on drift reads a line of the log, which the run that the schedule
// asks for has to write in these words.
func TestDriftIsCountedFromTheLineThatARunWrites(t *testing.T) {
	s := readTemplate(t)
	var tick samSchedule
	strictly(t, "Reconcile", s.functions["RegisterFunction"].Events["Reconcile"].Properties, &tick)
	config, err := route.Load("registrar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var logs bytes.Buffer
	log, err := handler.NewLogger(&logs, "info")
	if err != nil {
		t.Fatal(err)
	}
	h, err := handler.New(handler.Options{Config: config, Store: memory.New(memory.Options{}), Log: log, Platform: "lambda"})
	if err != nil {
		t.Fatal(err)
	}
	simulator := clbtest.New(clbtest.Options{AutoCreate: true, State: clbtest.State{
		Instances: []clbtest.Instance{{InstanceID: "i-bp1lost", ScalingGroupID: "asg-bp1web"}},
	}})
	service, err := clb.New(clb.Options{Endpoint: "127.0.0.1", Transport: simulator.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	scaling, err := ess.New(ess.Options{Endpoint: "127.0.0.1", Transport: simulator.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	credentials := clb.Credentials{AccessKeyID: "testid", AccessKeySecret: "testsecret"}
	h.Handle(t.Context(), handler.Invocation{API: service.With(credentials), Scaling: scaling.With(credentials)}, []byte(tick.Input))

	filter := s.metrics["DriftMetric"]
	message := regexp.MustCompile(`\$\.message = "([^"]+)"`).FindStringSubmatch(filter.FilterPattern)
	if message == nil || len(filter.MetricTransformations) != 1 {
		t.Fatalf("the filter is %+v", filter)
	}
	field := strings.TrimPrefix(filter.MetricTransformations[0].MetricValue, "$.")
	for line := range strings.Lines(logs.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		if object["message"] == message[1] {
			if drift, ok := object[field].(float64); !ok || drift == 0 {
				t.Errorf("the field %s of the line is %v, want the drift that there is", field, object[field])
			}
			return
		}
	}
	t.Errorf("no line says %q:\n%s", message[1], logs.String())
}

var substitution = regexp.MustCompile(`\$\{([^}!]+)\}`)

func TestEveryReferenceOfTheTemplateResolves(t *testing.T) {
	s := readTemplate(t)
	known := map[string]bool{}
	for name := range s.file.Resources {
		known[name] = true
	}
	for name := range s.file.Parameters {
		known[name] = true
	}
	for _, name := range []string{"Region", "AccountId", "Partition", "StackName", "NoValue"} {
		known["AWS::"+name] = true
	}
	used := map[string]bool{}
	refer := func(name string) {
		used[name] = true
		if !known[name] {
			t.Errorf("%s is neither a parameter nor a resource", name)
		}
	}
	var walk func(any)
	walk = func(node any) {
		switch n := node.(type) {
		case map[string]any:
			for key, value := range n {
				switch key {
				case "Ref":
					refer(value.(string))
				case "Fn::GetAtt":
					refer(value.([]any)[0].(string))
				case "Fn::Sub":
					for _, m := range substitution.FindAllStringSubmatch(value.(string), -1) {
						refer(strings.SplitN(m[1], ".", 2)[0])
					}
				case "Fn::If":
					condition := value.([]any)[0].(string)
					used[condition] = true
					if _, ok := s.file.Conditions[condition]; !ok {
						t.Errorf("%s is no condition", condition)
					}
				}
				walk(value)
			}
		case []any:
			for _, value := range n {
				walk(value)
			}
		}
	}
	var value any
	if err := json.Unmarshal(s.raw, &value); err != nil {
		t.Fatal(err)
	}
	walk(value)
	for name := range s.file.Parameters {
		if !used[name] {
			t.Errorf("the parameter %s is not used", name)
		}
	}
	for name := range s.file.Conditions {
		if !used[name] {
			t.Errorf("the condition %s is not used", name)
		}
	}
}

// nameOf is the resource that a Ref or GetAtt names.
func nameOf(t *testing.T, reference any) string {
	t.Helper()
	m, ok := reference.(map[string]any)
	if !ok {
		t.Fatalf("%v is no reference", reference)
	}
	if name, ok := m["Ref"].(string); ok {
		return name
	}
	if path, ok := m["Fn::GetAtt"].([]any); ok {
		return fmt.Sprint(path[0])
	}
	t.Fatalf("%v is no reference", reference)
	return ""
}
