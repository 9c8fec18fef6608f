package dynamodb_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/truora/minidyn/server"

	"slb-registrar/shared/idempotency"
	"slb-registrar/shared/idempotency/dynamodb"
	"slb-registrar/shared/idempotency/storetest"
)

const secret = "s3cret-access-key"

// dynaliteEnv names the cli.js of dynalite, an implementation of DynamoDB that
// has nothing to do with minidyn, which the tests use in any case.
const dynaliteEnv = "REGISTRAR_DYNALITE"

func environment() aws.Config {
	return aws.Config{
		Region:      "eu-central-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", secret, ""),
	}
}

// minidyn is an engine in this process. It looks tables up without the lock
// under which it makes them, so none is made while it answers.
func minidyn() http.Handler {
	var making sync.RWMutex
	engine := server.NewServer()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateTable") {
			making.Lock()
			defer making.Unlock()
		} else {
			making.RLock()
			defer making.RUnlock()
		}
		engine.ServeHTTP(w, r)
	})
}

// engines returns the addresses of what the tests run on.
func engines(t testing.TB) map[string]string {
	t.Helper()
	mini := httptest.NewServer(minidyn())
	t.Cleanup(mini.Close)
	all := map[string]string{"minidyn": mini.Listener.Addr().String()}
	if cli := os.Getenv(dynaliteEnv); cli != "" {
		all["dynalite"] = dynalite(t, cli)
	}
	return all
}

func dynalite(t testing.TB, cli string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	_ = listener.Close()
	cmd := exec.CommandContext(t.Context(), "node", cli, "--host", "127.0.0.1", "--port", port, "--createTableMs", "0", "--deleteTableMs", "0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if lines := bufio.NewScanner(out); !lines.Scan() || !strings.Contains(lines.Text(), "listening") {
		t.Fatalf("dynalite does not start: %q", lines.Text())
	}
	return address
}

var tables atomic.Int64

// table makes an empty table and returns its store URL.
func table(t testing.TB, address string) func(address string) string {
	t.Helper()
	endpoint := "http://" + address
	client := sdk.NewFromConfig(environment(), func(o *sdk.Options) { o.BaseEndpoint = &endpoint })
	name := "records-" + time.Now().UTC().Format("150405.000000") + "-" + string(rune('a'+tables.Add(1)%26))
	_, err := client.CreateTable(t.Context(), &sdk.CreateTableInput{
		TableName:            &name,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
		BillingMode:          types.BillingModePayPerRequest,
	})
	if err != nil {
		t.Fatal(err)
	}
	probe := &sdk.GetItemInput{TableName: &name, Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "probe"}}}
	for missing := new(types.ResourceNotFoundException); ; { // it takes a moment to appear
		if _, err = client.GetItem(t.Context(), probe); !errors.As(err, &missing) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(address string) string { return "dynamodb://" + name + "?endpoint=http://" + address }
}

func open(t testing.TB, url string, now func() time.Time) *dynamodb.Store {
	t.Helper()
	store, err := dynamodb.Open(url, environment(), dynamodb.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestConformance(t *testing.T) {
	for name, address := range engines(t) {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				url := table(t, address)(address)
				return storetest.Harness{Skew: dynamodb.DefaultSkew, Open: func(now func() time.Time) idempotency.Store {
					return open(t, url, now)
				}}
			})
		})
	}
}

func TestAnEngineThatFailsIsAnErrorAndNeverAHang(t *testing.T) {
	for name, address := range engines(t) {
		t.Run(name, func(t *testing.T) {
			storetest.RunNetwork(t, func(t *testing.T) storetest.Network {
				url := table(t, address)
				return storetest.Network{Address: address, Secret: secret, Open: func(t *testing.T, address string) idempotency.Store {
					return open(t, url(address), nil)
				}}
			})
		})
	}
}

// counting counts the requests of a store by their operation.
type counting struct {
	requests map[string]*atomic.Int64
	answer   func(operation string, w http.ResponseWriter) bool
	next     http.Handler
}

func (c *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if n := c.requests[operation]; n != nil {
		n.Add(1)
	}
	if c.answer != nil && c.answer(operation, w) {
		return
	}
	c.next.ServeHTTP(w, r)
}

func counted(t *testing.T) (*counting, string) {
	t.Helper()
	c := &counting{next: minidyn(), requests: map[string]*atomic.Int64{
		"GetItem": new(atomic.Int64), "UpdateItem": new(atomic.Int64), "DeleteItem": new(atomic.Int64)}}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	address := s.Listener.Addr().String()
	url := table(t, address)(address)
	for _, n := range c.requests {
		n.Store(0) // the making of the table does not count
	}
	return c, url
}

