package census

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/longshore-project/longshore/estimator/fit"
	"github.com/longshore-project/longshore/estimator/fit/kube"
)

// Census is what one member has. Safe for concurrent use. No method waits for anything but another method.
type Census struct {
	mu   sync.Mutex
	room *fit.Room

	rows    []row            // by row of the room
	byName  map[string]int32 // rows of nodes that exist or have pods
	vacant  []int32          // rows that are neither
	order   []int32          // rows of existing nodes by name; nil when it must be made again
	nodes   int              // existing nodes
	open    int              // existing nodes that take pods without tolerations
	pods    map[string]placed
	waiting map[owner]map[string]time.Time   // pods without a node, and since when, by their controller
	waits   map[string]owner                 // the same by pod
	seated  map[owner]map[string]struct{}    // pods of StatefulSets with a node
	seats   map[string]owner                 // the same by pod
	sets    map[owner]map[string]*ReplicaSet // by Deployment and name

	deployments map[owner]owner // of ReplicaSets
	quotas      map[string]map[string]quota
	changes     journal // of what is free or usable on a row
	moves       journal // of which pods a row's node takes
	growable    uint64  // changes with the nodes' groups, sizes and daemons
	general     uint64  // the generation

	tallies memory[*tally]
	claims  memory[*claimed]
	packs   memory[*packed]
	growth  growth
	counted int // rows that were counted for answers, ever
}

// row is one node, or the name of a node that pods were placed on.
type row struct {
	name    string
	exists  bool
	node    *Node
	need    fit.Need // what the node offers
	pods    int
	daemons map[string]int64 // what pods of DaemonSets take, their places under "pods"
}

// placed is a pod that holds room.
type placed struct {
	row    int32
	need   fit.Need
	daemon map[string]int64 // requests, for a pod of a DaemonSet
}

// New returns the census of a member without anything.
func New() *Census {
	return &Census{
		room: fit.NewRoom(), byName: map[string]int32{}, pods: map[string]placed{},
		waiting: map[owner]map[string]time.Time{}, waits: map[string]owner{}, seated: map[owner]map[string]struct{}{}, seats: map[string]owner{}, sets: map[owner]map[string]*ReplicaSet{}, deployments: map[owner]owner{},
		quotas: map[string]map[string]quota{},
	}
}

// Summary says how much the census holds.
type Summary struct {
	// Generation grows with each change that can change an answer.
	Generation uint64
	// Nodes that exist, and of them those that take pods without tolerations.
	Nodes, UsableNodes int
	// Pods that hold room.
	Pods int
}

// Summary returns counts and the generation.
func (c *Census) Summary() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Summary{Generation: c.general, Nodes: c.nodes, UsableNodes: c.open, Pods: len(c.pods)}
}

// row returns the row of the named node and makes one if there is none.
func (c *Census) row(name string) int32 {
	if i, ok := c.byName[name]; ok {
		return i
	}
	var i int32
	if n := len(c.vacant); n > 0 {
		i, c.vacant = c.vacant[n-1], c.vacant[:n-1]
	} else {
		i = int32(c.room.AddRow())
		c.rows = append(c.rows, row{})
	}
	c.rows[i] = row{name: name}
	c.byName[name] = i
	return i
}

// vacate gives up a row that stands for nothing any more.
func (c *Census) vacate(i int32) {
	if r := &c.rows[i]; !r.exists && r.pods == 0 {
		delete(c.byName, r.name)
		c.vacant = append(c.vacant, i)
		*r = row{}
	}
}

func (c *Census) changed(i int32) {
	c.changes.note(i, len(c.rows))
	c.general++
}

// SetNode adds or replaces a node.
func (c *Census) SetNode(n *Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.row(n.Name)
	r := &c.rows[i]
	if r.exists && r.node.places == n.places && maps.Equal(r.node.amounts, n.amounts) && r.node.claims.Equal(&n.claims) {
		return // A heartbeat. Group and maximum are labels.
	}
	if r.exists {
		c.withdraw(i)
	} else {
		c.order = nil
	}
	r.exists, r.node, r.need = true, n, c.room.Need(n.amounts)
	c.room.Give(int(i), r.need, n.places)
	c.nodes++
	if n.claims.Open() {
		c.open++
	}
	c.growable++
	c.moves.note(i, len(c.rows))
	c.changed(i)
}

