// Package selector finds the policies whose resource selectors match an object without looking at the others.
//
// Every selector is filed under the most telling thing it asks for, so that an object looks into a handful of buckets:
//
//	(apiVersion, kind, namespace, name)             selectors with a name
//	(apiVersion, kind, namespace, label key=value)  label selectors that require one of a few values of a label
//	(apiVersion, kind, namespace)                   other label selectors, and selectors of everything
package selector

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// Key names a policy. Namespace is empty for a cluster-scoped policy.
type Key struct {
	Namespace, Name string
}

// String returns "namespace/name", or "name" for a cluster-scoped policy.
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Name
	}
	return k.Namespace + "/" + k.Name
}

// strength is how specific a selector is; higher wins among policies of equal priority.
type strength uint8

const (
	matchesAll    strength = 1
	matchesLabels strength = 2
	matchesName   strength = 3
)

// bucket is what selectors are filed under. Exactly one of name, label and neither is in use.
type bucket struct {
	apiVersion, kind, namespace string
	strength                    strength
	name                        string
	labelKey, labelValue        string
}

// entry is one selector of one policy inside a bucket.
type entry struct {
	key      Key
	priority int32
	labels   labels.Selector // nil: everything in the bucket matches
}

// inOrder sorts entries of one bucket, which have equal strength: best first.
func inOrder(a, b entry) int {
	return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.key.Name, b.key.Name), cmp.Compare(a.key.Namespace, b.key.Namespace))
}

// Index holds the selectors of policies. The zero value is not usable; use [New]. It is safe for concurrent use.
type Index struct {
	mu      sync.RWMutex
	buckets map[bucket][]entry
	filed   map[Key][]bucket
}

// New returns an empty index.
func New() *Index {
	return &Index{buckets: map[bucket][]entry{}, filed: map[Key][]bucket{}}
}

// Len returns the number of policies.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.filed)
}

// Set files the selectors of a policy, in place of those it had. On error, which names the selector and the cure, the
// policy is no longer in the index.
func (x *Index) Set(key Key, priority int32, selectors []policyv1alpha1.ResourceSelector) error {
	filings, err := compileAll(key.Namespace, selectors)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(key)
	if err != nil {
		return err
	}
	x.filed[key] = nil
	for _, f := range filings {
		x.insert(f.bucket, entry{key: key, priority: priority, labels: f.labels})
	}
	return nil
}

// SetAll files a policy that selects every object of its namespace, or every object if it is cluster scoped.
func (x *Index) SetAll(key Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(key)
	x.insert(bucket{namespace: key.Namespace, strength: matchesAll}, entry{key: key})
}

// Delete removes a policy; one that is not there is no error.
func (x *Index) Delete(key Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(key)
}

func (x *Index) insert(b bucket, e entry) {
	entries := x.buckets[b]
	at, _ := slices.BinarySearchFunc(entries, e, inOrder)
	x.buckets[b] = slices.Insert(entries, at, e)
	x.filed[e.key] = append(x.filed[e.key], b)
}

func (x *Index) remove(key Key) {
	for _, b := range x.filed[key] {
		rest := slices.DeleteFunc(x.buckets[b], func(e entry) bool { return e.key == key })
		if len(rest) == 0 {
			delete(x.buckets, b)
		} else {
			x.buckets[b] = rest
		}
	}
	delete(x.filed, key)
}

// Check returns why selectors cannot be used, nil if they can; namespace is that of a namespaced policy, which may
// select nowhere else, and empty for a cluster-scoped one. The error names the selector and the cure.
func Check(namespace string, selectors []policyv1alpha1.ResourceSelector) error {
	_, err := compileAll(namespace, selectors)
	return err
}

// filing is a compiled selector and where it is filed.
type filing struct {
	bucket bucket
	labels labels.Selector
}

// compileAll checks selectors and returns where to file them. namespace is that of a namespaced policy, which may select
// nowhere else; it is empty for a cluster-scoped one.
func compileAll(namespace string, selectors []policyv1alpha1.ResourceSelector) ([]filing, error) {
	var out []filing
	for i := range selectors {
		s := &selectors[i]
		in, err := effectiveNamespace(namespace, s)
		if err != nil {
			return nil, fmt.Errorf("reading resourceSelectors[%d]: %w", i, err)
		}
		filings, err := compile(bucket{apiVersion: s.APIVersion, kind: s.Kind, namespace: in}, s)
		if err != nil {
			return nil, fmt.Errorf("reading resourceSelectors[%d]: %w", i, err)
		}
		out = append(out, filings...)
	}
	return out, nil
}

func effectiveNamespace(policy string, s *policyv1alpha1.ResourceSelector) (string, error) {
	switch {
	case policy == "", s.Namespace == policy:
		return s.Namespace, nil
	case s.Namespace == "":
		return policy, nil
	default:
		return "", fmt.Errorf("it names namespace %q, but a policy in namespace %q selects only there: "+
			"remove the field, move the policy, or use the cluster-scoped kind", s.Namespace, policy)
	}
}

func compile(b bucket, s *policyv1alpha1.ResourceSelector) ([]filing, error) {
	if s.Name != "" {
		b.strength, b.name = matchesName, s.Name
		return []filing{{bucket: b}}, nil
	}
	if s.LabelSelector == nil {
		b.strength = matchesAll
		return []filing{{bucket: b}}, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(s.LabelSelector)
	if err != nil {
		return nil, fmt.Errorf("its labelSelector does not parse: %w", err)
	}
	b.strength = matchesLabels
	key, values := anchor(selector)
	if key == "" {
		return []filing{{bucket: b, labels: selector}}, nil
	}
	out := make([]filing, 0, len(values))
	for _, value := range values {
		b.labelKey, b.labelValue = key, value
		out = append(out, filing{bucket: b, labels: selector})
	}
	return out, nil
}

// anchor returns the label whose value the selector pins down to the fewest values; "" if it pins none.
func anchor(selector labels.Selector) (key string, values []string) {
	requirements, _ := selector.Requirements()
	for _, r := range requirements {
		allowed, pins := r.Values(), pinsValues(r)
		if pins && (key == "" || allowed.Len() < len(values)) {
			key, values = r.Key(), allowed.List()
		}
	}
	return key, values
}

func pinsValues(r labels.Requirement) bool {
	switch r.Operator() {
	case "in", "=", "==":
		return true
	default:
		return false
	}
}

// bucketsOf calls visit for each bucket that may hold a selector matching obj.
func bucketsOf(obj *unstructured.Unstructured, visit func(bucket)) {
	b := bucket{apiVersion: obj.GetAPIVersion(), kind: obj.GetKind()}
	objLabels := labelsOf(obj)
	for _, namespace := range namespacesOf(obj.GetNamespace()) {
		b.namespace = namespace
		named, labelled, all := b, b, b
		named.strength, named.name = matchesName, obj.GetName()
		visit(named)
		labelled.strength = matchesLabels
		visit(labelled)
		for key, value := range objLabels {
			if s, ok := value.(string); ok {
				labelled.labelKey, labelled.labelValue = key, s
				visit(labelled)
			}
		}
		all.strength = matchesAll
		visit(all)
		visit(bucket{namespace: namespace, strength: matchesAll})
	}
}

// namespacesOf lists the namespaces under which selectors of an object are filed: its own and "any".
func namespacesOf(namespace string) []string {
	if namespace == "" {
		return []string{""}
	}
	return []string{namespace, ""}
}