func TestAnUnknownBackendCostsOneRequestToClaimAndOneToSettle(t *testing.T) {
	c, url := counted(t)
	store, batch := open(t, url, nil), storetest.Claims(20)
	if _, err := store.Claim(t.Context(), storetest.Owner("a"), batch); err != nil {
		t.Fatal(err)
	}
	if held, err := store.Settle(t.Context(), storetest.Owner("a"), storetest.Settled(batch, true)); err != nil || !held[0] {
		t.Fatal(held, err)
	}
	if updates, reads := c.requests["UpdateItem"].Load(), c.requests["GetItem"].Load(); updates != 40 || reads != 0 {
		t.Errorf("%d writes and %d reads, want 40 and 0", updates, reads)
	}
}

func TestARefusedGuessBringsTheRecord(t *testing.T) {
	c, url := counted(t)
	batch := storetest.Claims(20)
	if _, err := open(t, url, nil).Claim(t.Context(), storetest.Owner("a"), batch); err != nil {
		t.Fatal(err)
	}
	verdicts, err := open(t, url, nil).Claim(t.Context(), storetest.Owner("b"), batch)
	if err != nil || verdicts[0].Standing != idempotency.Held {
		t.Fatal(verdicts, err)
	}
	if updates, reads := c.requests["UpdateItem"].Load(), c.requests["GetItem"].Load(); updates != 40 || reads != 0 {
		t.Errorf("%d writes and %d reads, want 40 and 0", updates, reads)
	}
}

func TestAReleasedClaimOfAnUnknownBackendLeavesNothing(t *testing.T) {
	c, url := counted(t)
	store, batch := open(t, url, nil), storetest.Claims(3)
	if _, err := store.Claim(t.Context(), storetest.Owner("a"), batch); err != nil {
		t.Fatal(err)
	}
	if held, err := store.Settle(t.Context(), storetest.Owner("a"), storetest.Settled(batch, false)); err != nil || !held[0] {
		t.Fatal(held, err)
	}
	if n := c.requests["DeleteItem"].Load(); n != 3 {
		t.Errorf("%d items deleted, want 3", n)
	}
}

func TestAThrottledTableIsAnErrorWithinTheDeadline(t *testing.T) {
	c, url := counted(t)
	c.answer = func(operation string, w http.ResponseWriter) bool {
		if operation != "UpdateItem" {
			return false
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "slow down"}`))
		return true
	}
	store := open(t, url, nil)
	if _, err := store.Claim(t.Context(), storetest.Owner("a"), storetest.Claims(1)); err == nil || !strings.Contains(err.Error(), "ProvisionedThroughputExceeded") {
		t.Errorf("claim at a throttled table: %v", err)
	}
	if n := c.requests["UpdateItem"].Load(); n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := store.Claim(ctx, storetest.Owner("a"), storetest.Claims(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("claim with a short deadline: %v", err)
	}
}

func TestAMissingTableAndAForeignItemAreErrors(t *testing.T) {
	for _, address := range engines(t) {
		store := open(t, "dynamodb://missing?endpoint=http://"+address, nil)
		if _, err := store.Claim(t.Context(), storetest.Owner("a"), storetest.Claims(2)); err == nil {
			t.Error("a table that is not there was written to")
		}
		url := table(t, address)(address)
		name, _, _ := strings.Cut(strings.TrimPrefix(url, "dynamodb://"), "?")
		endpoint := "http://" + address
		client := sdk.NewFromConfig(environment(), func(o *sdk.Options) { o.BaseEndpoint = &endpoint })
		_, err := client.PutItem(t.Context(), &sdk.PutItemInput{TableName: &name, Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: storetest.Subject(0).Name()}, "other": &types.AttributeValueMemberS{Value: "x"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, url, nil).Claim(t.Context(), storetest.Owner("a"), storetest.Claims(1)); err == nil || !strings.Contains(err.Error(), "ours") {
			t.Errorf("an item of somebody else: %v", err)
		}
	}
}

func TestStoreURLs(t *testing.T) {
	got, err := dynamodb.Parse("dynamodb://Records_1.x?region=eu-west-1&endpoint=https://dynamodb.example")
	want := dynamodb.Config{Table: "Records_1.x", Region: "eu-west-1", Endpoint: "https://dynamodb.example"}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, url := range []string{
		"", "dynamodb:", "dynamodb://", "redis://table", "dynamodb://user:pw@table", "dynamodb://table/more", "dynamodb://table?regoin=x",
		"dynamodb://table?endpoint=http://dynamodb.example", "dynamodb://table?endpoint=ftp://localhost", "dynamodb://table?endpoint=localhost:8000",
		"dynamodb://table?endpoint=http://user:pw@localhost",
	} {
		if config, err := dynamodb.Parse(url); err == nil {
			t.Errorf("%q is accepted: %+v", url, config)
		}
	}
	if _, err := dynamodb.Open("dynamodb://table", aws.Config{}, dynamodb.Options{}); err == nil {
		t.Error("a store without a region")
	}
}

func BenchmarkClaimAndSettle(b *testing.B) {
	for name, address := range engines(b) {
		b.Run(name, func(b *testing.B) {
			storetest.Benchmark(b, open(b, table(b, address)(address), nil))
		})
	}
}
