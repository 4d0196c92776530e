package local

import (
	"context"
)

// StartOptions are for a cluster that belongs to no state file, as in tests.
type StartOptions struct {
	// Progress is told what happens; nil means Silent.
	Progress Progress
	// DieWithCaller makes the kernel kill the processes when this program ends, however it ends. Only Linux can do that.
	DieWithCaller bool
}

// Start runs a cluster in c.Dir, or the part of it that is not running, and returns when its API server is ready and pods can be
// scheduled to its nodes. Ports, version and processes are filled in. After an error the processes that were started still run: call
// Kill.
func (c *Cluster) Start(ctx context.Context, o StartOptions) error {
	if o.Progress == nil {
		o.Progress = Silent
	}
	found, err := findBinaries(ctx, c.components(), o.Progress)
	if err != nil {
		return err
	}
	l := &launcher{binaries: found, ports: &sharedPorts, progress: o.Progress, dieWithCaller: o.DieWithCaller}
	return l.start(ctx, c)
}

// sharedPorts keeps clusters that one program starts side by side from choosing the same port.
var sharedPorts portPicker

// Stop asks the processes to end, those that depend on others first, and returns when all have ended.
func (c *Cluster) Stop(ctx context.Context) error {
	var clients, server, store []Process
	for _, p := range c.Processes {
		switch p.Name {
		case etcd:
			store = append(store, p)
		case apiServer:
			server = append(server, p)
		default:
			clients = append(clients, p)
		}
	}
	for _, rank := range [][]Process{clients, server, store} {
		if err := stop(ctx, rank...); err != nil {
			return err
		}
	}
	c.Processes = nil
	return nil
}

// Kill ends all processes at once, without any chance to tidy up, and returns when they are gone.
func (c *Cluster) Kill() error {
	if err := kill9(c.Processes...); err != nil {
		return err
	}
	c.Processes = nil
	return nil
}

// Losses describes the processes that ended although nobody asked them to, with the end of their logs.
func (c *Cluster) Losses() []error {
	var losses []error
	for _, p := range c.Processes {
		if !p.Alive() {
			losses = append(losses, p.failure())
		}
	}
	return losses
}
