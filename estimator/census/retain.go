package census

import "strings"

// The Retain methods remove what a complete list does not have. They are given the keys of the list: names of nodes, namespace/name of the rest.

// RetainNodes removes all other nodes.
func (c *Census) RetainNodes(keys map[string]struct{}) {
	for _, name := range c.missing(keys, func(yield func(string)) {
		for i := range c.rows {
			if c.rows[i].exists {
				yield(c.rows[i].name)
			}
		}
	}) {
		c.RemoveNode(name)
	}
}

// RetainPods removes all other pods.
func (c *Census) RetainPods(keys map[string]struct{}) {
	for _, key := range c.missing(keys, func(yield func(string)) {
		for key := range c.pods {
			yield(key)
		}
		for key := range c.waits {
			yield(key)
		}
	}) {
		c.removePod(key)
	}
}

// RetainReplicaSets removes all other ReplicaSets.
func (c *Census) RetainReplicaSets(keys map[string]struct{}) {
	for _, key := range c.missing(keys, func(yield func(string)) {
		for o := range c.deployments {
			yield(o.namespace + "/" + o.name)
		}
	}) {
		namespace, name, _ := strings.Cut(key, "/")
		c.RemoveReplicaSet(namespace, name)
	}
}

// RetainQuotas removes all other ResourceQuotas.
func (c *Census) RetainQuotas(keys map[string]struct{}) {
	for _, key := range c.missing(keys, func(yield func(string)) {
		for namespace, quotas := range c.quotas {
			for name := range quotas {
				yield(namespace + "/" + name)
			}
		}
	}) {
		namespace, name, _ := strings.Cut(key, "/")
		c.RemoveQuota(namespace, name)
	}
}

// missing returns what all yields and keys lacks.
func (c *Census) missing(keys map[string]struct{}, all func(yield func(string))) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var gone []string
	all(func(key string) {
		if _, ok := keys[key]; !ok {
			gone = append(gone, key)
		}
	})
	return gone
}
