package redis

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/storetest"
)

// password is one that must not show up anywhere, escaped how it is in the URL.
const (
	password = "s3cret-/-word"
	escaped  = "s3cret-%2F-word"
)

// What package cluster does, which cannot be imported from here.
func init() {
	Cluster = func(o *goredis.ClusterOptions) goredis.UniversalClient { return goredis.NewClusterClient(o) }
}

// engines are what the tests run on: miniredis always, and redis-server, alone
// and as a cluster of one node, wherever there is one.
func engines(t *testing.T) map[string]func(t *testing.T) (address, query string) {
	t.Helper()
	all := map[string]func(*testing.T) (string, string){
		"miniredis": func(t *testing.T) (string, string) {
			server := miniredis.RunT(t)
			server.RequireAuth(password)
			return server.Addr(), ""
		},
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		return all
	}
	single := storetest.RedisServer(t, "--requirepass", password)
	node := storetest.RedisServer(t, "--requirepass", password, "--cluster-enabled", "yes")
	client := goredis.NewClient(&goredis.Options{Addr: node, Password: password})
	defer func() { _ = client.Close() }()
	if err := client.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(client.ClusterInfo(t.Context()).Val(), "cluster_state:ok") {
		if t.Context().Err() != nil {
			t.Fatal("the cluster is not ready")
		}
	}
	all["redis-server"] = func(*testing.T) (string, string) { return single, "" }
	all["redis-cluster"] = func(*testing.T) (string, string) { return node, "?cluster=1" }
	return all
}

func connect(t testing.TB, address, query string, now func() time.Time) *Store {
	t.Helper()
	config, err := Parse("redis://:" + escaped + "@" + address + query)
	if err != nil {
		t.Fatal(err)
	}
	store := open(config, Options{})
	store.now = now
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func empty(t testing.TB, s *Store) {
	t.Helper()
	if err := s.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	for name, start := range engines(t) {
		t.Run(name, func(t *testing.T) {
			address, query := start(t)
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				empty(t, connect(t, address, query, nil))
				return storetest.Harness{Open: func(now func() time.Time) idempotency.Store {
					return connect(t, address, query, now)
				}}
			})
		})
	}
}

func TestAnEngineThatFailsIsAnErrorAndNeverAHang(t *testing.T) {
	for name, start := range engines(t) {
		if name == "redis-cluster" {
			continue // its nodes name their own address, past the proxy
		}
		t.Run(name, func(t *testing.T) {
			address, query := start(t)
			storetest.RunNetwork(t, func(t *testing.T) storetest.Network {
				empty(t, connect(t, address, query, nil))
				return storetest.Network{Address: address, Secret: password, Open: func(t *testing.T, address string) idempotency.Store {
					return connect(t, address, query, nil)
				}}
			})
		})
	}
}

// The clock of the host must not matter, only that of the server.
func TestClaimsLapseByTheClockOfTheServer(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth(password)
	server.SetTime(storetest.Start)
	store := connect(t, server.Addr(), "", nil)
	claim := func(owner string) idempotency.Verdict {
		t.Helper()
		verdicts, err := store.Claim(t.Context(), storetest.Owner(owner), storetest.Claims(1))
		if err != nil {
			t.Fatal(err)
		}
		return verdicts[0]
	}
	claim("a")
	server.SetTime(storetest.Start.Add(storetest.Hold - time.Microsecond))
	if v := claim("b"); v.Standing != idempotency.Held || !v.HeldUntil.Equal(storetest.Start.Add(storetest.Hold)) {
		t.Errorf("just before the claim lapses: %+v", v)
	}
	server.SetTime(storetest.Start.Add(storetest.Hold))
	if v := claim("b"); v.Standing != idempotency.Claimed {
		t.Errorf("when the claim has lapsed: %+v", v)
	}
}

