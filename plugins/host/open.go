package host

import (
	"context"
)

// Open returns a host of the one plugin of the spec, once that runs. It gives up when the first start does not succeed or ctx ends, and leaves
// nothing behind then. It serves tools and tests that look at a plugin; the caller closes the host.
func Open(ctx context.Context, spec Spec, o Options) (*Host, *Plugin, error) {
	failed := make(chan error, 1)
	h := New(o.withFailure(failed))
	if err := h.Apply([]Spec{spec}); err != nil {
		return nil, nil, err
	}
	p, _ := h.Plugin(spec.Name)
	if err := p.first(ctx, failed); err != nil {
		_ = h.Close(context.Background()) // It waits without a limit, and nothing else makes it fail.
		return nil, nil, err
	}
	return h, p, nil
}

// first waits until the plugin runs or failed to.
func (p *Plugin) first(ctx context.Context, failed <-chan error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- p.Ready(ctx) }()
	select {
	case err := <-ready:
		return err
	case err := <-failed:
		return err
	}
}