// withdraw takes away what the row's node offers.
func (c *Census) withdraw(i int32) {
	r := &c.rows[i]
	c.room.Take(int(i), r.need, r.node.places)
	c.nodes--
	if r.node.claims.Open() {
		c.open--
	}
	r.exists, r.node, r.need = false, nil, nil
}

// RemoveNode removes a node. Its pods stay until they are removed.
func (c *Census) RemoveNode(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.byName[name]
	if !ok || !c.rows[i].exists {
		return
	}
	c.withdraw(i)
	c.order = nil
	c.growable++
	c.moves.note(i, len(c.rows))
	c.changed(i)
	c.vacate(i)
}

// SetPod adds or replaces a pod.
func (c *Census) SetPod(p *Pod) {
	key := p.Namespace + "/" + p.Name
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setWaiting(key, p)
	c.setSeated(key, p)
	if p.node == "" {
		c.release(key)
		return
	}
	now := placed{row: c.row(p.node), need: c.room.Need(p.requests)}
	if p.daemon {
		now.daemon = p.requests
	}
	if before, ok := c.pods[key]; ok {
		if before.row == now.row && slices.Equal(before.need, now.need) && (before.daemon == nil) == (now.daemon == nil) {
			return
		}
		c.release(key)
		now.row = c.row(p.node) // The row may have been given up with its last pod.
	}
	c.pods[key] = now
	c.rows[now.row].pods++
	c.addDaemon(now, 1)
	c.room.Take(int(now.row), now.need, 1)
	c.changed(now.row)
}

// RemovePod removes a pod.
func (c *Census) RemovePod(namespace, name string) { c.removePod(namespace + "/" + name) }

func (c *Census) removePod(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setWaiting(key, &Pod{})
	c.setSeated(key, &Pod{})
	c.release(key)
}

// release gives back the room of a pod, if it has any.
func (c *Census) release(key string) {
	p, ok := c.pods[key]
	if !ok {
		return
	}
	delete(c.pods, key)
	c.rows[p.row].pods--
	c.addDaemon(p, -1)
	c.room.Give(int(p.row), p.need, 1)
	c.changed(p.row)
	c.vacate(p.row)
}

func (c *Census) addDaemon(p placed, factor int64) {
	if p.daemon == nil {
		return
	}
	r := &c.rows[p.row]
	if r.daemons == nil {
		r.daemons = map[string]int64{}
	}
	r.daemons["pods"] += factor
	for name, amount := range p.daemon {
		r.daemons[name] += factor * amount
	}
	c.growable++
}

// SetQuota adds or replaces a ResourceQuota.
func (c *Census) SetQuota(q *Quota) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quotas[q.Namespace] == nil {
		c.quotas[q.Namespace] = map[string]quota{}
	}
	c.quotas[q.Namespace][q.Name] = q.quota
	c.general++
}

// RemoveQuota removes a ResourceQuota.
func (c *Census) RemoveQuota(namespace, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.quotas[namespace], name)
	if len(c.quotas[namespace]) == 0 {
		delete(c.quotas, namespace)
	}
	c.general++
}

// ordered returns the rows of existing nodes by name.
func (c *Census) ordered() []int32 {
	if c.order != nil {
		return c.order
	}
	c.order = make([]int32, 0, c.nodes)
	for i := range c.rows {
		if c.rows[i].exists {
			c.order = append(c.order, int32(i))
		}
	}
	slices.SortFunc(c.order, func(a, b int32) int { return cmp.Compare(c.rows[a].name, c.rows[b].name) })
	return c.order
}

// allows reports whether a pod with the claim may be placed on the row's node.
func (c *Census) allows(claim *kube.Claim, i int32) bool {
	return c.rows[i].exists && claim.Allows(&c.rows[i].node.claims)
}
