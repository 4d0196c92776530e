package perf

import (
	"fmt"
	"math/rand/v2"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
)

// DefaultKinds is how many kinds a cluster serves with a handful of operators installed.
const DefaultKinds = 80

// policies is how many different placements the bindings of one strategy have: many workloads share a policy.
const policies = 20

// seed makes fleets and bindings the same in every run.
const seed = 1

// newCluster returns the i-th cluster of a fleet, with its status. Sizes differ, every twentieth has a taint, and there is room for all that
// the cases ask for.
func newCluster(i, kinds int) *clusterv1alpha1.Cluster {
	rng := rand.New(rand.NewPCG(seed, uint64(i)))
	region := fmt.Sprintf("region-%d", i%10)
	c := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("member-%05d", i),
			Labels: map[string]string{
				"tier": []string{"gold", "silver", "bronze"}[i%3], "team": fmt.Sprintf("team-%d", i%policies), "region": region,
			},
		},
		Spec: clusterv1alpha1.ClusterSpec{
			SyncMode: clusterv1alpha1.Push, APIEndpoint: fmt.Sprintf("https://member-%05d.example.com:6443", i),
			Provider: []string{"aws", "gcp"}[i%2], Region: region, Zones: []string{region + string(rune('a'+i%3))},
			ResourceModels: clusterv1alpha1.DefaultResourceModels(),
		},
		Status: newStatus(rng, kinds),
	}
	if i%20 == 19 {
		c.Spec.Taints = []corev1.Taint{{Key: "maintenance", Effect: corev1.TaintEffectNoSchedule}}
	}
	return c
}

func newStatus(rng *rand.Rand, kinds int) clusterv1alpha1.ClusterStatus {
	cpus := 1000 + rng.Int64N(9000)
	used := cpus / 10
	return clusterv1alpha1.ClusterStatus{
		KubernetesVersion: "v1.37.2",
		APIEnablements:    newEnablements(kinds),
		Conditions: []metav1.Condition{{
			Type: "Ready", Status: metav1.ConditionTrue, Reason: "ClusterReady", Message: "cluster is healthy and ready to accept workloads",
			LastTransitionTime: metav1.Unix(0, 0),
		}},
		NodeSummary: &clusterv1alpha1.NodeSummary{TotalNum: int32(cpus / 16), ReadyNum: int32(cpus / 16)},
		ResourceSummary: &clusterv1alpha1.ResourceSummary{
			Allocatable: resourcesOf(cpus, cpus*4, cpus*10),
			Allocated:   resourcesOf(used, used*4, used*10),
		},
	}
}

// newEnablements returns Deployment and as many other kinds as are missing, ten to a group.
func newEnablements(kinds int) []clusterv1alpha1.APIEnablement {
	out := []clusterv1alpha1.APIEnablement{
		{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}},
	}
	for i := range kinds - 1 {
		if i%10 == 0 {
			out = append(out, clusterv1alpha1.APIEnablement{GroupVersion: fmt.Sprintf("group-%d.example.com/v1", i/10)})
		}
		group := &out[len(out)-1]
		group.Resources = append(group.Resources, clusterv1alpha1.APIResource{Name: fmt.Sprintf("things%d", i), Kind: fmt.Sprintf("Thing%d", i)})
	}
	return out
}

func resourcesOf(cpus, gibibytes, pods int64) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewQuantity(cpus, resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(gibibytes<<30, resource.BinarySI),
		corev1.ResourcePods:   *resource.NewQuantity(pods, resource.DecimalSI),
	}
}

// newBinding returns the i-th binding as the policy controller makes it, for a scheduler of the given name.
func newBinding(i int, mix Mix, namespace, schedulerName string) *workv1alpha2.ResourceBinding {
	name := fmt.Sprintf("nginx-%06d-deployment", i)
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i%policies)
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Labels: map[string]string{
				policyv1alpha1.PropagationPolicyPermanentIDLabel: id,
				workv1alpha2.BindingPermanentIDLabel:             fmt.Sprintf("10000000-0000-4000-8000-%012d", i),
			},
			Annotations: map[string]string{
				"propagationpolicy.karmada.io/namespace": namespace, "propagationpolicy.karmada.io/name": fmt.Sprintf("policy-%d", i%policies),
			},
		},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{
				APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: fmt.Sprintf("nginx-%06d", i),
				UID: types.UID(fmt.Sprintf("20000000-0000-4000-8000-%012d", i)), ResourceVersion: "1",
			},
			Replicas: replicas,
			ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi"),
			}},
			SchedulerName: schedulerName, ConflictResolution: policyv1alpha1.ConflictAbort,
			Placement: newPlacement(i, mix),
		},
	}
}

// uidOf returns a UID that begins so and ends with the number.
func uidOf(begin string, i int) types.UID {
	return types.UID(fmt.Sprintf("%s-0000-4000-8000-%012d", begin, i))
}

