package host

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Change is the plugins that a host is going to have. Those that are new run already, those that it had run still; Commit or Abort ends the one
// or the other. Exactly one of them must be called, and nothing else on the host in between.
type Change struct {
	host    *Host
	plugins map[string]*Plugin
	fresh   []*Plugin
}

// Prepare starts the plugins of the specs, except those that the host has with the very same spec, and waits until each of them runs. If one
// does not start nothing has changed, and the error says which and why.
func (h *Host) Prepare(ctx context.Context, specs []Spec) (*Change, error) {
	if err := validate(specs); err != nil {
		return nil, err
	}
	c := &Change{host: h, plugins: map[string]*Plugin{}}
	group, ctx := errgroup.WithContext(ctx)
	for i := range specs {
		spec := specs[i]
		if p, ok := h.Plugin(spec.Name); ok && p.spec.Load().equal(&spec) {
			c.plugins[spec.Name] = p
			continue
		}
		failed := make(chan error, 1)
		options := h.options.withFailure(failed)
		p := newPlugin(&options, &spec, false)
		c.plugins[spec.Name], c.fresh = p, append(c.fresh, p)
		group.Go(func() error { return p.first(ctx, failed) })
	}
	if err := group.Wait(); err != nil {
		c.Abort()
		return nil, fmt.Errorf("starting plugins: %w", err)
	}
	return c, nil
}

// withFailure returns options that also pass on why the first start failed.
func (o Options) withFailure(failed chan<- error) Options {
	told := o.OnChange
	o.OnChange = func(s Status) {
		if s.State == Waiting {
			select {
			case failed <- fmt.Errorf("plugin %s: %w", s.Name, s.LastError):
			default:
			}
		}
		if told != nil {
			told(s)
		}
	}
	return o
}

// Plugin returns the plugin of that name after the change.
func (c *Change) Plugin(name string) (p *Plugin, ok bool) {
	p, ok = c.plugins[name]
	return p, ok
}

// Commit makes the host have these plugins. The others end after their calls in flight.
func (c *Change) Commit() error {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		c.end()
		return errors.New("changing external plugins: host is closed")
	}
	for name, old := range h.plugins {
		if c.plugins[name] != old {
			old.show(false)
			h.letGo(old)
		}
	}
	h.plugins = c.plugins
	for _, p := range c.fresh {
		p.show(true)
	}
	return nil
}

// Abort ends the plugins that were started for the change.
func (c *Change) Abort() {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	c.end()
}

// end is Abort for who holds the host's lock.
func (c *Change) end() {
	for _, p := range c.fresh {
		c.host.letGo(p)
	}
}
