package binding

import (
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/override"
	"github.com/longshore-project/longshore/controllers/policy/selector"
)

// overrides holds all override policies, indexed by what they select. It is safe for concurrent use.
type overrides struct {
	mu       sync.RWMutex
	policies map[selector.Key]policyv1alpha1.Override
	index    *selector.Index
}

func newOverrides() *overrides {
	return &overrides{policies: map[selector.Key]policyv1alpha1.Override{}, index: selector.New()}
}

func keyOf(p policyv1alpha1.Override) selector.Key {
	return selector.Key{Namespace: p.GetNamespace(), Name: p.GetName()}
}

// set takes in a policy and returns what is wrong with its selectors, nil if nothing is. A label selector that does
// not parse is filed under the whole kind: what it might select is not propagated, rather than propagated without the
// override. A selector that leaves the policy's namespace selects nothing.
func (o *overrides) set(p policyv1alpha1.Override) error {
	key, selectors := keyOf(p), p.OverrideSpec().ResourceSelectors
	o.mu.Lock()
	defer o.mu.Unlock()
	o.policies[key] = p
	if len(selectors) == 0 {
		o.index.SetAll(key)
		return nil
	}
	err := o.index.Set(key, 0, selectors)
	if err == nil {
		return nil
	}
	_ = o.index.Set(key, 0, lenient(key.Namespace, selectors)) // what is left is valid
	return err
}

func lenient(namespace string, selectors []policyv1alpha1.ResourceSelector) []policyv1alpha1.ResourceSelector {
	var out []policyv1alpha1.ResourceSelector
	for _, s := range selectors {
		if selector.Check(namespace, []policyv1alpha1.ResourceSelector{s}) != nil {
			s.LabelSelector = nil
		}
		if selector.Check(namespace, []policyv1alpha1.ResourceSelector{s}) == nil {
			out = append(out, s)
		}
	}
	return out
}

func (o *overrides) delete(p policyv1alpha1.Override) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.policies, keyOf(p))
	o.index.Delete(keyOf(p))
}

func (o *overrides) empty() bool { return o.index.Len() == 0 }

// matching returns the policies that change the template, in the order in which they apply.
func (o *overrides) matching(template *unstructured.Unstructured) (override.Matched, error) {
	if o.empty() {
		return nil, nil
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	var found []policyv1alpha1.Override
	for _, key := range o.index.All(template) {
		found = append(found, o.policies[key])
	}
	if len(found) == 0 {
		return nil, nil
	}
	return override.Match(template, found)
}