// newPlacedBinding returns the i-th binding as it is stored when a scheduler has placed it in a fleet of so many clusters, its members have
// reported, and everything has been as it is for long.
func newPlacedBinding(i, clusters int, mix Mix, namespace string) *workv1alpha2.ResourceBinding {
	b := newBinding(i, mix, namespace, namespace)
	b.TypeMeta = metav1.TypeMeta{APIVersion: workv1alpha2.GroupVersion.String(), Kind: "ResourceBinding"}
	long := metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second))
	b.UID, b.Generation, b.CreationTimestamp = uidOf("40000000", i), 2, long
	b.Annotations[workv1alpha2.AppliedPlacementAnnotation] = convert.Fingerprint(b.Spec.Placement)
	each := int32(replicas)
	if b.Spec.Placement.ReplicaSchedulingType() == policyv1alpha1.Divided {
		each /= maxClusters
	}
	for at := i; len(b.Spec.Clusters) < maxClusters; at++ {
		name := fmt.Sprintf("member-%05d", at%clusters)
		if n := at % clusters; !isMeant(n) || name == b.Spec.Placement.ClusterAffinity.Exclude[0] {
			continue
		}
		b.Spec.Clusters = append(b.Spec.Clusters, workv1alpha2.TargetCluster{Name: name, Replicas: each})
		b.Status.AggregatedStatus = append(b.Status.AggregatedStatus, workv1alpha2.AggregatedStatusItem{
			ClusterName: name, Applied: true, Health: workv1alpha2.ResourceHealthy,
			Status: &runtime.RawExtension{Raw: fmt.Appendf(nil, `{"availableReplicas":%d,"observedGeneration":1,"readyReplicas":%d,"replicas":%d,"updatedReplicas":%d}`, each, each, each, each)},
		})
	}
	b.Status.SchedulerObservedGeneration, b.Status.LastScheduledTime = b.Generation, &long
	b.Status.Conditions = []metav1.Condition{
		{Type: workv1alpha2.ConditionScheduled, Status: metav1.ConditionTrue, Reason: workv1alpha2.ReasonSuccess, Message: "Binding has been scheduled successfully.", LastTransitionTime: long},
		{Type: workv1alpha2.ConditionFullyApplied, Status: metav1.ConditionTrue, Reason: "FullyAppliedSuccess", Message: "All works have been successfully applied", LastTransitionTime: long},
	}
	return b
}

// isMeant reports whether placements mean the i-th cluster, their own exclusion left out: it is gold or silver and has no taint.
func isMeant(i int) bool { return i%3 != 2 && i%20 != 19 }

// replicas of every binding, and the most clusters that it may use: results are as long on a large fleet as on a small one.
const (
	replicas    = 10
	maxClusters = 5
)

// newPlacement means two thirds of the fleet. Every policy excludes another cluster, so that no two are the same question.
func newPlacement(i int, mix Mix) *policyv1alpha1.Placement {
	return &policyv1alpha1.Placement{
		ClusterAffinity: &policyv1alpha1.ClusterAffinity{
			LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "tier", Operator: metav1.LabelSelectorOpIn, Values: []string{"gold", "silver"}},
			}},
			Exclude: []string{fmt.Sprintf("member-%05d", i%policies)},
		},
		SpreadConstraints: []policyv1alpha1.SpreadConstraint{{SpreadByField: policyv1alpha1.SpreadByCluster, MinGroups: 1, MaxGroups: maxClusters}},
		ReplicaScheduling: strategyOf(i/policies, mix),
	}
}

// strategyOf deals the strategies out in turn.
func strategyOf(i int, mix Mix) *policyv1alpha1.ReplicaSchedulingStrategy {
	i %= mix.total()
	if i < mix.Duplicated {
		return &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: policyv1alpha1.Duplicated}
	}
	out := &policyv1alpha1.ReplicaSchedulingStrategy{
		ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Weighted,
		WeightPreference: &policyv1alpha1.ClusterPreferences{},
	}
	if i >= mix.Duplicated+mix.Static {
		out.WeightPreference.DynamicWeight = policyv1alpha1.DynamicWeightByAvailableReplicas
		return out
	}
	for weight, tier := range []string{"silver", "gold"} {
		labels := &metav1.LabelSelector{MatchLabels: map[string]string{"tier": tier}}
		out.WeightPreference.StaticWeightList = append(out.WeightPreference.StaticWeightList, policyv1alpha1.StaticClusterWeight{
			TargetCluster: policyv1alpha1.ClusterAffinity{LabelSelector: labels}, Weight: int64(weight + 1),
		})
	}
	return out
}

// checkPlaced reports what is wrong with a placed binding: the replicas do not add up, or a cluster is one that its placement excludes.
func checkPlaced(b *workv1alpha2.ResourceBinding) error {
	targets := b.Spec.Clusters
	want := int32(replicas)
	if b.Spec.Placement.ReplicaSchedulingType() == policyv1alpha1.Duplicated {
		want *= int32(len(targets))
	}
	var sum int32
	for _, t := range targets {
		var i int
		if _, err := fmt.Sscanf(t.Name, "member-%d", &i); err != nil || !isMeant(i) || t.Name == b.Spec.Placement.ClusterAffinity.Exclude[0] {
			return fmt.Errorf("binding %s is on %q, which its placement does not allow", b.Name, t.Name)
		}
		sum += t.Replicas
	}
	if sum != want || len(targets) == 0 || len(targets) > maxClusters {
		return fmt.Errorf("binding %s has %d replicas on %d clusters, want %d on 1 to %d", b.Name, sum, len(targets), want, maxClusters)
	}
	return nil
}
