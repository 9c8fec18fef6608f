package main

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strings"

	"github.com/alicebob/miniredis/v2"
)

// recordStore is the Redis in which the functions meet.
type recordStore struct {
	name    string
	address string
	stop    func()
}

// startStore starts redis-server on a free loopback port or, where there is
// none, a Redis within this process.
func startStore(dir string) (*recordStore, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		mini, err := miniredis.Run()
		if err != nil {
			return nil, err
		}
		return &recordStore{"miniredis", mini.Addr(), mini.Close}, nil
	}
	for range 5 { // somebody else may take the port between the two
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		address := listener.Addr().String()
		_ = listener.Close()
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		stop := func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				go func() { // lest the pipe fills up; ends with the server
					for lines.Scan() {
						continue
					}
				}()
				return &recordStore{"redis-server", address, stop}, nil
			}
		}
		stop()
	}
	return nil, fmt.Errorf("%s does not start", path)
}
