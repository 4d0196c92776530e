package census

import (
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/longshore-project/longshore/estimator/fit/kube"
)

// Labels by which a node tells of its group, so that an answer can say how far the member could grow.
const (
	// LabelNodeGroup names the group of nodes that an autoscaler grows and shrinks. The nodes of a group are alike.
	LabelNodeGroup = "longshore.dev/node-group"
	// LabelNodeGroupMax is how many nodes the group may have, a whole number.
	LabelNodeGroupMax = "longshore.dev/node-group-max-nodes"
)

// annotationRevision numbers the ReplicaSets of a Deployment.
const annotationRevision = "deployment.kubernetes.io/revision"

// Node is what is kept of a node.
type Node struct {
	metav1.ObjectMeta // name only
	claims            kube.Node
	amounts           map[string]int64
	places            int64
	group             string
	groupMax          int64
}

// Pod is what is kept of a pod.
type Pod struct {
	metav1.ObjectMeta        // namespace and name only
	node              string // empty when it holds no room
	requests          map[string]int64
	daemon            bool
	owner             owner
	refused           time.Time // since when no node was found; zero when it does not wait for one
}

// owner is the controller of a pod or ReplicaSet.
type owner struct{ kind, namespace, name string }

// The kinds of owners, with their groups.
const (
	kindDeployment  = "apps/Deployment"
	kindReplicaSet  = "apps/ReplicaSet"
	kindStatefulSet = "apps/StatefulSet"
	kindDaemonSet   = "apps/DaemonSet"
	kindJob         = "batch/Job"
)

// ReplicaSet is what is kept of a ReplicaSet.
type ReplicaSet struct {
	metav1.ObjectMeta // namespace and name only
	owner             owner
	revision          int64
	created           time.Time
}

// Quota is what is kept of a ResourceQuota.
type Quota struct {
	metav1.ObjectMeta // namespace and name only
	quota             quota
}

// Trim turns a Node, Pod, ReplicaSet or ResourceQuota into what is kept of it, and leaves anything else as it is. It is a cache transform.
func Trim(object any) (any, error) {
	switch o := object.(type) {
	case *corev1.Node:
		return trimNode(o), nil
	case *corev1.Pod:
		return trimPod(o), nil
	case *appsv1.ReplicaSet:
		return trimReplicaSet(o), nil
	case *corev1.ResourceQuota:
		return &Quota{ObjectMeta: identity(&o.ObjectMeta), quota: quotaOf(o)}, nil
	}
	return object, nil
}

func identity(m *metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name}
}

func trimNode(o *corev1.Node) *Node {
	n := &Node{ObjectMeta: identity(&o.ObjectMeta), claims: kube.NodeOf(o)}
	n.amounts, n.places = kube.Allocatable(o)
	if maximum, err := strconv.ParseInt(o.Labels[LabelNodeGroupMax], 10, 32); err == nil && o.Labels[LabelNodeGroup] != "" {
		n.group, n.groupMax = o.Labels[LabelNodeGroup], maximum
	}
	return n
}

func trimPod(o *corev1.Pod) *Pod {
	p := &Pod{ObjectMeta: identity(&o.ObjectMeta)}
	if kube.HoldsRoom(o) {
		p.node, p.requests = o.Spec.NodeName, kube.PodRequests(o)
	}
	p.owner = ownerOf(&o.ObjectMeta)
	p.daemon = p.owner.kind == kindDaemonSet
	if o.Spec.NodeName == "" && o.DeletionTimestamp == nil {
		p.refused = refusedSince(o)
	}
	return p
}

// refusedSince returns since when the scheduler has said that it finds no node.
func refusedSince(o *corev1.Pod) time.Time {
	for _, condition := range o.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse && condition.Reason == corev1.PodReasonUnschedulable {
			return condition.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

func trimReplicaSet(o *appsv1.ReplicaSet) *ReplicaSet {
	revision, _ := strconv.ParseInt(o.Annotations[annotationRevision], 10, 64) // One without a revision is older than any other.
	return &ReplicaSet{ObjectMeta: identity(&o.ObjectMeta), owner: ownerOf(&o.ObjectMeta), revision: revision, created: o.CreationTimestamp.Time}
}

func ownerOf(m *metav1.ObjectMeta) owner {
	ref := metav1.GetControllerOfNoCopy(m)
	if ref == nil {
		return owner{}
	}
	kind := ""
	switch ref.APIVersion + "/" + ref.Kind {
	case "apps/v1/Deployment":
		kind = kindDeployment
	case "apps/v1/ReplicaSet":
		kind = kindReplicaSet
	case "apps/v1/StatefulSet":
		kind = kindStatefulSet
	case "apps/v1/DaemonSet":
		kind = kindDaemonSet
	case "batch/v1/Job":
		kind = kindJob
	default:
		return owner{}
	}
	return owner{kind: kind, namespace: m.Namespace, name: ref.Name}
}
