package loop

import (
	"encoding/json"
	"hash/maphash"
	"slices"
	"strconv"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// pool keeps values that many objects have in common, so that they are held once and, where they come as JSON, are decoded once. What it
// returns is read only. It is safe for concurrent use.
type pool struct {
	mu           sync.Mutex
	text         generations[string, string]
	placements   generations[string, *policyv1alpha1.Placement]
	requirements generations[string, *workv1alpha2.ReplicaRequirements]
	counts       generations[int64, *runtime.RawExtension]
	annotations  generations[string, map[string]string]
	records      generations[string, map[string]string]
	apis         generations[uint64, []framework.API]
	seed         maphash.Seed
}

func newPool() *pool { return &pool{seed: maphash.MakeSeed()} }

// youngest bounds a generation: more than the distinct placements, kinds or cluster names of a large fleet.
const youngest = 1 << 14

// generations is a map that forgets what was not asked for since it last filled up. The zero value is empty and ready.
type generations[K comparable, V any] struct{ young, old map[K]V }

func (g *generations[K, V]) get(key K) (V, bool) {
	v, ok := g.young[key]
	if ok {
		return v, true
	}
	if v, ok = g.old[key]; ok {
		g.put(key, v)
	}
	return v, ok
}

func (g *generations[K, V]) put(key K, v V) {
	if g.young == nil || len(g.young) >= youngest {
		g.old, g.young = g.young, map[K]V{}
	}
	g.young[key] = v
}

// string returns an equal string that others share.
func (p *pool) string(s string) string {
	if s == "" {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if shared, ok := p.text.get(s); ok {
		return shared
	}
	p.text.put(s, s)
	return s
}

// stringOf is string for text that is not one yet.
func (p *pool) stringOf(text []byte) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if shared, ok := p.text.get(string(text)); ok {
		return shared
	}
	s := string(text)
	p.text.put(s, s)
	return s
}

// decoded returns what the JSON stands for, shared with all who have the same JSON; nil for none.
func decoded[V any](p *pool, g *generations[string, *V], raw json.RawMessage) (*V, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := g.get(string(raw)); ok {
		return v, nil
	}
	v := new(V)
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, err
	}
	g.put(string(raw), v)
	return v, nil
}

// shared returns an equal value that others share, found by its JSON.
func shared[V any](p *pool, g *generations[string, *V], v *V) *V {
	if v == nil {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return v
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := g.get(string(raw)); ok {
		return known
	}
	g.put(string(raw), v)
	return v
}

// count returns a status that says how many replicas there are and nothing else.
func (p *pool) count(replicas int64) *runtime.RawExtension {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.counts.get(replicas); ok {
		return known
	}
	status := &runtime.RawExtension{Raw: strconv.AppendInt([]byte(`{"replicas":`), replicas, 10)}
	status.Raw = append(status.Raw, '}')
	p.counts.put(replicas, status)
	return status
}

// otherAnnotations stands for those that are left out: whether there are any matters to who adds one.
var otherAnnotations = map[string]string{"": ""}

// annotationsOf returns what scheduling reads of the annotations, nil if there are none at all.
func (p *pool) annotationsOf(all map[string]string) map[string]string {
	if _, ends := all[metav1.InitialEventsAnnotationKey]; ends {
		return all // The mark of a watch that the first list is complete.
	}
	applied, ok := all[workv1alpha2.AppliedPlacementAnnotation]
	if !ok {
		if len(all) == 0 {
			return nil
		}
		return otherAnnotations
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.annotations.get(applied); ok {
		return known
	}
	kept := map[string]string{workv1alpha2.AppliedPlacementAnnotation: applied}
	p.annotations.put(applied, kept)
	return kept
}

// recordOf returns the annotations with nothing but the record of an applied placement, given as a JSON string.
func (p *pool) recordOf(quoted []byte) (map[string]string, error) {
	p.mu.Lock()
	known, ok := p.records.get(string(quoted))
	p.mu.Unlock()
	if ok {
		return known, nil
	}
	var applied string
	if err := json.Unmarshal(quoted, &applied); err != nil {
		return nil, err
	}
	record := p.annotationsOf(map[string]string{workv1alpha2.AppliedPlacementAnnotation: applied})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records.put(string(quoted), record)
	return record, nil
}

// shareCluster makes the cluster hold in common with others what most of them say alike. It returns the cluster.
func (p *pool) shareCluster(c *framework.Cluster) *framework.Cluster {
	c.APIs = p.apisOf(c.APIs)
	c.Provider, c.Region = p.string(c.Provider), p.string(c.Region)
	for i := range c.Zones {
		c.Zones[i] = p.string(c.Zones[i])
	}
	labels := make(map[string]string, len(c.Labels))
	for key, value := range c.Labels {
		labels[p.string(key)] = p.string(value)
	}
	c.Labels = labels
	for i, t := range c.Taints {
		c.Taints[i] = framework.Taint{Key: p.string(t.Key), Value: p.string(t.Value), Effect: p.string(t.Effect)}
	}
	if c.Summary != nil {
		p.shareNames(c.Summary.Allocatable)
		p.shareNames(c.Summary.Used)
		for _, grade := range c.Summary.Grades {
			p.shareNames(grade.Min)
		}
	}
	return c
}

func (p *pool) shareNames(r framework.Resources) {
	for i := range r {
		r[i].Name = p.string(r[i].Name)
	}
}

// apisOf returns an equal list that others share. Members that run the same version and the same operators serve the same kinds.
func (p *pool) apisOf(apis []framework.API) []framework.API {
	if len(apis) == 0 {
		return nil
	}
	var h maphash.Hash
	h.SetSeed(p.seed)
	for _, api := range apis {
		maphash.WriteComparable(&h, api)
	}
	p.mu.Lock()
	known, ok := p.apis.get(h.Sum64())
	p.mu.Unlock()
	if ok && slices.Equal(known, apis) {
		return known
	}
	apis = slices.Clip(apis)
	for i, api := range apis {
		apis[i] = framework.API{GroupVersion: p.string(api.GroupVersion), Kind: p.string(api.Kind)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.apis.put(h.Sum64(), apis)
	return apis
}

// ownershipLabels make a binding the business of a scheduler, whatever their values.
var ownershipLabels = []string{
	policyv1alpha1.PropagationPolicyPermanentIDLabel, policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel, workv1alpha2.ManagedByLabel,
}

// ownedLabels is what is kept of the labels of a binding with any of ownershipLabels.
var ownedLabels = map[string]string{ownershipLabels[0]: ""}

// labelsOf returns what scheduling reads of a binding's labels.
func labelsOf(all map[string]string) map[string]string {
	for _, key := range ownershipLabels {
		if _, ok := all[key]; ok {
			return ownedLabels
		}
	}
	return nil
}
