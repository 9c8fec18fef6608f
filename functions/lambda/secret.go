package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/rs/zerolog"

	"slb-registrar/functions/internal/environment"
	"slb-registrar/shared/clb"
)

// How long a secret is used before it is read again, and how long it is at
// least, however often it is refused: a key that is simply wrong must not turn
// every call into a read of the secret.
const (
	secretFresh = 5 * time.Minute
	secretRest  = 5 * time.Second
)

// source gives the credentials for Alibaba Cloud.
type source interface {
	// current returns what there is, reading it if it is missing or old.
	current(ctx context.Context) (clb.Credentials, error)
	// renewed is called when the service refused credentials: it returns others
	// if there are others by now.
	renewed(ctx context.Context, refused clb.Credentials) (clb.Credentials, bool)
}

// fixed are credentials that do not change.
type fixed clb.Credentials

func (f fixed) current(context.Context) (clb.Credentials, error) { return clb.Credentials(f), nil }

func (f fixed) renewed(context.Context, clb.Credentials) (clb.Credentials, bool) {
	return clb.Credentials{}, false
}

// openSource takes the credentials from the secret if one is named, else from
// the environment.
func openSource(getenv func(string) string, log zerolog.Logger) (source, error) {
	id := getenv("REGISTRAR_CREDENTIALS_SECRET")
	if id == "" {
		c, err := environment.Credentials(getenv)
		if err != nil {
			return nil, fmt.Errorf("%w, and neither is REGISTRAR_CREDENTIALS_SECRET", err)
		}
		return fixed(c), nil
	}
	config, err := awsConfig(getenv)
	if err != nil {
		return nil, err
	}
	return newSecret(id, secretsmanager.NewFromConfig(config), log), nil
}

// secretReader is the part of the client of Secrets Manager that is used.
type secretReader interface {
	GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// secret reads the credentials from a secret of AWS Secrets Manager, whose text
// is {"accessKeyId": "…", "accessKeySecret": "…", "securityToken": "…"}, the
// last only for temporary ones. It is read once for many invocations, again
// after five minutes, and at once when the service refuses what was read: that
// is how a rotation is noticed. While it cannot be read again, the old ones are
// used, for they may well be valid still.
type secret struct {
	id     string
	client secretReader
	log    zerolog.Logger

	// turn is held by whoever looks at what follows, over a read as well, so
	// that invocations share it. A channel, because waiting for it has to end
	// with the invocation.
	turn  chan struct{}
	known clb.Credentials
	read  time.Time // when known was read; zero: never
}

func newSecret(id string, client secretReader, log zerolog.Logger) *secret {
	return &secret{id: id, client: client, log: log, turn: make(chan struct{}, 1)}
}

// take waits for the turn; the caller calls what it returns when it is over.
func (s *secret) take(ctx context.Context) (give func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *secret) current(ctx context.Context) (clb.Credentials, error) {
	give, err := s.take(ctx)
	if err != nil {
		return clb.Credentials{}, err
	}
	defer give()
	if !s.read.IsZero() && time.Since(s.read) < secretFresh {
		return s.known, nil
	}
	if err := s.fetch(ctx); err != nil {
		if s.read.IsZero() {
			return clb.Credentials{}, err
		}
		s.log.Warn().Err(err).Msg("the secret cannot be read again: the credentials that are known are used")
		s.read = time.Now().Add(secretRest - secretFresh)
	}
	return s.known, nil
}

func (s *secret) renewed(ctx context.Context, refused clb.Credentials) (clb.Credentials, bool) {
	give, err := s.take(ctx)
	if err != nil {
		return clb.Credentials{}, false
	}
	defer give()
	if s.known != refused { // somebody else has noticed already
		return s.known, true
	}
	if time.Since(s.read) < secretRest {
		return clb.Credentials{}, false
	}
	if err := s.fetch(ctx); err != nil {
		s.log.Warn().Err(err).Msg("the credentials were refused and the secret cannot be read again")
		return clb.Credentials{}, false
	}
	if s.known == refused {
		return clb.Credentials{}, false
	}
	s.log.Info().Msg("the credentials were refused: the secret holds others, which are used from now on")
	return s.known, true
}

func (s *secret) fetch(ctx context.Context) error {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.id)})
	if err != nil {
		return fmt.Errorf("the secret with the credentials: %w", err)
	}
	var text struct{ AccessKeyID, AccessKeySecret, SecurityToken string }
	// The decoder's own error may quote the secret.
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &text) != nil {
		return errors.New(`the secret with the credentials is not the JSON {"accessKeyId": "…", "accessKeySecret": "…"}`)
	}
	c := clb.Credentials{AccessKeyID: text.AccessKeyID, AccessKeySecret: text.AccessKeySecret, SecurityToken: text.SecurityToken}
	if c.Empty() {
		return errors.New("the secret with the credentials lacks accessKeyId or accessKeySecret")
	}
	s.known, s.read = c, time.Now()
	return nil
}
