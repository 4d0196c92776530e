package binding

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/override"
)

// Plan says which Works of a binding to write.
type Plan struct {
	Create []*workv1alpha1.Work
	Update []Update
	Delete []*workv1alpha1.Work
	// Failed are the clusters whose Work could not be built, and why. They keep the Works that they have.
	Failed map[string]error
}

// Update is a Work as it is and as it should be. Both are read-only and may share memory.
type Update struct {
	From, To *workv1alpha1.Work
}

// Orphans returns the Works of clusters that should no longer hold the template.
func Orphans(spec *workv1alpha2.ResourceBindingSpec, works []workv1alpha1.Work) []*workv1alpha1.Work {
	expected := Expected(spec)
	var out []*workv1alpha1.Work
	for i := range works {
		cluster, ok := workv1alpha1.ClusterOf(works[i].Namespace)
		if ok && !expected.Has(cluster) && works[i].DeletionTimestamp == nil {
			out = append(out, &works[i])
		}
	}
	return out
}

// Postponed reports whether a cluster that must be emptied first still has its Work.
func Postponed(spec *workv1alpha2.ResourceBindingSpec, works []workv1alpha1.Work) bool {
	first := purgedFirst(spec)
	return slices.ContainsFunc(works, func(w workv1alpha1.Work) bool {
		cluster, _ := workv1alpha1.ClusterOf(w.Namespace)
		return first.Has(cluster)
	})
}

// PlanWorks compares the Works of the builder's binding with what they should be. cluster returns a cluster by name,
// nil if it does not exist.
func PlanWorks(b *Builder, works []workv1alpha1.Work, cluster func(string) *clusterv1alpha1.Cluster) Plan {
	spec := b.binding.BindingSpec()
	plan := Plan{Delete: Orphans(spec, works), Failed: map[string]error{}}
	if Postponed(spec, works) {
		return plan
	}
	existing := make(map[string]*workv1alpha1.Work, len(works))
	for i := range works {
		existing[works[i].Namespace] = &works[i]
	}
	for _, target := range Targets(spec) {
		old := existing[workv1alpha1.ExecutionNamespace(target.Name)]
		if err := plan.add(b, target, cluster(target.Name), old); err != nil {
			plan.Failed[target.Name] = err
		}
	}
	return plan
}

func (p *Plan) add(b *Builder, target workv1alpha2.TargetCluster, cluster *clusterv1alpha1.Cluster, old *workv1alpha1.Work) error {
	switch {
	case cluster == nil:
		return fmt.Errorf("cluster %s is not joined: join it, or let the policy name another", target.Name)
	case cluster.DeletionTimestamp != nil:
		return nil // its execution namespace takes no new Works; the scheduler moves the binding away
	case old != nil && old.DeletionTimestamp != nil:
		return nil // its deletion wakes the binding
	case old == nil:
		work, err := b.work(cluster, target, uuid.NewString())
		if err == nil {
			p.Create = append(p.Create, work)
		}
		return err
	}
	id := old.Labels[workv1alpha1.PermanentIDLabel]
	if id == "" {
		id = uuid.NewString()
	}
	want, err := b.work(cluster, target, id)
	if err != nil {
		return err
	}
	if updated, changed := renewed(old, want); changed {
		p.Update = append(p.Update, Update{From: old, To: updated})
	}
	return nil
}

// work builds the complete Work of one cluster, so that creating it is one write.
func (b *Builder) work(cluster *clusterv1alpha1.Cluster, target workv1alpha2.TargetCluster, id string) (*workv1alpha1.Work, error) {
	raw, applied, err := b.Manifest(cluster, target, id)
	if err != nil {
		return nil, err
	}
	annotations, err := b.workAnnotations(applied)
	if err != nil {
		return nil, err
	}
	spec, key := b.binding.BindingSpec(), idLabel(b.binding)
	return &workv1alpha1.Work{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   workv1alpha1.ExecutionNamespace(cluster.Name),
			Name:        workName(b.binding),
			Finalizers:  []string{workv1alpha1.WorkFinalizer},
			Labels:      map[string]string{key: b.binding.GetLabels()[key], workv1alpha1.PermanentIDLabel: id},
			Annotations: annotations,
		},
		Spec: workv1alpha1.WorkSpec{
			Workload:                    workv1alpha1.WorkloadTemplate{Manifests: []runtime.RawExtension{{Raw: raw}}},
			SuspendDispatching:          ptr.To(suspended(spec, cluster.Name)),
			PreserveResourcesOnDeletion: ptr.To(ptr.Deref(spec.PreserveResourcesOnDeletion, false)),
		},
	}, nil
}

func (b *Builder) workAnnotations(applied override.Applied) (map[string]string, error) {
	annotations, err := applied.Annotations()
	if err != nil {
		return nil, err
	}
	annotations = merged(annotations, backReference(b.binding))
	annotations[workv1alpha1.ConflictResolutionAnnotation] = conflictResolution(b.template, b.binding)
	return annotations, nil
}

// renewed returns old with everything that want says, and whether that changes anything. What others added to the
// metadata stays. old is not changed; the result may share memory with it.
func renewed(old, want *workv1alpha1.Work) (work *workv1alpha1.Work, changed bool) {
	out := *old
	out.Labels = overlaid(old.Labels, want.Labels, nil)
	out.Annotations = overlaid(old.Annotations, want.Annotations, override.AnnotationKeys)
	if !slices.Contains(old.Finalizers, workv1alpha1.WorkFinalizer) {
		out.Finalizers = append(slices.Clone(old.Finalizers), workv1alpha1.WorkFinalizer)
	}
	out.Spec = want.Spec
	if old.Spec.Workload.SameManifests(&want.Spec.Workload) {
		out.Spec.Workload = old.Spec.Workload
	}
	changed = !maps.Equal(old.Labels, out.Labels) || !maps.Equal(old.Annotations, out.Annotations) ||
		len(old.Finalizers) != len(out.Finalizers) || !sameSpec(&old.Spec, &want.Spec)
	return &out, changed
}

// overlaid returns base with want on top, and without those of owned that want lacks.
func overlaid(base, want map[string]string, owned []string) map[string]string {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]string{}
	}
	for _, key := range owned {
		delete(out, key)
	}
	maps.Copy(out, want)
	return out
}

func sameSpec(a, b *workv1alpha1.WorkSpec) bool {
	return ptr.Deref(a.SuspendDispatching, false) == ptr.Deref(b.SuspendDispatching, false) &&
		ptr.Deref(a.PreserveResourcesOnDeletion, false) == ptr.Deref(b.PreserveResourcesOnDeletion, false) &&
		a.Workload.SameManifests(&b.Workload)
}
