// Package cluster lets package redis talk to clusters whose clients have to find
// their way in (cluster=1 in the URL of the store). Import it for that effect:
//
//	import _ "slb-registrar/shared/idempotency/redis/cluster"
//
// The command line does. The function binaries do not, because of what it weighs
// (see [redis.Cluster]); a cluster behind a proxy needs none of it.
package cluster

import (
	goredis "github.com/redis/go-redis/v9"

	"slb-registrar/shared/idempotency/redis"
)

func init() {
	redis.Cluster = func(o *goredis.ClusterOptions) goredis.UniversalClient { return goredis.NewClusterClient(o) }
}
