// Package status carries what members report back up: Works → binding.status → template.status.
//
//	Work changed ──► wait for the burst to end ──► one write of binding.status ──► one write of template.status
//
// Two windows coalesce bursts. A change is looked at after Window. Intermediate states, in which some member is still at
// work, are written after Progress, and final ones (all healthy, or refused) at once: a Deployment that becomes ready
// within Progress costs one write each instead of one for every step. Nothing is written that is already there.
package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/binding"
)

// settle is how long a new Work may be silent before the binding says that it is not applied. Saying so at once would
// cost one write for every template, to be revoked a moment later.
const settle = 5 * time.Second

// Items returns what the Works say about each cluster, sorted by cluster. Works that are being deleted say nothing, and
// Works younger than settle that no controller has looked at yet are left out; again is when to look at them again, 0
// if there are none.
func Items(works []workv1alpha1.Work, now time.Time) (items []workv1alpha2.AggregatedStatusItem, again time.Duration) {
	for i := range works {
		work := &works[i]
		cluster, ok := workv1alpha1.ClusterOf(work.Namespace)
		if !ok || work.DeletionTimestamp != nil {
			continue
		}
		applied := meta.FindStatusCondition(work.Status.Conditions, workv1alpha1.ConditionApplied)
		if left := settle - now.Sub(work.CreationTimestamp.Time); applied == nil && left > 0 {
			again = max(again, left)
			continue
		}
		items = append(items, item(cluster, work, applied))
	}
	slices.SortFunc(items, func(a, b workv1alpha2.AggregatedStatusItem) int { return strings.Compare(a.ClusterName, b.ClusterName) })
	return items, again
}

func item(cluster string, work *workv1alpha1.Work, applied *metav1.Condition) workv1alpha2.AggregatedStatusItem {
	out := workv1alpha2.AggregatedStatusItem{ClusterName: cluster, Health: workv1alpha2.ResourceUnknown}
	if applied == nil || applied.Status != metav1.ConditionTrue {
		if applied != nil {
			out.AppliedMessage = applied.Message
		}
		return out
	}
	out.Applied = true
	if len(work.Status.ManifestStatuses) == 0 {
		return out
	}
	manifest := &work.Status.ManifestStatuses[0] // a Work of a binding holds one manifest
	out.Status = manifest.Status
	if manifest.Health != "" {
		out.Health = workv1alpha2.ResourceHealth(manifest.Health)
	}
	return out
}

// FullyApplied returns the condition of that type: True if exactly the clusters that should hold the template report,
// and each that it is applied.
func FullyApplied(spec *workv1alpha2.ResourceBindingSpec, items []workv1alpha2.AggregatedStatusItem) metav1.Condition {
	condition := metav1.Condition{
		Type:   workv1alpha2.ConditionFullyApplied,
		Status: metav1.ConditionFalse,
		Reason: workv1alpha2.ReasonFullyAppliedFailed,
	}
	expected := binding.Expected(spec)
	switch missing := notApplied(expected, items); {
	case expected.Len() == 0:
		condition.Message = "no cluster is chosen yet"
	case len(missing) > 0:
		condition.Message = fmt.Sprintf("applied in %d of %d clusters; missing: %s", expected.Len()-len(missing), expected.Len(), few(missing))
	case len(items) != expected.Len():
		condition.Message = "clusters that should no longer hold the template still do"
	default:
		condition.Status = metav1.ConditionTrue
		condition.Reason = workv1alpha2.ReasonFullyAppliedSuccess
		condition.Message = "applied in every cluster"
	}
	return condition
}

func notApplied(expected sets.Set[string], items []workv1alpha2.AggregatedStatusItem) []string {
	missing := expected.Clone()
	for i := range items {
		if items[i].Applied {
			missing.Delete(items[i].ClusterName)
		}
	}
	return sets.List(missing)
}

// few lists the first names and counts the rest.
func few(names []string) string {
	const shown = 5
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// Change is what to write to the status of a binding.
type Change struct {
	// Items replace aggregatedStatus; they are to be written if ItemsChanged.
	Items        []workv1alpha2.AggregatedStatusItem
	ItemsChanged bool
	// Conditions replace conditions; nil means no change.
	Conditions []metav1.Condition
	// Again is when to look again because something was held back, 0 for not at all.
	Again time.Duration
}

// Empty reports whether there is nothing to write.
func (c *Change) Empty() bool { return !c.ItemsChanged && c.Conditions == nil }

// PlanStatus compares the binding's status with what its Works say. A first FullyApplied=False is held back while the
// binding is so young that the scheduler, the Works or the members may be about to make it True.
func PlanStatus(b workv1alpha2.Binding, items []workv1alpha2.AggregatedStatusItem, works []workv1alpha1.Work, now time.Time) Change {
	status := b.BindingStatus()
	change := Change{Items: items, ItemsChanged: !sameItems(status.AggregatedStatus, items)}
	want := FullyApplied(b.BindingSpec(), items)
	have := meta.FindStatusCondition(status.Conditions, want.Type)
	if have == nil && want.Status == metav1.ConditionFalse && !refused(items) {
		if change.Again = settle - now.Sub(lastStep(b, works)); change.Again > 0 {
			return change
		}
		change.Again = 0
	}
	if have != nil && sameVerdict(have, &want) && !change.ItemsChanged {
		return change // the generation is recorded when something else is written and not worth a write of its own
	}
	conditions := slices.Clone(status.Conditions)
	want.ObservedGeneration = b.GetGeneration()
	want.LastTransitionTime = metav1.NewTime(now)
	if meta.SetStatusCondition(&conditions, want) {
		change.Conditions = conditions
	}
	return change
}

// refused reports whether a member has refused the template, or for long said nothing.
func refused(items []workv1alpha2.AggregatedStatusItem) bool {
	return slices.ContainsFunc(items, func(i workv1alpha2.AggregatedStatusItem) bool { return !i.Applied })
}

// Settled reports whether no better news is to be expected: every cluster that should hold the template reports, and
// either that it is healthy or that it was refused.
func Settled(spec *workv1alpha2.ResourceBindingSpec, items []workv1alpha2.AggregatedStatusItem) bool {
	if binding.Expected(spec).Len() > len(items) {
		return false
	}
	return !slices.ContainsFunc(items, func(i workv1alpha2.AggregatedStatusItem) bool {
		return i.Applied && i.Health != workv1alpha2.ResourceHealthy
	})
}

// lastStep is when the binding last came nearer to being applied.
func lastStep(b workv1alpha2.Binding, works []workv1alpha1.Work) time.Time {
	last := b.GetCreationTimestamp().Time
	if scheduled := b.BindingStatus().LastScheduledTime; scheduled != nil && scheduled.After(last) {
		last = scheduled.Time
	}
	for i := range works {
		if works[i].CreationTimestamp.After(last) {
			last = works[i].CreationTimestamp.Time
		}
	}
	return last
}

func sameVerdict(a, b *metav1.Condition) bool {
	return a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message
}

func sameItems(a, b []workv1alpha2.AggregatedStatusItem) bool {
	return slices.EqualFunc(a, b, func(x, y workv1alpha2.AggregatedStatusItem) bool {
		return x.ClusterName == y.ClusterName && x.Applied == y.Applied && x.AppliedMessage == y.AppliedMessage &&
			x.Health == y.Health && sameRaw(x.Status, y.Status)
	})
}

func sameRaw(a, b *runtime.RawExtension) bool {
	if a == nil || b == nil {
		return a == b
	}
	return workv1alpha1.SameJSON(a.Raw, b.Raw)
}
