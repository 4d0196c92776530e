package selector

import (
	"cmp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// Best returns the policy that obj belongs to: the highest priority, then the most specific selector (a name, then
// labels, then everything), then the smallest name. examined is the number of selectors that were looked at.
func (x *Index) Best(obj *unstructured.Unstructured) (best Key, examined int, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	objLabels := labelsOf(obj)
	var top candidate
	bucketsOf(obj, func(b bucket) {
		for _, e := range x.buckets[b] {
			c := candidate{entry: e, strength: b.strength}
			if ok && !c.beats(top) {
				return // the bucket is in order: what follows cannot win either
			}
			examined++
			if e.matches(objLabels) {
				top, ok = c, true
				return
			}
		}
	})
	return top.key, examined, ok
}

// All returns every policy that selects obj, once each, in no particular order.
func (x *Index) All(obj *unstructured.Unstructured) []Key {
	x.mu.RLock()
	defer x.mu.RUnlock()
	objLabels := labelsOf(obj)
	var keys []Key
	seen := map[Key]bool{}
	bucketsOf(obj, func(b bucket) {
		for _, e := range x.buckets[b] {
			if !seen[e.key] && e.matches(objLabels) {
				seen[e.key] = true
				keys = append(keys, e.key)
			}
		}
	})
	return keys
}

// Selects reports whether the policy is in the index and selects obj.
func (x *Index) Selects(key Key, obj *unstructured.Unstructured) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	objLabels, found := labelsOf(obj), false
	filed := make(map[bucket]bool, len(x.filed[key]))
	for _, b := range x.filed[key] {
		filed[b] = true
	}
	bucketsOf(obj, func(b bucket) {
		if found || !filed[b] {
			return
		}
		for _, e := range x.buckets[b] {
			if e.key == key && e.matches(objLabels) {
				found = true
				return
			}
		}
	})
	return found
}

type candidate struct {
	entry
	strength strength
}

func (c candidate) beats(other candidate) bool {
	return cmp.Or(
		cmp.Compare(c.priority, other.priority),
		cmp.Compare(c.strength, other.strength),
		cmp.Compare(other.key.Name, c.key.Name),
		cmp.Compare(other.key.Namespace, c.key.Namespace),
	) > 0
}

func (e entry) matches(objLabels labels.Labels) bool {
	return e.labels == nil || e.labels.Matches(objLabels)
}

// looseLabels are the labels of an unstructured object as they lie there, so that matching copies nothing.
type looseLabels map[string]any

func labelsOf(obj *unstructured.Unstructured) looseLabels {
	metadata, _ := obj.Object["metadata"].(map[string]any)
	found, _ := metadata["labels"].(map[string]any)
	return found
}

// Has implements [labels.Labels].
func (l looseLabels) Has(key string) bool {
	_, ok := l[key].(string)
	return ok
}

// Get implements [labels.Labels].
func (l looseLabels) Get(key string) string {
	value, _ := l[key].(string)
	return value
}

// Lookup implements [labels.Labels].
func (l looseLabels) Lookup(key string) (string, bool) {
	value, ok := l[key].(string)
	return value, ok
}
