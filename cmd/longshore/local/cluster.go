package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// readyTimeout bounds the start of one cluster; a loaded machine needs a tenth of it.
const readyTimeout = 3 * time.Minute

// portRetries is how often a cluster that was never up gets other ports because somebody took one first.
const portRetries = 4

// Role says what a cluster is for.
type Role string

// The roles.
const (
	RoleControlPlane Role = "control-plane"
	RoleMember       Role = "member"
)

// Cluster is one Kubernetes cluster of this machine: what it shall be and which processes it has.
type Cluster struct {
	// Name is also the name of its kubeconfig context.
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Dir holds its keys, data and logs. Its parent identifies the set of clusters it belongs to.
	Dir string `json:"dir"`
	// Provider, Region and Zone describe a pretended location; all may be empty.
	Provider string `json:"provider,omitempty"`
	Region   string `json:"region,omitempty"`
	Zone     string `json:"zone,omitempty"`
	// Nodes are simulated. A cluster without nodes has no scheduler either.
	Nodes []Node `json:"nodes,omitempty"`
	// Controllers to run, by their names in kube-controller-manager; "*" means all, empty none.
	Controllers []string `json:"controllers,omitempty"`
	// Version of its API server once it ran, for example v1.37.2.
	Version string `json:"version,omitempty"`

	APIPort   int       `json:"apiPort,omitempty"`
	EtcdPort  int       `json:"etcdPort,omitempty"`
	Processes []Process `json:"processes,omitempty"`
}

// Endpoint is the URL of the API server.
func (c *Cluster) Endpoint() string { return fmt.Sprintf("https://127.0.0.1:%d", c.APIPort) }

func (c *Cluster) etcdEndpoint() string { return fmt.Sprintf("https://127.0.0.1:%d", c.EtcdPort) }

func (c *Cluster) file(name string) string { return filepath.Join(c.Dir, name) }

func (c *Cluster) pki() pki { return pki(c.file("pki")) }

// Process returns the record of a component; ok is false if it was never started.
func (c *Cluster) Process(component string) (p Process, ok bool) {
	for _, p := range c.Processes {
		if p.Name == component {
			return p, true
		}
	}
	return Process{}, false
}

// Down lists the components that should run and do not.
func (c *Cluster) Down() []string {
	var down []string
	for _, name := range c.components() {
		if p, _ := c.Process(name); !p.Alive() {
			down = append(down, name)
		}
	}
	return down
}

// clone shares what never changes.
func (c *Cluster) clone() *Cluster {
	clone := *c
	clone.Processes = slices.Clone(c.Processes)
	return &clone
}

func (c *Cluster) setProcess(p Process) {
	for i := range c.Processes {
		if c.Processes[i].Name == p.Name {
			c.Processes[i] = p
			return
		}
	}
	c.Processes = append(c.Processes, p)
}

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
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("not ready after %s", readyTimeout))
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
	if len(c.Nodes) == 0 {
		return nil
	}
	l.progress.Step(c.Name, fmt.Sprintf("waiting for %d nodes", len(c.Nodes)))
	if err := c.createNodes(ctx, client); err != nil {
		return err
	}
	return c.watchOver(ctx, "the nodes to be ready", func(ctx context.Context) error { return c.awaitNodes(ctx, client) })
}

func (c *Cluster) client() (kubernetes.Interface, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
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

// watchOver runs a wait and ends it as soon as a process of the cluster ends.
func (c *Cluster) watchOver(ctx context.Context, what string, await func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, p := range c.Processes {
		go func() {
			select {
			case <-p.ended():
				cancel(p.failure())
			case <-ctx.Done():
			}
		}()
	}
	err := await(ctx)
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("waiting for %s (logs in %s): %w", what, c.file("logs"), err)
}

// awaitReady waits until the API server says it is ready and holds the default namespace, and learns its version.
func (c *Cluster) awaitReady(ctx context.Context, client kubernetes.Interface) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pollPeriod, true, func(ctx context.Context) (bool, error) {
		if _, last = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); last != nil {
			return false, nil
		}
		_, last = client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		if last != nil && !apierrors.IsNotFound(last) {
			return false, nil
		}
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("asking for the version: %w", err)
	}
	c.Version = version.GitVersion
	return nil
}
