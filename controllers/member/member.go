package member

import (
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/api/meta"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// Member is one session with a joined cluster. Safe for concurrent use.
type Member struct {
	name    string
	clients *Clients
	err     error
	cluster atomic.Pointer[clusterv1alpha1.Cluster]

	mu       sync.Mutex
	watchers []func(old, new *clusterv1alpha1.Cluster)
}

// New returns a session for cluster. Exactly one of clients and err is set: err says why no connection could be prepared.
func New(cluster *clusterv1alpha1.Cluster, clients *Clients, err error) *Member {
	m := &Member{name: cluster.Name, clients: clients, err: err}
	m.cluster.Store(cluster)
	return m
}

// Name is the name of the Cluster.
func (m *Member) Name() string { return m.name }

// Clients returns the connection, or the reason why there is none. The same for the whole session.
func (m *Member) Clients() (*Clients, error) { return m.clients, m.err }

// Cluster is the newest Cluster object seen. It is shared: do not change it.
func (m *Member) Cluster() *clusterv1alpha1.Cluster { return m.cluster.Load() }

// Ready reports whether requests make sense: a connection could be prepared and condition Ready is True.
func (m *Member) Ready() bool { return m.err == nil && IsReady(m.Cluster()) }

// Deleting reports whether the Cluster is being unjoined.
func (m *Member) Deleting() bool { return !m.Cluster().DeletionTimestamp.IsZero() }

// OnChange calls watcher with each new Cluster object of this session. It must not block.
func (m *Member) OnChange(watcher func(old, new *clusterv1alpha1.Cluster)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watchers = append(m.watchers, watcher)
}

func (m *Member) observe(cluster *clusterv1alpha1.Cluster) {
	old := m.cluster.Swap(cluster)
	m.mu.Lock()
	watchers := m.watchers
	m.mu.Unlock()
	for _, watcher := range watchers {
		watcher(old, cluster)
	}
}

// IsReady reports whether condition Ready of cluster is True.
func IsReady(cluster *clusterv1alpha1.Cluster) bool {
	return meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1alpha1.ConditionReady)
}
