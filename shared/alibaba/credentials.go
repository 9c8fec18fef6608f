package alibaba

import (
	"fmt"
	"io"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
)

// Credentials sign a call. SecurityToken is empty for a long-lived access key
// and set for those of a role. However they are printed or marshalled, only
// the ends of the access key id can be seen.
type Credentials struct {
	AccessKeyID     string
	AccessKeySecret string
	SecurityToken   string
}

// Empty reports whether there is nothing to sign with.
func (c Credentials) Empty() bool { return c.AccessKeyID == "" || c.AccessKeySecret == "" }

// String names the access key without giving it away.
func (c Credentials) String() string { return "credentials of " + mask(c.AccessKeyID) }

// Format makes every verb of package fmt print what String does; %+v and %#v
// would print the fields otherwise.
func (c Credentials) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, c.String()) }

// MarshalText does the same for JSON, for loggers and as a key of a map.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func (c Credentials) provider() credentials.CredentialsProvider {
	if c.SecurityToken == "" {
		return credentials.NewStaticAKCredentialsProvider(c.AccessKeyID, c.AccessKeySecret)
	}
	return credentials.NewStaticSTSCredentialsProvider(c.AccessKeyID, c.AccessKeySecret, c.SecurityToken)
}

// mask shows so much of an access key id that its owner can recognise it.
func mask(id string) string {
	if len(id) < 12 {
		return "****"
	}
	return id[:4] + "****" + id[len(id)-4:]
}
