package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/rs/zerolog"

	"slb-registrar/shared/clb"
)

// vault is Secrets Manager with one secret.
type vault struct {
	mu    sync.Mutex
	text  string
	fail  error
	reads int
	takes time.Duration
}

func (v *vault) set(text string, fail error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.text, v.fail = text, fail
}

func (v *vault) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reads++
	if v.takes > 0 {
		timer := time.NewTimer(v.takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if aws.ToString(in.SecretId) != "the-secret" {
		return nil, errors.New("no such secret")
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(v.text)}, v.fail
}

func key(id string) string {
	return fmt.Sprintf(`{"accessKeyId":%q,"accessKeySecret":"secret of %s"}`, id, id)
}

func credentialsOf(id string) clb.Credentials {
	return clb.Credentials{AccessKeyID: id, AccessKeySecret: "secret of " + id}
}

func secretIn(v *vault) (*secret, *bytes.Buffer) {
	logs := &bytes.Buffer{}
	return newSecret("the-secret", v, zerolog.New(logs)), logs
}

func TestTheSecretIsReadOnceForManyInvocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{text: key("first"), takes: time.Second}
		s, _ := secretIn(v)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if c, err := s.current(t.Context()); err != nil || c != credentialsOf("first") {
					t.Errorf("got %v, %v", c, err)
				}
			})
		}
		all.Wait()
		if v.reads != 1 {
			t.Errorf("%d reads", v.reads)
		}
	})
}

func TestTheSecretIsReadAgainWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{text: key("first")}
		s, _ := secretIn(v)
		_, _ = s.current(t.Context())
		v.set(key("second"), nil)
		if c, _ := s.current(t.Context()); c != credentialsOf("first") {
			t.Errorf("got %v at once", c)
		}
		pass(secretFresh)
		if c, _ := s.current(t.Context()); c != credentialsOf("second") {
			t.Errorf("got %v after five minutes", c)
		}
	})
}

func TestOldCredentialsAreUsedWhileTheSecretCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{text: key("first")}
		s, logs := secretIn(v)
		_, _ = s.current(t.Context())
		v.set("", errors.New("throttled"))
		pass(secretFresh)
		for range 5 {
			if c, err := s.current(t.Context()); err != nil || c != credentialsOf("first") {
				t.Errorf("got %v, %v", c, err)
			}
		}
		if v.reads != 2 || !strings.Contains(logs.String(), "throttled") {
			t.Errorf("%d reads, logs %s", v.reads, logs)
		}
		v.set(key("second"), nil)
		pass(secretRest)
		if c, _ := s.current(t.Context()); c != credentialsOf("second") {
			t.Errorf("got %v when it could be read again", c)
		}
	})
}

func TestRefusedCredentialsAreRenewedOnlyIfThereAreOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{text: key("first")}
		s, _ := secretIn(v)
		first, _ := s.current(t.Context())
		if _, ok := s.renewed(t.Context(), first); ok || v.reads != 1 {
			t.Errorf("a key that was read just now was read again: %d reads", v.reads)
		}
		pass(secretRest)
		if _, ok := s.renewed(t.Context(), first); ok {
			t.Error("the same key was called another")
		}
		v.set(key("second"), nil)
		pass(secretRest)
		if c, ok := s.renewed(t.Context(), first); !ok || c != credentialsOf("second") {
			t.Errorf("got %v, %v", c, ok)
		}
		reads := v.reads
		if c, ok := s.renewed(t.Context(), first); !ok || c != credentialsOf("second") || v.reads != reads {
			t.Errorf("the next that was refused the old key got %v, %v with %d more reads", c, ok, v.reads-reads)
		}
	})
}

func TestASecretThatIsNoneIsAnErrorThatDoesNotRepeatIt(t *testing.T) {
	for text, want := range map[string]string{
		`hush-hush`:                  "is not the JSON",
		`{"accessKeyId":"x"}`:        "lacks",
		``:                           "is not the JSON",
		`{"accessKeySecret":"hush"}`: "lacks",
	} {
		s, _ := secretIn(&vault{text: text})
		_, err := s.current(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// pass lets time go by in the bubble.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}
