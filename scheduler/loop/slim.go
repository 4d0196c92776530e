package loop

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// lean is the part of a binding that scheduling reads, as it is decoded. What is not named here is skipped.
type lean struct {
	Metadata struct {
		Name              string            `json:"name"`
		Namespace         string            `json:"namespace"`
		UID               types.UID         `json:"uid"`
		ResourceVersion   string            `json:"resourceVersion"`
		Generation        int64             `json:"generation"`
		DeletionTimestamp *metav1.Time      `json:"deletionTimestamp"`
		Labels            map[string]string `json:"labels"`
		Annotations       map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec   leanSpec   `json:"spec"`
	Status leanStatus `json:"status"`
}

// leanSpec leaves alone what is decoded once for all who have the same, and what scheduling never reads.
type leanSpec struct {
	workv1alpha2.ResourceBindingSpec
	Placement           json.RawMessage `json:"placement"`
	ReplicaRequirements json.RawMessage `json:"replicaRequirements"`
	RequiredBy          skipped         `json:"requiredBy"`
	Failover            skipped         `json:"failover"`
}

type leanStatus struct {
	workv1alpha2.ResourceBindingStatus
	AggregatedStatus []leanItem `json:"aggregatedStatus"`
}

type leanItem struct {
	ClusterName string                      `json:"clusterName"`
	Status      json.RawMessage             `json:"status"`
	Health      workv1alpha2.ResourceHealth `json:"health"`
}

// skipped is a field of any type that is not decoded.
type skipped struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (skipped) UnmarshalJSON([]byte) error { return nil }

// decodeBinding decodes what scheduling reads into an empty binding of either scope.
func (p *pool) decodeBinding(raw []byte, into workv1alpha2.Binding) error {
	s := scan{pool: p}
	if !s.binding(raw) {
		return p.unmarshalBinding(raw, into)
	}
	setMetadata(into, s.meta)
	*into.BindingSpec(), *into.BindingStatus() = s.spec, s.status
	return nil
}

// unmarshalBinding is decodeBinding for any JSON.
func (p *pool) unmarshalBinding(raw []byte, into workv1alpha2.Binding) error {
	var from lean
	if err := json.Unmarshal(raw, &from); err != nil {
		return err
	}
	m, spec, status := &from.Metadata, into.BindingSpec(), into.BindingStatus()
	setMetadata(into, metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, UID: m.UID, ResourceVersion: m.ResourceVersion, Generation: m.Generation,
		DeletionTimestamp: m.DeletionTimestamp, Labels: m.Labels, Annotations: m.Annotations,
	})
	*spec, *status = from.Spec.ResourceBindingSpec, from.Status.ResourceBindingStatus
	var err error
	if spec.Placement, err = decoded(p, &p.placements, from.Spec.Placement); err != nil {
		return fmt.Errorf("decoding the placement of %s: %w", keyOf(into), err)
	}
	if spec.ReplicaRequirements, err = decoded(p, &p.requirements, from.Spec.ReplicaRequirements); err != nil {
		return fmt.Errorf("decoding the requirements of %s: %w", keyOf(into), err)
	}
	for _, item := range from.Status.AggregatedStatus {
		status.AggregatedStatus = append(status.AggregatedStatus, p.item(item.ClusterName, item.Status, item.Health))
	}
	p.trim(into)
	return nil
}

// item keeps of a reported status what missing reads.
func (p *pool) item(cluster string, status []byte, health workv1alpha2.ResourceHealth) workv1alpha2.AggregatedStatusItem {
	slim := workv1alpha2.AggregatedStatusItem{ClusterName: p.string(cluster), Health: workv1alpha2.ResourceHealth(p.string(string(health)))}
	if n, ok := reportedReplicas(status); ok {
		slim.Status = p.count(n)
	}
	return slim
}

// slim drops what scheduling never reads of an object, or a list of them, that was decoded as a whole. Doing so twice changes nothing.
func (p *pool) slim(object runtime.Object) {
	switch o := object.(type) {
	case workv1alpha2.Binding:
		p.slimBinding(o)
	case *workv1alpha2.ResourceBindingList:
		for i := range o.Items {
			p.slimBinding(&o.Items[i])
		}
	case *workv1alpha2.ClusterResourceBindingList:
		for i := range o.Items {
			p.slimBinding(&o.Items[i])
		}
	}
}

func (p *pool) slimBinding(b workv1alpha2.Binding) {
	spec, items := b.BindingSpec(), b.BindingStatus().AggregatedStatus
	spec.Placement = shared(p, &p.placements, spec.Placement)
	spec.ReplicaRequirements = shared(p, &p.requirements, spec.ReplicaRequirements)
	for i := range items {
		items[i] = p.item(items[i].ClusterName, rawOf(&items[i]), items[i].Health)
	}
	p.trim(b)
}

// trim drops what scheduling never reads and shares what bindings have in common.
func (p *pool) trim(b workv1alpha2.Binding) {
	setMetadata(b, metav1.ObjectMeta{
		Name: b.GetName(), Namespace: p.string(b.GetNamespace()), UID: b.GetUID(), ResourceVersion: b.GetResourceVersion(), Generation: b.GetGeneration(),
		DeletionTimestamp: b.GetDeletionTimestamp(), Labels: labelsOf(b.GetLabels()), Annotations: p.annotationsOf(b.GetAnnotations()),
	})
	spec, status := b.BindingSpec(), b.BindingStatus()
	spec.RequiredBy, spec.Failover, spec.ConflictResolution, spec.Resource.ResourceVersion = nil, nil, "", ""
	for _, s := range []*string{
		&spec.SchedulerName, &spec.Resource.APIVersion, &spec.Resource.Kind, &spec.Resource.Namespace, &status.SchedulerObservedAffinityName,
	} {
		*s = p.string(*s)
	}
	for i := range spec.Clusters {
		spec.Clusters[i].Name = p.string(spec.Clusters[i].Name)
	}
	for i := range status.Conditions {
		c := &status.Conditions[i]
		c.Type, c.Reason, c.Message = p.string(c.Type), p.string(c.Reason), p.string(c.Message)
		c.Status = metav1.ConditionStatus(p.string(string(c.Status)))
	}
}

func setMetadata(b workv1alpha2.Binding, m metav1.ObjectMeta) {
	switch b := b.(type) {
	case *workv1alpha2.ResourceBinding:
		b.ObjectMeta = m
	case *workv1alpha2.ClusterResourceBinding:
		b.ObjectMeta = m
	default:
		panic(fmt.Sprintf("loop: unknown kind of binding %T", b))
	}
}

// member is what is kept of a cluster object.
type member struct {
	// ObjectMeta has a name, and nothing else.
	metav1.ObjectMeta
	cluster *framework.Cluster
}

// keep returns what is kept of an object that a watch has delivered. Bindings are slim already.
func (p *pool) keep(object any) (any, error) {
	if c, ok := object.(*clusterv1alpha1.Cluster); ok {
		return &member{ObjectMeta: metav1.ObjectMeta{Name: c.Name}, cluster: p.shareCluster(convert.FromCluster(c))}, nil
	}
	return object, nil
}
