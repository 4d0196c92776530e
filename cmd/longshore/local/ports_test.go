package local

import (
	"net"
	"strconv"
	"testing"
)

func TestPickGivesEveryPortOnce(t *testing.T) {
	var ports portPicker
	seen := map[int]bool{}
	for range 200 {
		port, err := ports.pick()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port < firstPort || port > lastPort {
			t.Fatalf("pick() = %d after %d others", port, len(seen))
		}
		seen[port] = true
	}
}

func TestPortFree(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if portFree(port) {
		t.Errorf("port %d counts as free while somebody listens", port)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if !portFree(port) {
		t.Errorf("port %d counts as taken after its listener closed", port)
	}
}
