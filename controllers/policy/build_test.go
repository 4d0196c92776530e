package policy_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/policy"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

func setClaim(obj *unstructured.Unstructured, key policy.Key) {
	switch {
	case key == policy.Key{}:
	case key.Namespace == "":
		obj.SetLabels(withKey(obj.GetLabels(), policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel, "id-"+key.Name))
		obj.SetAnnotations(map[string]string{policyv1alpha1.ClusterPropagationPolicyNameAnnotation: key.Name})
	default:
		obj.SetLabels(withKey(obj.GetLabels(), policyv1alpha1.PropagationPolicyPermanentIDLabel, "id-"+key.Name))
		obj.SetAnnotations(map[string]string{
			policyv1alpha1.PropagationPolicyNamespaceAnnotation: key.Namespace,
			policyv1alpha1.PropagationPolicyNameAnnotation:      key.Name,
		})
	}
}

func inputs() policy.Inputs {
	obj := templatetest.Deployment("default", "Web:1", 3)
	obj.SetUID("uid-1")
	obj.SetResourceVersion("7")
	p := admitted(pp("default", "p", deployments("")))
	p.Spec.Suspension = &policyv1alpha1.Suspension{Dispatching: ptr.To(true)}
	p.Spec.ConflictResolution = policyv1alpha1.ConflictOverwrite
	p.Spec.PreserveResourcesOnDeletion = ptr.To(true)
	return policy.Inputs{Template: obj, Policy: p, Replicas: 3, Priority: ptr.To[int32](42)}
}

func TestNewBinding(t *testing.T) {
	got, ok := policy.NewBinding(inputs()).(*workv1alpha2.ResourceBinding)
	if !ok {
		t.Fatal("a namespaced template needs a ResourceBinding")
	}
	if got.Labels[workv1alpha2.BindingPermanentIDLabel] == "" {
		t.Error("no permanent id")
	}
	delete(got.Labels, workv1alpha2.BindingPermanentIDLabel)
	want := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "web.1-deployment",
			Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id-p"},
			Annotations: map[string]string{
				policyv1alpha1.PropagationPolicyNamespaceAnnotation: "default",
				policyv1alpha1.PropagationPolicyNameAnnotation:      "p",
			},
			Finalizers: []string{workv1alpha2.BindingFinalizer},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "Deployment", Name: "Web:1", UID: "uid-1", Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(true),
			}},
		},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource:                    workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: "Web:1", UID: "uid-1", ResourceVersion: "7"},
			Replicas:                    3,
			Placement:                   ptr.To(members("member1", "member2")),
			SchedulerName:               policyv1alpha1.DefaultSchedulerName,
			ConflictResolution:          policyv1alpha1.ConflictOverwrite,
			Suspension:                  &workv1alpha2.Suspension{Suspension: policyv1alpha1.Suspension{Dispatching: ptr.To(true)}},
			PreserveResourcesOnDeletion: ptr.To(true),
			SchedulePriority:            &workv1alpha2.SchedulePriority{Priority: 42},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("binding (-want +got):\n%s", diff)
	}
}

func TestUpdateBindingKeepsWhatOthersWrite(t *testing.T) {
	in := inputs()
	existing, ok := policy.NewBinding(in).(*workv1alpha2.ResourceBinding)
	if !ok {
		t.Fatal("a namespaced template needs a ResourceBinding")
	}
	existing.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "member1", Replicas: 3}}
	existing.Spec.RequiredBy = []workv1alpha2.BindingSnapshot{{Namespace: "default", Name: "parent"}}
	existing.Spec.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "member2"}}
	existing.Spec.RescheduleTriggeredAt = ptr.To(metav1.Now())
	existing.Spec.Suspension.Scheduling = ptr.To(true)
	existing.Labels["note"] = "mine"
	before := existing.DeepCopy()

	in.Replicas = 5
	in.Policy.PropagationSpec().Suspension = nil
	in.Priority = nil
	updated, changed, err := policy.UpdateBinding(existing, in)
	if err != nil || !changed {
		t.Fatalf("changed %t, error %v", changed, err)
	}
	if diff := cmp.Diff(before, existing); diff != "" {
		t.Errorf("the input was changed (-before +after):\n%s", diff)
	}
	want := before.DeepCopy()
	want.Spec.Replicas = 5
	want.Spec.Suspension = &workv1alpha2.Suspension{Scheduling: ptr.To(true)}
	want.Spec.SchedulePriority = nil
	if diff := cmp.Diff(workv1alpha2.Binding(want), updated, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("binding (-want +got):\n%s", diff)
	}
}

func TestUpdateBindingIsIdle(t *testing.T) {
	in := inputs()
	existing := policy.NewBinding(in)
	in.Template = in.Template.DeepCopy()
	in.Template.SetResourceVersion("8")
	if _, changed, err := policy.UpdateBinding(existing, in); changed || err != nil {
		t.Errorf("changed %t, error %v for a new resourceVersion alone", changed, err)
	}
}

func TestUpdateBindingOfAnotherObject(t *testing.T) {
	in := inputs()
	existing := policy.NewBinding(in)
	in.Template = in.Template.DeepCopy()
	in.Template.SetUID(types.UID("uid-2"))
	_, _, err := policy.UpdateBinding(existing, in)
	if _, ok := errors.AsType[*policy.OwnedByAnotherError](err); !ok {
		t.Errorf("error is %v", err)
	}
}

func TestUpdateBindingAdoptsAttachedBinding(t *testing.T) {
	in := inputs()
	attached := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web.1-deployment"}}
	updated, changed, err := policy.UpdateBinding(attached, in)
	if err != nil || !changed || !metav1.IsControlledBy(updated, in.Template) || policy.ClaimOf(updated).Policy != policy.KeyOf(in.Policy) {
		t.Errorf("changed %t, error %v, binding %v", changed, err, updated)
	}
}

func TestReleaseBinding(t *testing.T) {
	existing := policy.NewBinding(inputs())
	released, changed := policy.ReleaseBinding(existing)
	if !changed || policy.ClaimOf(released) != (policy.Claim{}) || len(released.GetAnnotations()) != 0 || released.BindingSpec().Replicas != 3 {
		t.Errorf("changed %t, binding %v", changed, released)
	}
	if policy.ClaimOf(existing) == (policy.Claim{}) {
		t.Error("the input was changed")
	}
	if _, changed := policy.ReleaseBinding(released); changed {
		t.Error("releasing twice changes something")
	}
}

func TestWorkloadAffinityNeedsTheLabel(t *testing.T) {
	in := inputs()
	in.Policy.PropagationSpec().Placement.WorkloadAffinity = &policyv1alpha1.WorkloadAffinity{
		Affinity:     &policyv1alpha1.WorkloadAffinityTerm{GroupByLabelKey: "app"},
		AntiAffinity: &policyv1alpha1.WorkloadAffinityTerm{GroupByLabelKey: "absent"},
	}
	want := &workv1alpha2.WorkloadAffinityGroups{AffinityGroup: "app=Web:1"}
	if diff := cmp.Diff(want, policy.NewBinding(in).BindingSpec().WorkloadAffinityGroups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}
