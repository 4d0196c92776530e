package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/stats"
)

// Options are what a host needs from the process that it runs in. The zero value works.
type Options struct {
	// Log receives what plugins write and what happens to them. The zero value drops it.
	Log logr.Logger
	// Metrics counts calls, restarts and omissions; nil counts nothing.
	Metrics *Metrics
	// Profile is the value of the label profile of these metrics: two profiles may have plugins of one name.
	Profile string
	// OnChange is called, never twice at once for one plugin, when the state of a plugin changed. It must not block.
	OnChange func(Status)
	// OnOmission is called when a decision goes on without the answer of a plugin. It must not block.
	OnOmission func(Omission)
	// Dial replaces the network for plugins with an address.
	Dial Dial
	// PingInterval is how often plugins are asked whether they are well; zero stands for five seconds.
	PingInterval time.Duration
	// Count sees every message to and from plugins, for measurements; nil for none.
	Count stats.Handler
}

// Omission is a call whose answer a decision went on without.
type Omission struct {
	Plugin, Stage string
	// Request is the key of the request that was decided.
	Request string
	// Reason says why there was no answer.
	Reason error
}

// Host owns external plugins. It is safe for concurrent use.
type Host struct {
	options Options
	mu      sync.Mutex
	plugins map[string]*Plugin
	// left is plugins that the host has no more and whose processes may not be gone yet.
	left   []*Plugin
	closed bool
}

const defaultPingInterval = 5 * time.Second

// New returns a host without plugins.
func New(o Options) *Host {
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	if o.PingInterval == 0 {
		o.PingInterval = defaultPingInterval
	}
	o.Metrics = o.Metrics.of(o.Profile)
	return &Host{options: o, plugins: map[string]*Plugin{}}
}

// Apply makes the plugins be those of the specs: new ones are started, changed ones are replaced as soon as their successor runs, the others
// end after their calls in flight. It does not wait; see Plugin.Ready. Nothing happens when a spec is invalid or two have one name.
func (h *Host) Apply(specs []Spec) error {
	if err := validate(specs); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errors.New("applying external plugins: host is closed")
	}
	keep := map[string]bool{}
	for i := range specs {
		spec := specs[i]
		keep[spec.Name] = true
		if p, ok := h.plugins[spec.Name]; ok {
			p.change(&spec)
		} else {
			h.plugins[spec.Name] = newPlugin(&h.options, &spec, true)
		}
	}
	for name, p := range h.plugins {
		if !keep[name] {
			h.letGo(p)
			delete(h.plugins, name)
		}
	}
	return nil
}

// letGo ends a plugin. It is called with the lock held.
func (h *Host) letGo(p *Plugin) {
	p.cancel()
	h.left = append(slices.DeleteFunc(h.left, (*Plugin).gone), p)
}

func validate(specs []Spec) error {
	var faults []error
	names := map[string]bool{}
	for i := range specs {
		faults = append(faults, specs[i].Validate())
		if names[specs[i].Name] {
			faults = append(faults, fmt.Errorf("external plugin %q is listed twice", specs[i].Name))
		}
		names[specs[i].Name] = true
	}
	return errors.Join(faults...)
}

// Plugin returns the plugin of that name.
func (h *Host) Plugin(name string) (p *Plugin, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok = h.plugins[name]
	return p, ok
}

// Status returns the state of all plugins in order of name.
func (h *Host) Status() []Status {
	out := []Status{}
	for _, p := range h.all() {
		out = append(out, p.Status())
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (h *Host) all() []*Plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*Plugin, 0, len(h.plugins))
	for _, p := range h.plugins {
		out = append(out, p)
	}
	return out
}

// Ready waits until every plugin runs, for each no longer than a start may take. The error says which do not and why.
func (h *Host) Ready(ctx context.Context) error {
	var faults []error
	for _, p := range h.all() {
		waiting, stop := context.WithTimeout(ctx, p.spec.Load().startTimeout())
		faults = append(faults, p.Ready(waiting))
		stop()
	}
	return errors.Join(faults...)
}

// Close ends all plugins after their calls in flight, and waits until their processes are gone or ctx ends.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	plugins := h.all()
	for _, p := range plugins {
		p.cancel()
	}
	h.mu.Lock()
	plugins = append(plugins, h.left...)
	h.mu.Unlock()
	for _, p := range plugins {
		select {
		case <-p.stopped:
		case <-ctx.Done():
			return fmt.Errorf("waiting for plugin %s to end: %w", p.name, ctx.Err())
		}
	}
	return nil
}