func TestARestartedServerGetsItsScriptsAgain(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth(password)
	store := connect(t, server.Addr(), "", nil)
	for range 2 {
		batch := storetest.Claims(40)
		for i := range batch {
			batch[i].Subject.Group.ID = string(rune('a' + i%3))
		}
		if _, err := store.Claim(t.Context(), storetest.Owner("a"), batch); err != nil {
			t.Fatal(err)
		}
		held, err := store.Settle(t.Context(), storetest.Owner("a"), storetest.Settled(batch, false))
		if err != nil || !held[39] {
			t.Fatal(held, err)
		}
		if err := store.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRecordsAreKeptUnderTheDocumentedKeysAndExpire(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth(password)
	store := connect(t, server.Addr(), "", nil)
	batch := storetest.Claims(1)
	if _, err := store.Claim(t.Context(), storetest.Owner("a"), batch); err != nil {
		t.Fatal(err)
	}
	const key = "registrar:record:1:{cn-hangzhou/rsp-cige6j5e7p}:i-0000//80"
	if !server.Exists(key) {
		t.Fatalf("no %s among %v", key, server.Keys())
	}
	if life := server.TTL(key); life < idempotency.DefaultRetention || life > idempotency.DefaultRetention+2*time.Second {
		t.Errorf("the record lives %v", life)
	}
	if _, err := store.Settle(t.Context(), storetest.Owner("a"), storetest.Settled(batch, false)); err != nil {
		t.Fatal(err)
	}
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("a released claim leaves %v", keys)
	}
}

func TestStoreURLs(t *testing.T) {
	config, err := Parse("rediss://user:pa%40ss@redis.example:6380/3?turns=1&read_timeout=1s")
	if err != nil {
		t.Fatal(err)
	}
	o := config.single
	if !config.Turns || o.Username != "user" || o.Password != "pa@ss" || o.Addr != "redis.example:6380" || o.DB != 3 ||
		o.TLSConfig == nil || o.TLSConfig.ServerName != "redis.example" || o.ReadTimeout != time.Second {
		t.Errorf("config: %+v, %+v", config, o)
	}
	if config, err = Parse("redis://localhost"); err != nil || config.Turns || config.single.Addr != "localhost:6379" || config.single.TLSConfig != nil {
		t.Errorf("config: %+v, %v", config, err)
	}
	if store, err := Open("redis://localhost", Options{}); err != nil || store.Turns() != nil {
		t.Errorf("turns that nobody asked for: %v, %v", store, err)
	}
	if config, err = Parse("redis://localhost?cluster=1"); err != nil || config.cluster == nil {
		t.Errorf("config: %+v, %v", config, err)
	}
}

func TestAProgramWithoutClustersSaysSo(t *testing.T) {
	known := Cluster
	t.Cleanup(func() { Cluster = known })
	Cluster = nil
	if _, err := Parse("redis://localhost?cluster=1"); err == nil || !strings.Contains(err.Error(), "proxy") {
		t.Errorf("got %v", err)
	}
	if _, err := Parse("redis://localhost?cluster=0"); err != nil {
		t.Error(err)
	}
}

func TestABadStoreURLIsNotRepeated(t *testing.T) {
	for _, url := range []string{
		"", "redis:", "http://host", "redis://user:hunter2@host:port", "redis://user:12/hunter2@host", "redis://user:12?hunter2@host",
		"redis://user:12#hunter2@host", "redis://user:hunter2@host/x", "redis://user:hunter2@host?turns=perhaps", "redis://user:hunter2@host?unknown=1",
		"redis://user:hunter2@host\x7f", "redis://user:%zzhunter2@host", "redis://user:hunter2@host?read_timeout=hunter2",
	} {
		_, err := Parse(url)
		if err == nil {
			if url != "redis://user:12#hunter2@host" { // a fragment: ignored, host "user"
				t.Errorf("%q is accepted", url)
			}
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestAWrongPasswordIsAnErrorWithoutIt(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("right")
	store := connect(t, server.Addr(), "", nil)
	_, err := store.Claim(t.Context(), storetest.Owner("a"), storetest.Claims(1))
	if err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("claim with a wrong password: %v", err)
	}
}

func TestAnAnswerThatIsNoneOfOursIsAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	store := connect(t, listener.Addr().String(), "", nil)
	if _, err := store.Claim(t.Context(), storetest.Owner("a"), storetest.Claims(1)); err == nil {
		t.Error("a web server is taken for Redis")
	}
}

func BenchmarkClaimAndSettle(b *testing.B) {
	store, err := Open("redis://"+storetest.Redis(b), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	storetest.Benchmark(b, store)
}
