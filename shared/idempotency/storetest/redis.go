package storetest

import (
	"bufio"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

// Redis returns the address of an empty Redis that lives as long as the test:
// redis-server if it is on the PATH, else miniredis.
func Redis(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		return miniredis.RunT(t).Addr()
	}
	return RedisServer(t)
}

// RedisServer starts redis-server, which must be on the PATH, on a free
// loopback port, without a disk. args are added to its command line.
func RedisServer(t testing.TB, args ...string) string {
	t.Helper()
	for range 5 { // somebody else may take the port between the two
		_, port, err := net.SplitHostPort(freeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "redis-server", append([]string{
			"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
			"--dir", t.TempDir(), "--maxmemory-policy", "noeviction"}, args...)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				go func() { // lest the pipe fills up
					for lines.Scan() {
						_ = lines.Bytes()
					}
				}()
				return net.JoinHostPort("127.0.0.1", port)
			}
		}
	}
	t.Fatal("redis-server does not start")
	return ""
}

// freeAddress is one that nobody listens at.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
