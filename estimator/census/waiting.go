package census

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// setWaiting records whether the pod waits for a node.
func (c *Census) setWaiting(key string, p *Pod) {
	if before, ok := c.waits[key]; ok && (p.refused.IsZero() || before != p.owner) {
		delete(c.waits, key)
		delete(c.waiting[before], key)
		if len(c.waiting[before]) == 0 {
			delete(c.waiting, before)
		}
	}
	if p.refused.IsZero() || p.owner == (owner{}) {
		return
	}
	if c.waiting[p.owner] == nil {
		c.waiting[p.owner] = map[string]time.Time{}
	}
	c.waits[key], c.waiting[p.owner][key] = p.owner, p.refused
}

// setSeated records whether the pod is one of a StatefulSet and has a node.
func (c *Census) setSeated(key string, p *Pod) {
	now := p.owner
	if now.kind != kindStatefulSet || p.node == "" {
		now = owner{}
	}
	before := c.seats[key]
	if before == now {
		return
	}
	if before != (owner{}) {
		delete(c.seats, key)
		delete(c.seated[before], key)
		if len(c.seated[before]) == 0 {
			delete(c.seated, before)
		}
	}
	if now == (owner{}) {
		return
	}
	if c.seated[now] == nil {
		c.seated[now] = map[string]struct{}{}
	}
	c.seats[key], c.seated[now][key] = now, struct{}{}
}

// SetReplicaSet adds or replaces a ReplicaSet.
func (c *Census) SetReplicaSet(s *ReplicaSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removeReplicaSet(s.Namespace, s.Name)
	if s.owner.kind != kindDeployment {
		return
	}
	if c.sets[s.owner] == nil {
		c.sets[s.owner] = map[string]*ReplicaSet{}
	}
	c.sets[s.owner][s.Name] = s
	c.deployments[owner{kindReplicaSet, s.Namespace, s.Name}] = s.owner
}

// RemoveReplicaSet removes a ReplicaSet.
func (c *Census) RemoveReplicaSet(namespace, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removeReplicaSet(namespace, name)
}

func (c *Census) removeReplicaSet(namespace, name string) {
	key := owner{kindReplicaSet, namespace, name}
	deployment, ok := c.deployments[key]
	if !ok {
		return
	}
	delete(c.deployments, key)
	delete(c.sets[deployment], name)
	if len(c.sets[deployment]) == 0 {
		delete(c.sets, deployment)
	}
}

// Workload names a Deployment, StatefulSet or ReplicaSet of apps/v1 or a Job of batch/v1.
type Workload struct{ APIVersion, Kind, Namespace, Name string }

// owner returns the workload as the controller of its pods, or an error if pods are not counted by it.
func (w Workload) owner() (owner, error) {
	kind := map[string]string{
		"apps/v1/Deployment": kindDeployment, "apps/v1/StatefulSet": kindStatefulSet, "apps/v1/ReplicaSet": kindReplicaSet, "batch/v1/Job": kindJob,
	}[w.APIVersion+"/"+w.Kind]
	if kind == "" {
		return owner{}, fmt.Errorf("replicas of %s in %s cannot be judged: ask about Deployment, StatefulSet or ReplicaSet of apps/v1 or Job of batch/v1", w.Kind, w.APIVersion)
	}
	return owner{kind: kind, namespace: w.Namespace, name: w.Name}, nil
}

// Unschedulable returns how many pods of the workload the scheduler has found no node for since before the given time. Of a Deployment only
// the pods of its newest ReplicaSet count, and found is false when it has none. Of a StatefulSet only those count whose ordinal is above those of
// all pods that have a node: with fewer replicas it loses its last pods, and others keep waiting. The error says that the kind cannot be judged.
func (c *Census) Unschedulable(w Workload, before time.Time) (pods int, found bool, err error) {
	o, err := w.owner()
	if err != nil {
		return 0, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.kind == kindDeployment {
		newest := c.newest(o)
		if newest == nil {
			return 0, false, nil
		}
		o = owner{kind: kindReplicaSet, namespace: newest.Namespace, name: newest.Name}
	}
	last := -1
	for key := range c.seated[o] {
		last = max(last, ordinalOf(key))
	}
	for key, since := range c.waiting[o] {
		if since.Before(before) && (o.kind != kindStatefulSet || ordinalOf(key) > last) {
			pods++
		}
	}
	return pods, true, nil
}

// ordinalOf returns the number at the end of the name of a StatefulSet's pod, -1 if there is none.
func ordinalOf(pod string) int {
	n, err := strconv.Atoi(pod[strings.LastIndexByte(pod, '-')+1:])
	if err != nil {
		return -1
	}
	return n
}

// newest returns the ReplicaSet with the highest revision: of those the youngest, of those the one with the last name.
func (c *Census) newest(deployment owner) *ReplicaSet {
	var newest *ReplicaSet
	for _, s := range c.sets[deployment] {
		if newest == nil || cmp.Or(cmp.Compare(s.revision, newest.revision), s.created.Compare(newest.created), cmp.Compare(s.Name, newest.Name)) > 0 {
			newest = s
		}
	}
	return newest
}
