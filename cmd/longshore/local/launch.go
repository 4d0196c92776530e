package local

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
)

// readyTimeout bounds the start of one cluster; a loaded machine needs a tenth of it.
const readyTimeout = 3 * time.Minute

var errNotReadyInTime = fmt.Errorf("not ready after %s", readyTimeout)

// portRetries is how often a cluster that was never up gets other ports because somebody took one first.
const portRetries = 4

// launcher is what clusters are started with.
type launcher struct {
	binaries binaries
	ports    *portPicker
	progress Progress
	// record persists the cluster after each process that was started; nil records nothing.
	record func(*Cluster) error
	// dieWithCaller binds the processes to the life of this program.
	dieWithCaller bool
}

// start brings up whatever of the cluster does not run yet and returns when it can be used. Data and ports of an earlier run are kept.
func (l *launcher) start(ctx context.Context, c *Cluster) error {
	if len(c.Down()) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, errNotReadyInTime)
	defer cancel()
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("creating the folder of %s: %w", c.Name, err)
	}
	if err := c.pki().ensure(); err != nil {
		return fmt.Errorf("creating keys of %s: %w", c.Name, err)
	}
	if err := l.startServers(ctx, c); err != nil {
		return fmt.Errorf("starting %s: %w", c.Name, err)
	}
	if err := l.startClients(ctx, c); err != nil {
		return fmt.Errorf("starting %s: %w", c.Name, err)
	}
	return nil
}

// startServers starts etcd and the API server and, for a cluster that never ran, tries other ports if one was taken meanwhile.
func (l *launcher) startServers(ctx context.Context, c *Cluster) error {
	fresh := c.Version == ""
	for try := 0; ; try++ {
		if err := l.choosePorts(c); err != nil {
			return err
		}
		err := l.tryServers(ctx, c)
		switch {
		case err == nil || !c.portTaken():
			return err
		case !fresh:
			return fmt.Errorf("another program took port %d or %d while the cluster was down; end it, or let \"longshore local down --purge\" forget the cluster: %w",
				c.APIPort, c.EtcdPort, err)
		case try == portRetries:
			return err
		}
		if err := kill9(c.Processes...); err != nil {
			return err
		}
		c.APIPort, c.EtcdPort = 0, 0
		l.progress.Step(c.Name, "a port was taken meanwhile: trying others")
	}
}

func (l *launcher) choosePorts(c *Cluster) error {
	for _, port := range []*int{&c.EtcdPort, &c.APIPort} {
		if *port != 0 {
			continue
		}
		picked, err := l.ports.pick()
		if err != nil {
			return err
		}
		*port = picked
	}
	return nil
}

func (l *launcher) tryServers(ctx context.Context, c *Cluster) error {
	if err := c.writeConfiguration(); err != nil {
		return err
	}
	l.progress.Step(c.Name, "starting etcd and kube-apiserver on "+c.Endpoint())
	for _, name := range []string{etcd, apiServer} {
		if err := l.startComponent(c, name); err != nil {
			return err
		}
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	return c.watchOver(ctx, "the API server to be ready", func(ctx context.Context) error { return c.awaitReady(ctx, client) })
}

// portTaken reports whether a server's log ends with the complaint that its port is in use.
func (c *Cluster) portTaken() bool {
	for _, p := range c.Processes {
		if !p.Alive() && strings.Contains(p.tail(), "address already in use") {
			return true
		}
	}
	return false
}

// startClients starts what talks to the API server, and waits for its first effects.
func (l *launcher) startClients(ctx context.Context, c *Cluster) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if p, _ := c.Process(simulatedNode); len(c.Nodes) > 0 && !p.Alive() {
		if err := dropNodeLeases(ctx, client); err != nil {
			return err
		}
	}
	for _, name := range c.components()[2:] {
		if err := l.startComponent(c, name); err != nil {
			return err
		}
	}
	if len(c.Nodes) > 0 {
		l.progress.Step(c.Name, fmt.Sprintf("waiting for %d nodes", len(c.Nodes)))
		if err := c.createNodes(ctx, client); err != nil {
			return err
		}
	}
	return c.watchOver(ctx, "pods to be admitted", func(ctx context.Context) error { return c.awaitUsable(ctx, client) })
}

func (c *Cluster) client() (kubernetes.Interface, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // a wait that asks often must not be slowed down by its own client
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("building a client: %w", err)
	}
	return client, nil
}

func (l *launcher) startComponent(c *Cluster, name string) error {
	if p, _ := c.Process(name); p.Alive() {
		return nil
	}
	path, args := l.binaries.command(name)
	p, err := command{
		name:          name,
		path:          path,
		args:          append(args, c.arguments(name, l.binaries.localkube == "")...),
		dir:           c.Dir,
		log:           filepath.Join(c.file("logs"), name+".log"),
		env:           c.environment(),
		dieWithCaller: l.dieWithCaller,
	}.start()
	if err != nil {
		return err
	}
	c.setProcess(p)
	if l.record == nil {
		return nil
	}
	return l.record(c)
}
