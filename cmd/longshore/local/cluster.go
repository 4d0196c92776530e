package local

import (
	"fmt"
	"path/filepath"
	"slices"
)

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
	// APIServerFlags follow the usual flags of its API server.
	APIServerFlags []string `json:"apiServerFlags,omitempty"`
	// Version of its API server once it ran, for example v1.37.2.
	Version string `json:"version,omitempty"`

	APIPort   int       `json:"apiPort,omitempty"`
	EtcdPort  int       `json:"etcdPort,omitempty"`
	Processes []Process `json:"processes,omitempty"`
}

// Endpoint is the URL of the API server.
func (c *Cluster) Endpoint() string { return fmt.Sprintf("https://127.0.0.1:%d", c.APIPort) }

func (c *Cluster) etcdEndpoint() string { return fmt.Sprintf("https://127.0.0.1:%d", c.EtcdPort) }

// Etcd is where and how the etcd of a cluster is reached.
type Etcd struct {
	// Endpoint is its URL.
	Endpoint string
	// CAFile, CertFile and KeyFile are PEM files; the certificate is that of the API server.
	CAFile, CertFile, KeyFile string
}

// Etcd returns access to the etcd of a cluster that was started: for tests that look behind the API server.
func (c *Cluster) Etcd() Etcd {
	keys := c.pki()
	return Etcd{Endpoint: c.etcdEndpoint(), CAFile: keys.caFile(), CertFile: keys.cert(etcdPair), KeyFile: keys.key(etcdPair)}
}

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
