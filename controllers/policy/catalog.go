// Package policy turns templates and the policies that match them into bindings.
//
//	policy, template ──► decide: who claims the template? ──► claim on the template, binding built from both
//
// Two controllers share a [Catalog]: the claim controller (one key per template) is the only writer of claims and of
// the policy-derived part of bindings; the lifecycle controller (one key per policy) gives policies their permanent id
// and finalizer, and lets them go once nothing is claimed.
package policy

import (
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/policy/selector"
)

// Record is what the catalog knows of a policy. It is immutable.
type Record struct {
	// Policy is shared with the cache that it came from: read-only.
	Policy policyv1alpha1.Policy
	// Err says why the policy cannot be applied, nil if it can. An invalid policy keeps what it has claimed and gets
	// nothing new.
	Err error
}

// Catalog holds all policies, indexed by what they select. It is safe for concurrent use.
type Catalog struct {
	mu      sync.RWMutex
	records map[Key]*Record

	namespaced *selector.Index
	cluster    *selector.Index
}

// NewCatalog returns an empty catalog.
func NewCatalog() *Catalog {
	return &Catalog{records: map[Key]*Record{}, namespaced: selector.New(), cluster: selector.New()}
}

// Set takes in a policy as it now is, and returns why it is invalid, nil if it is not.
func (c *Catalog) Set(p policyv1alpha1.Policy) error {
	key, spec := KeyOf(p), p.PropagationSpec()
	c.mu.Lock()
	defer c.mu.Unlock()
	err := Validate(p)
	c.records[key] = &Record{Policy: p, Err: err}
	if err != nil || p.GetDeletionTimestamp() != nil {
		c.index(key).Delete(key)
		return err
	}
	// Validate has compiled the selectors already, so this cannot fail.
	return c.index(key).Set(key, spec.Priority, spec.ResourceSelectors)
}

// Delete forgets a policy.
func (c *Catalog) Delete(key Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.records, key)
	c.index(key).Delete(key)
}

// Get returns what is known of a policy, nil if it does not exist.
func (c *Catalog) Get(key Key) *Record {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.records[key]
}

// Match returns the policy that an unclaimed template belongs to, nil if none: any PropagationPolicy before every
// ClusterPropagationPolicy; among one kind the highest priority, the most specific selector, the smallest name.
// examined is the number of selectors looked at.
func (c *Catalog) Match(template *unstructured.Unstructured) (match *Record, examined int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if template.GetNamespace() != "" {
		key, n, ok := c.namespaced.Best(template)
		if examined += n; ok {
			return c.records[key], examined
		}
	}
	key, n, ok := c.cluster.Best(template)
	if examined += n; ok {
		return c.records[key], examined
	}
	return nil, examined
}

// Selects reports whether a valid policy that is not being deleted selects the template.
func (c *Catalog) Selects(key Key, template *unstructured.Unstructured) bool {
	return c.index(key).Selects(key, template)
}

// Preemptor returns the policy that takes the template away from the current one, nil if none does.
func (c *Catalog) Preemptor(template *unstructured.Unstructured, current *Record) *Record {
	c.mu.RLock()
	defer c.mu.RUnlock()
	best := current
	for _, index := range []*selector.Index{c.namespaced, c.cluster} {
		for _, key := range index.All(template) {
			if challenger := c.records[key]; preempts(challenger.Policy, best.Policy) {
				best = challenger
			}
		}
	}
	if best == current {
		return nil
	}
	return best
}

// preempts: a PropagationPolicy takes from any ClusterPropagationPolicy; otherwise the priority must be higher and the
// kind the same.
func preempts(challenger, current policyv1alpha1.Policy) bool {
	if challenger.PropagationSpec().Preemption != policyv1alpha1.PreemptAlways || challenger == current {
		return false
	}
	fromNamespaced, toNamespaced := current.GetNamespace() != "", challenger.GetNamespace() != ""
	if fromNamespaced != toNamespaced {
		return toNamespaced
	}
	return challenger.PropagationSpec().Priority > current.PropagationSpec().Priority
}

// DependingOn returns the policies that wait for an override policy of that namespace (empty: cluster scoped) and name.
func (c *Catalog) DependingOn(namespace, name string) []policyv1alpha1.Policy {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []policyv1alpha1.Policy
	for key, r := range c.records {
		if key.Namespace != namespace {
			continue
		}
		for _, needed := range r.Policy.PropagationSpec().DependentOverrides {
			if needed == name {
				out = append(out, r.Policy)
			}
		}
	}
	return out
}

func (c *Catalog) index(key Key) *selector.Index {
	if key.Namespace == "" {
		return c.cluster
	}
	return c.namespaced
}
