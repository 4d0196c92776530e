package clusterstatus

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// observation is what one heartbeat found out. Nil and empty fields mean "could not be found out" and leave the status as it is.
type observation struct {
	health health
	// version is the gitVersion.
	version string
	// apis is nil if discovery was not tried.
	apis      *apis
	nodes     *clusterv1alpha1.NodeSummary
	resources *clusterv1alpha1.ResourceSummary
}

// apis is the answer of discovery.
type apis struct {
	served []*metav1.APIResourceList
	// failed are the group versions that did not answer, with the reason.
	failed map[schema.GroupVersion]error
	// err is set if nothing answered.
	err error
}

// nextStatus computes the whole status from the present one. ready is what the damper reports; while that differs from what was just
// seen, nothing is written: the member is neither surely well nor surely ill. A member that is not ready keeps the rest of its status.
func nextStatus(present clusterv1alpha1.ClusterStatus, seen observation, ready bool) clusterv1alpha1.ClusterStatus {
	next := *present.DeepCopy()
	if seen.health.ready != ready {
		return next
	}
	meta.SetStatusCondition(&next.Conditions, readyCondition(seen.health))
	if !ready {
		return next
	}
	if seen.version != "" {
		next.KubernetesVersion = seen.version
	}
	if seen.apis != nil {
		next.APIEnablements = enablements(present.APIEnablements, seen.apis)
		meta.SetStatusCondition(&next.Conditions, completeness(seen.apis))
	}
	if seen.nodes != nil {
		next.NodeSummary = seen.nodes
	}
	if seen.resources != nil {
		next.ResourceSummary = seen.resources
	}
	return next
}

func readyCondition(h health) metav1.Condition {
	c := metav1.Condition{Type: clusterv1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: h.reason, Message: h.message}
	if h.ready {
		c.Status = metav1.ConditionTrue
	}
	return c
}

func completeness(a *apis) metav1.Condition {
	c := metav1.Condition{Type: clusterv1alpha1.ConditionCompleteAPIEnablements, Status: metav1.ConditionFalse}
	switch {
	case a.err != nil || len(a.served) == 0:
		c.Reason, c.Message = clusterv1alpha1.ReasonAPIEnablementsEmpty, "No API group answered."
		if a.err != nil {
			c.Message = "No API group answered: " + firstLine(a.err)
		}
	case len(a.failed) > 0:
		c.Reason, c.Message = clusterv1alpha1.ReasonAPIEnablementsPartial, "These did not answer: "+strings.Join(failures(a.failed), "; ")
	default:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, clusterv1alpha1.ReasonAPIEnablementsComplete, "Every API group answered."
	}
	return c
}

func failures(failed map[schema.GroupVersion]error) []string {
	result := make([]string, 0, len(failed))
	for version, err := range failed {
		result = append(result, version.String()+": "+firstLine(err))
	}
	slices.Sort(result)
	return result
}

// enablements lists what is served, sorted. A group version that did not answer keeps what it had: silence is not absence.
func enablements(present []clusterv1alpha1.APIEnablement, a *apis) []clusterv1alpha1.APIEnablement {
	if a.err != nil || len(a.served) == 0 {
		return present
	}
	var result []clusterv1alpha1.APIEnablement
	for _, list := range a.served {
		if resources := mainResources(list.APIResources); len(resources) > 0 {
			result = append(result, clusterv1alpha1.APIEnablement{GroupVersion: list.GroupVersion, Resources: resources})
		}
	}
	for _, old := range present {
		version, err := schema.ParseGroupVersion(old.GroupVersion)
		if _, failed := a.failed[version]; err == nil && failed {
			result = append(result, old)
		}
	}
	slices.SortFunc(result, func(a, b clusterv1alpha1.APIEnablement) int { return cmp.Compare(a.GroupVersion, b.GroupVersion) })
	return slices.CompactFunc(result, func(a, b clusterv1alpha1.APIEnablement) bool { return a.GroupVersion == b.GroupVersion })
}

func mainResources(all []metav1.APIResource) []clusterv1alpha1.APIResource {
	var result []clusterv1alpha1.APIResource
	for _, r := range all {
		if !strings.Contains(r.Name, "/") {
			result = append(result, clusterv1alpha1.APIResource{Name: r.Name, Kind: r.Kind})
		}
	}
	slices.SortFunc(result, func(a, b clusterv1alpha1.APIResource) int { return cmp.Compare(a.Name, b.Name) })
	return result
}
