package v1alpha1

import (
	"bytes"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
)

// SameJSON reports whether two raw parts mean the same: the API server may store them with other spacing or order of keys. What is no JSON is
// the same as its own bytes only.
func SameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) { // What the server returns is usually what was sent.
		return true
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// SameManifests reports whether both hold the same manifests, in the same order.
func (w *WorkloadTemplate) SameManifests(other *WorkloadTemplate) bool {
	return slices.EqualFunc(w.Manifests, other.Manifests, func(x, y runtime.RawExtension) bool { return SameJSON(x.Raw, y.Raw) })
}
