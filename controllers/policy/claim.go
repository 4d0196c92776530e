package policy

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/policy/selector"
)

// Key names a policy: a PropagationPolicy, or a ClusterPropagationPolicy if Namespace is empty.
type Key = selector.Key

// KeyOf returns the key of a policy.
func KeyOf(p policyv1alpha1.Policy) Key {
	return Key{Namespace: p.GetNamespace(), Name: p.GetName()}
}

// Claim says which policy an object belongs to. The zero value means none.
type Claim struct {
	// ID is the policy's permanent id.
	ID string
	// Policy names it.
	Policy Key
}

// claimKeys are the metadata keys of both kinds of claim. A claim sets those of its kind and removes the others.
var (
	claimLabels = []string{
		policyv1alpha1.PropagationPolicyPermanentIDLabel,
		policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel,
	}
	claimAnnotations = []string{
		policyv1alpha1.PropagationPolicyNamespaceAnnotation,
		policyv1alpha1.PropagationPolicyNameAnnotation,
		policyv1alpha1.ClusterPropagationPolicyNameAnnotation,
	}
)

// ClaimOf returns the complete claim that obj carries; a PropagationPolicy's comes first. An incomplete one is none.
func ClaimOf(obj metav1.Object) Claim {
	labels, annotations := obj.GetLabels(), obj.GetAnnotations()
	namespaced := Claim{ID: labels[policyv1alpha1.PropagationPolicyPermanentIDLabel], Policy: Key{
		Namespace: annotations[policyv1alpha1.PropagationPolicyNamespaceAnnotation],
		Name:      annotations[policyv1alpha1.PropagationPolicyNameAnnotation],
	}}
	if namespaced.ID != "" && namespaced.Policy.Namespace != "" && namespaced.Policy.Name != "" {
		return namespaced
	}
	cluster := Claim{ID: labels[policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel], Policy: Key{
		Name: annotations[policyv1alpha1.ClusterPropagationPolicyNameAnnotation],
	}}
	if cluster.ID != "" && cluster.Policy.Name != "" {
		return cluster
	}
	return Claim{}
}

// labels returns the labels of the claim; those of claimLabels that are not in it must be absent.
func (c Claim) labels() map[string]string {
	switch {
	case c == Claim{}:
		return nil
	case c.Policy.Namespace == "":
		return map[string]string{policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel: c.ID}
	default:
		return map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: c.ID}
	}
}

// annotations returns the annotations of the claim; those of claimAnnotations that are not in it must be absent.
func (c Claim) annotations() map[string]string {
	switch {
	case c == Claim{}:
		return nil
	case c.Policy.Namespace == "":
		return map[string]string{policyv1alpha1.ClusterPropagationPolicyNameAnnotation: c.Policy.Name}
	default:
		return map[string]string{
			policyv1alpha1.PropagationPolicyNamespaceAnnotation: c.Policy.Namespace,
			policyv1alpha1.PropagationPolicyNameAnnotation:      c.Policy.Name,
		}
	}
}

// edits returns what turns current into the claim's part of it: a value to set, nil to remove. Nil means no change.
func edits(current, want map[string]string, keys []string) map[string]any {
	var out map[string]any
	for _, key := range keys {
		have, has := current[key]
		value, wanted := want[key]
		if has == wanted && have == value {
			continue
		}
		if out == nil {
			out = map[string]any{}
		}
		out[key] = nil
		if wanted {
			out[key] = value
		}
	}
	return out
}

// permanentID returns the id that a policy carries; "" if the lifecycle controller has not given it one yet.
func permanentID(p policyv1alpha1.Policy) string {
	return p.GetLabels()[permanentIDLabel(p.GetNamespace())]
}

func permanentIDLabel(policyNamespace string) string {
	if policyNamespace == "" {
		return policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel
	}
	return policyv1alpha1.PropagationPolicyPermanentIDLabel
}

func finalizer(policyNamespace string) string {
	if policyNamespace == "" {
		return policyv1alpha1.ClusterPropagationPolicyFinalizer
	}
	return policyv1alpha1.PropagationPolicyFinalizer
}
