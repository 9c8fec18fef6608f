package functions_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// unnameable are the actions for which the platform knows no resource. They
// stand in a statement of their own.
var unnameable = []string{"autoscaling:DescribeAutoScalingInstances"}

// statement is one of a RAM or IAM policy, with lists for what may be single.
type statement struct{ actions, resources []string }

func ramPolicy(t *testing.T, file string) []statement {
	t.Helper()
	var policy struct {
		Version   string
		Statement []struct {
			Effect           string
			Action, Resource []string
		}
	}
	strictly(t, file, readFile(t, file), &policy)
	if policy.Version != "1" {
		t.Errorf("%s: version %q, RAM knows only 1", file, policy.Version)
	}
	var statements []statement
	for _, s := range policy.Statement {
		if s.Effect != "Allow" {
			t.Errorf("%s: effect %q", file, s.Effect)
		}
		statements = append(statements, statement{s.Action, s.Resource})
	}
	return statements
}

// allowed are the actions of the statements, sorted. It fails the test for a
// statement that allows more than it names.
func allowed(t *testing.T, what string, statements []statement) []string {
	t.Helper()
	var actions []string
	for _, s := range statements {
		for _, action := range s.actions {
			if strings.Contains(action, "*") || slices.Contains(actions, action) {
				t.Errorf("%s: action %s", what, action)
			}
			actions = append(actions, action)
		}
		if len(s.resources) == 0 {
			t.Errorf("%s: %v on nothing", what, s.actions)
		}
		for _, resource := range s.resources {
			if resource == "*" && !slices.Equal(s.actions, unnameable) {
				t.Errorf("%s: %v on every resource", what, s.actions)
			}
		}
	}
	slices.Sort(actions)
	return actions
}

func without(actions []string, these ...string) []string {
	return slices.DeleteFunc(actions, func(a string) bool { return slices.Contains(these, a) })
}

func TestTheRoleOfTheFunctionMayDoWhatItsCodeDoesAndNoMore(t *testing.T) {
	granted := allowed(t, "fc", ramPolicy(t, "functions/fc/ram-policy.json"))
	// These two the platform does in the role's name: the failure destination,
	// and the logs.
	granted = without(granted, "mns:SendMessage", "log:PostLogStoreLogs")
	if diff := cmp.Diff(ramActions(t, "./functions/fc"), granted); diff != "" {
		t.Errorf("what the code calls (-) and what the policy allows (+):\n%s", diff)
	}
}

func TestTheRAMUserOfLambdaMayDoWhatItsCodeDoesAndNoMore(t *testing.T) {
	granted := allowed(t, "lambda", ramPolicy(t, "functions/lambda/ram-policy.json"))
	if diff := cmp.Diff(ramActions(t, "./functions/lambda"), granted); diff != "" {
		t.Errorf("what the code calls (-) and what the policy allows (+):\n%s", diff)
	}
}

func TestTheRoleOfLambdaMayDoWhatItsCodeDoesAndNoMore(t *testing.T) {
	f := readTemplate(t).functions["RegisterFunction"]
	var statements []statement
	for _, policy := range f.Policies {
		for _, s := range policy.Statement {
			statements = append(statements, statement{texts(s.Action), texts(s.Resource)})
		}
	}
	granted := allowed(t, "template.yml", statements)
	if diff := cmp.Diff(iamActions(t, "./functions/lambda"), granted); diff != "" {
		t.Errorf("what the code calls (-) and what the policy allows (+):\n%s", diff)
	}
}

// texts makes a list of what may be one text, a list, or a function's result.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, item := range v {
			list = append(list, texts(item)...)
		}
		return list
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return []string{fmt.Sprint(value)}
	}
	return []string{string(raw)}
}

func TestEachRoleIsTrustedToOneService(t *testing.T) {
	for file, service := range map[string]string{
		"functions/fc/trust-policy.json":         "fc.aliyuncs.com",
		"functions/fc/trigger-trust-policy.json": "mns.aliyuncs.com",
	} {
		var policy struct {
			Version   string
			Statement []struct {
				Effect, Action string
				Principal      struct{ Service []string }
			}
		}
		strictly(t, file, readFile(t, file), &policy)
		if len(policy.Statement) != 1 || policy.Statement[0].Action != "sts:AssumeRole" || !slices.Equal(policy.Statement[0].Principal.Service, []string{service}) {
			t.Errorf("%s: %+v, want that %s may assume the role", file, policy, service)
		}
	}
	granted := allowed(t, "trigger", ramPolicy(t, "functions/fc/trigger-policy.json"))
	if !slices.Equal(granted, []string{"fc:InvokeFunction"}) {
		t.Errorf("the topic may %v", granted)
	}
}
