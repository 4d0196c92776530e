package framework

import "hash/fnv"

// Assignment is the replicas that one cluster runs. For a request without replicas (a ConfigMap, say) being listed is what counts and
// Replicas is zero.
type Assignment struct {
	Cluster  string
	Replicas int64
}

// Component is one kind of replica in a workload that has several.
type Component struct {
	Name         string
	Replicas     int64
	Requirements Resources
	// Node is what one replica asks of its node beside resources; nil means any node.
	Node *NodeClaim
}

// Peers is where other workloads run with which a request wants to be together, or apart. It is read only.
type Peers struct {
	// Namespace of the request and its groups.
	Namespace string
	// AffinityGroup is the group to be together with, empty for none. Bound is whether any other member of it is scheduled; Together is the
	// clusters on which all of those run, possibly none.
	AffinityGroup string
	Bound         bool
	Together      []string
	// AntiAffinityGroup is the group to be apart from, empty for none. Apart is the clusters on which any other member of it runs.
	AntiAffinityGroup string
	Apart             []string
}

// PeersSubject returns the subject of FactPeers for a workload group.
func PeersSubject(namespace, group string) string { return namespace + "/" + group }

// Request is one binding that needs clusters. Everything in it is read only while a decision is made.
type Request struct {
	// Key names the binding in explanations, for example namespace/name.
	Key string
	// API is the kind that every chosen cluster must serve.
	API API
	// Replicas is the total that is wanted; it means something only for a Workload.
	Replicas int64
	// Workload tells things that run from things that merely exist.
	Workload bool
	// Requirements is what one replica needs, nil when that was not stated.
	Requirements Resources
	// Node is what one replica asks of its node beside resources; nil means any node.
	Node *NodeClaim
	// Namespace is the template's, in which quotas of members may bound the replicas; empty for one without.
	Namespace string
	// Components is set for workloads with several kinds of replicas; such workloads go to every selected cluster as a whole.
	Components []Component
	// Shape is equal for requests of which equally many fit into a cluster. Empty means that no estimate may be shared.
	Shape string
	// Placement is where the request wants to run.
	Placement *Placement
	// ObservedTerm is the name of the placement's term in use; with an unknown or empty name the first term is tried first.
	ObservedTerm string
	// Current is where the request runs now.
	Current []Assignment
	// Evicting names the clusters from which the request is being removed; they are never chosen.
	Evicting []string
	// Peers is where the other members of the request's workload groups run; nil when it is in none.
	Peers *Peers
	// Fresh asks to divide anew as if nothing ran yet, except that what runs now counts as room.
	Fresh bool
	// NamesDescending resolves ties in the division in favour of the later name.
	NamesDescending bool
}

// StartTerm returns the index of the placement's term to try first.
func (r *Request) StartTerm() int {
	if r.Fresh || r.ObservedTerm == "" {
		return 0
	}
	for i := range r.Placement.Terms {
		if r.Placement.Terms[i].Name == r.ObservedTerm {
			return i
		}
	}
	return 0
}

// CountsReplicas reports whether the answer has a number of replicas for each cluster; otherwise being listed is all there is.
func (r *Request) CountsReplicas() bool { return r.Workload && len(r.Components) == 0 }

// DividesReplicas reports whether the replicas are split rather than repeated.
func (r *Request) DividesReplicas() bool { return r.CountsReplicas() && r.Placement.Strategy.Divides() }

// IsWholeSet reports whether the request has several kinds of replicas, all of which together go to exactly one cluster. Elsewhere such a
// request goes to every selected cluster as it is.
func (r *Request) IsWholeSet() bool {
	if len(r.Components) == 0 {
		return false
	}
	c, ok := r.Placement.SpreadFor(SpreadByCluster)
	return ok && c.MinGroups == 1 && c.MaxGroups == 1
}

// NeedsRoomForSet reports whether the cluster must have room for the whole set of components.
func (r *Request) NeedsRoomForSet() bool { return r.IsWholeSet() && r.Placement.Strategy.Divides() }

// DescendingFor returns the direction of ties for the template with this UID: half of all templates favour the later name, so that single
// leftover replicas do not pile up on the cluster that comes first in the alphabet.
func DescendingFor(uid string) bool {
	if uid == "" {
		return false
	}
	h := fnv.New32a()
	h.Write([]byte(uid)) // never fails
	return h.Sum32()&1 == 1
}
