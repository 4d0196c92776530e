package local

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports come from below the range from which kernels number outgoing connections (32768 on Linux, 49152 elsewhere). A port from within
// could be taken by any connection while its server is down, and a member that is killed and restarted must find its port free.
const (
	firstPort = 20000
	lastPort  = 29999
	portTries = 1000
)

// portPicker hands out ports that nobody listens on and that it has not handed out before. Another program can still take one before its
// server starts; the caller then picks again. It is safe for concurrent use.
type portPicker struct {
	mu    sync.Mutex
	taken map[int]bool
}

func (p *portPicker) pick() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == nil {
		p.taken = map[int]bool{}
	}
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if p.taken[port] || !portFree(port) {
			continue
		}
		p.taken[port] = true
		return port, nil
	}
	return 0, fmt.Errorf("no free port found between %d and %d on 127.0.0.1 in %d tries", firstPort, lastPort, portTries)
}

// portFree reports whether a server could listen on the port of 127.0.0.1 now.
func portFree(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
