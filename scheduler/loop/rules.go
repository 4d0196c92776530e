package loop

import (
	"cmp"
	"encoding/json"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
)

// DefaultSchedulerName is the scheduler of bindings that name none.
const DefaultSchedulerName = "default-scheduler"

// schedulerOf returns the name of the scheduler that the binding wants.
func schedulerOf(b workv1alpha2.Binding) string {
	return cmp.Or(b.BindingSpec().SchedulerName, DefaultSchedulerName)
}

// considered reports whether the binding is the business of the scheduler that it names: its scheduling is not suspended, and it belongs to a
// policy or is managed by another API. Bindings that only follow other bindings belong to neither.
func considered(b workv1alpha2.Binding) bool {
	if s := b.BindingSpec().Suspension; s != nil && ptr.Deref(s.Scheduling, false) {
		return false
	}
	return labelsOf(b.GetLabels()) != nil
}

// trigger is why a binding is decided.
type trigger string

const (
	// untriggered means that the previous result still answers the question.
	untriggered         trigger = ""
	placementChanged    trigger = "PlacementChanged"
	replicasChanged     trigger = "ReplicasChanged"
	rescheduleRequested trigger = "RescheduleRequested"
	followsFleet        trigger = "FollowsFleet"
	targetLost          trigger = "TargetLost"
)

// triggerOf returns the first reason that holds to decide about the binding. Placement is the JSON of the binding's placement; lost reports
// whether a cluster is gone or being deleted.
//
// The order matters for what it explains, not for what happens: each reason leads to a full decision.
func triggerOf(b workv1alpha2.Binding, placement string, lost func(cluster string) bool) trigger {
	switch {
	case placementDiffers(b, placement):
		return placementChanged
	case replicasDiffer(b.BindingSpec()):
		return replicasChanged
	case convert.RescheduleRequested(b):
		return rescheduleRequested
	case followsTheFleet(b.BindingSpec()):
		return followsFleet
	case losesTarget(b.BindingSpec(), lost):
		return targetLost
	}
	return untriggered
}

// followsTheFleet reports whether the binding is decided again whenever the fleet changes. What runs divided replicas stays where it is.
func followsTheFleet(spec *workv1alpha2.ResourceBindingSpec) bool {
	return !spec.IsWorkload() || spec.Placement.ReplicaSchedulingType() == policyv1alpha1.Duplicated
}

func losesTarget(spec *workv1alpha2.ResourceBindingSpec, lost func(cluster string) bool) bool {
	for i := range spec.Clusters {
		if lost(spec.Clusters[i].Name) {
			return true
		}
	}
	return false
}

// replicasDiffer compares what is wanted with what was given out. Without a stated strategy a number of replicas is nobody's business. Of
// several kinds of replicas the numbers do not matter, only whether they run anywhere.
func replicasDiffer(spec *workv1alpha2.ResourceBindingSpec) bool {
	if spec.Placement.ReplicaScheduling == nil {
		return false
	}
	if len(spec.Components) > 0 {
		return len(spec.Clusters) == 0
	}
	duplicated := spec.Placement.ReplicaSchedulingType() == policyv1alpha1.Duplicated
	var sum int64
	for _, t := range spec.Clusters {
		if duplicated && t.Replicas != spec.Replicas {
			return true
		}
		sum += int64(t.Replicas)
	}
	return !duplicated && sum != int64(spec.Replicas)
}

// placementDiffers compares the placement with the one that was applied last. Of several cluster affinities only the one in use counts: a
// change of the others moves nothing. A record of the applied placement that cannot be read counts as no change.
func placementDiffers(b workv1alpha2.Binding, placement string) bool {
	text, ok := b.GetAnnotations()[workv1alpha2.AppliedPlacementAnnotation]
	if !ok {
		return true
	}
	if text == placement {
		return false
	}
	var applied policyv1alpha1.Placement
	if json.Unmarshal([]byte(text), &applied) != nil {
		return false
	}
	now := b.BindingSpec().Placement
	if apiequality.Semantic.DeepEqual(&applied, now) {
		return false
	}
	if !samePlacementParts(&applied, now) {
		return true
	}
	if len(applied.ClusterAffinities) == 0 && len(now.ClusterAffinities) == 0 {
		return false
	}
	name := b.BindingStatus().SchedulerObservedAffinityName
	before, after := termCalled(&applied, name), termCalled(now, name)
	return before == nil || after == nil || !apiequality.Semantic.DeepEqual(before, after)
}

func samePlacementParts(a, b *policyv1alpha1.Placement) bool {
	return apiequality.Semantic.DeepEqual(a.ClusterAffinity, b.ClusterAffinity) &&
		apiequality.Semantic.DeepEqual(a.ClusterTolerations, b.ClusterTolerations) &&
		apiequality.Semantic.DeepEqual(a.SpreadConstraints, b.SpreadConstraints) &&
		apiequality.Semantic.DeepEqual(a.ReplicaScheduling, b.ReplicaScheduling)
}

// termCalled returns the cluster affinity term of that name, nil if there is none or the name is empty.
func termCalled(p *policyv1alpha1.Placement, name string) *policyv1alpha1.ClusterAffinityTerm {
	for i := range p.ClusterAffinities {
		if name != "" && p.ClusterAffinities[i].AffinityName == name {
			return &p.ClusterAffinities[i]
		}
	}
	return nil
}
