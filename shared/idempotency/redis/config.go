package redis

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Defaults of the connection. A store that does not answer within a second or
// two is down for an invocation, whose own deadline ends every wait before
// that. All of them can be set in the URL (dial_timeout=5s).
const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 2 * time.Second
	// idleTime closes a connection that was not used for so long: networks
	// drop those silently, and a frozen function instance notices nothing.
	idleTime = time.Minute
	// retries of a flush whose connection broke. Claiming or settling twice
	// does no more than doing it once.
	retries = 2
)

// Cluster makes the clients of clusters. It is nil, and cluster=1 refused, unless
// package redis/cluster is imported: go-redis's client for clusters looks
// methods up by name, and a program that does so anywhere keeps every exported
// method of everything it links. A function binary has no room for that.
var Cluster func(*goredis.ClusterOptions) goredis.UniversalClient

// Config is what a store URL says.
type Config struct {
	// Turns says that processes take turns at a load balancer.
	Turns bool
	// exactly one of them
	single  *goredis.Options
	cluster *goredis.ClusterOptions
}

// Parse reads a store URL:
//
//	redis://USER:PASSWORD@HOST:PORT/DATABASE?turns=1
//
// rediss:// is the same over TLS. User (ACL), password, port (6379) and
// database (0) may be left out. turns=1 asks for turns, cluster=1 says that
// HOST is a node of a cluster that clients have to find their way in, and
// go-redis's own parameters are understood too (read_timeout=1s). Errors never
// hold the URL, which may have a password in it.
func Parse(text string) (Config, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "redis" && u.Scheme != "rediss") || u.Host == "" {
		return Config{}, errors.New("store URL: want redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE][?turns=1], or rediss://")
	}
	query := u.Query()
	var config Config
	var cluster bool
	for name, flag := range map[string]*bool{"turns": &config.Turns, "cluster": &cluster} {
		switch query.Get(name) {
		case "", "0", "false":
		case "1", "true":
			*flag = true
		default:
			return Config{}, fmt.Errorf("store URL: %s must be 0 or 1", name)
		}
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	if cluster {
		if Cluster == nil {
			return Config{}, errors.New("store URL: this program does not know clusters (cluster=1): name the cluster's proxy")
		}
		config.cluster, err = goredis.ParseClusterURL(u.String())
	} else {
		config.single, err = goredis.ParseURL(u.String())
	}
	if err != nil {
		// The reason may quote what follows a / or ? that was left unescaped in
		// the password.
		return Config{}, errors.New("store URL: the database or a parameter is not understood; / ? # and @ in a password must be escaped")
	}
	return config, nil
}

// quiet keeps go-redis from writing lines of its own between the JSON logs.
// Everything that it would say is in the errors too.
var quiet = sync.OnceFunc(logging.Disable)

func (c Config) client() goredis.UniversalClient {
	quiet()
	off := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if o := c.cluster; o != nil {
		o.Protocol, o.DisableIdentity, o.MaintNotificationsConfig = 2, true, off
		o.ContextTimeoutEnabled, o.DialerRetries = true, 1
		bound(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.ConnMaxIdleTime, &o.MaxRetries)
		return Cluster(o)
	}
	o := c.single
	o.Protocol, o.DisableIdentity, o.MaintNotificationsConfig = 2, true, off
	o.ContextTimeoutEnabled, o.DialerRetries = true, 1
	bound(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.ConnMaxIdleTime, &o.MaxRetries)
	return goredis.NewClient(o)
}

// bound sets the defaults where the URL is silent.
func bound(dial, read, write, idle *time.Duration, again *int) {
	for place, otherwise := range map[*time.Duration]time.Duration{
		dial: dialTimeout, read: ioTimeout, write: ioTimeout, idle: idleTime,
	} {
		if *place == 0 {
			*place = otherwise
		}
	}
	if *again == 0 {
		*again = retries
	}
}

func escape(text string) string { return url.PathEscape(text) }
