package loop

import "sync"

// underway counts the results that are decided and not written yet. The zero value counts none. It is safe for concurrent use.
type underway struct {
	mu sync.Mutex
	n  int
	// quiet is open while there are some and somebody asked; it is closed, and forgotten, with the last one.
	quiet chan struct{}
}

func (u *underway) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.n++
}

func (u *underway) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n--; u.n == 0 && u.quiet != nil {
		close(u.quiet)
		u.quiet = nil
	}
}

func (u *underway) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.n
}

// none returns a channel that is closed as soon as there are none.
func (u *underway) none() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n == 0 {
		return closed
	}
	if u.quiet == nil {
		u.quiet = make(chan struct{})
	}
	return u.quiet
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
