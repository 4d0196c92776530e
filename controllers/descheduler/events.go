package descheduler

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// event is what is told about a binding and its template.
type event struct{ kind, reason, note string }

// succeeded tells what was taken away: "replicas that found no node for 5m0s were taken away: member1 5 to 3".
func succeeded(before, after []workv1alpha2.TargetCluster, threshold time.Duration) event {
	note := fmt.Sprintf("replicas that found no node for %s were taken away: %s", threshold, changes(before, after))
	return event{corev1.EventTypeNormal, workv1alpha2.EventDescheduleBindingSucceed, note}
}

func failed(err error) event {
	return event{corev1.EventTypeWarning, workv1alpha2.EventDescheduleBindingFailed, err.Error()}
}

// changes names the members that have fewer replicas after than before.
func changes(before, after []workv1alpha2.TargetCluster) string {
	left := make(map[string]int32, len(after))
	for _, t := range after {
		left[t.Name] = t.Replicas
	}
	var out []string
	for _, t := range before {
		if left[t.Name] < t.Replicas {
			out = append(out, fmt.Sprintf("%s %d to %d", t.Name, t.Replicas, left[t.Name]))
		}
	}
	return strings.Join(out, ", ")
}

// tell announces on the binding and its template.
func (c *Controller) tell(b *workv1alpha2.ResourceBinding, e event) {
	r := &b.Spec.Resource
	template := &corev1.ObjectReference{APIVersion: r.APIVersion, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, UID: r.UID}
	c.Events.Eventf(b.DeepCopy(), nil, e.kind, e.reason, "Deschedule", "%s", e.note)
	c.Events.Eventf(template, nil, e.kind, e.reason, "Deschedule", "%s", e.note)
}
