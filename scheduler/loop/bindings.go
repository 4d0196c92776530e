package loop

import (
	"maps"
	"slices"
	"sync"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// bindings holds the bindings that are considered, the latest state of each that was seen, and indexes them, so that a change of a cluster
// finds those that it concerns without looking at all. It is safe for concurrent use.
type bindings struct {
	mu       sync.Mutex
	entries  map[queue.Key]*entry
	classes  map[string]*class
	byTarget map[string]map[queue.Key]*entry
}

// entry is one state of one binding. It is read only.
type entry struct {
	key     queue.Key
	binding workv1alpha2.Binding
	// class is nil for a binding without a placement.
	class *class
	// follows means that the binding is decided again when the fleet changes.
	follows bool
}

// class is the bindings with one placement.
type class struct {
	// fingerprint is the JSON of the placement.
	fingerprint string
	placement   *framework.Placement
	// invalid says why the placement cannot be understood; placement is nil then.
	invalid error

	size      int
	followers map[queue.Key]*entry
}

func newBindings() *bindings {
	return &bindings{entries: map[queue.Key]*entry{}, classes: map[string]*class{}, byTarget: map[string]map[queue.Key]*entry{}}
}

// get returns the latest state of the binding.
func (x *bindings) get(key queue.Key) (*entry, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r, ok := x.entries[key]
	return r, ok
}

// put takes over the state of the binding. The object is kept and must not be changed afterwards. It reports whether the placement was known already and did not have to be converted.
func (x *bindings) put(key queue.Key, b workv1alpha2.Binding) (shared bool) {
	spec := b.BindingSpec()
	r := &entry{key: key, binding: b, follows: spec.Placement != nil && followsTheFleet(spec)}
	x.mu.Lock()
	defer x.mu.Unlock()
	var same *class
	if old, ok := x.entries[key]; ok && sameSpec(old.binding, b) {
		same = old.class
	}
	x.remove(key)
	x.entries[key] = r
	for i := range spec.Clusters {
		insert(x.byTarget, spec.Clusters[i].Name, r)
	}
	if spec.Placement == nil {
		return true
	}
	return x.enter(r, same)
}

// sameSpec reports whether two states of a binding differ in metadata and status at most.
func sameSpec(a, b workv1alpha2.Binding) bool {
	return a.GetUID() == b.GetUID() && a.GetGeneration() == b.GetGeneration()
}

// enter adds the entry to a class, the given one or, if that is nil, the class of its placement, and reports whether there was that class.
func (x *bindings) enter(r *entry, c *class) (existed bool) {
	if existed = c != nil; !existed {
		c, existed = x.classOf(r.binding.BindingSpec().Placement)
	}
	x.classes[c.fingerprint] = c
	c.size++
	r.class = c
	if r.follows {
		c.followers[r.key] = r
	}
	return existed
}

// classOf returns the class of the placement, which is converted once for all that share it, and whether it existed.
func (x *bindings) classOf(placement *policyv1alpha1.Placement) (*class, bool) {
	fingerprint := convert.Fingerprint(placement)
	if c, ok := x.classes[fingerprint]; ok {
		return c, true
	}
	c := &class{fingerprint: fingerprint, followers: map[queue.Key]*entry{}}
	c.placement, c.invalid = convert.FromPlacement(placement)
	return c, false
}

// delete forgets the binding and reports whether it was known.
func (x *bindings) delete(key queue.Key) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.remove(key)
}

func (x *bindings) remove(key queue.Key) bool {
	r, ok := x.entries[key]
	if !ok {
		return false
	}
	delete(x.entries, key)
	clusters := r.binding.BindingSpec().Clusters
	for i := range clusters {
		discard(x.byTarget, clusters[i].Name, key)
	}
	if c := r.class; c != nil {
		delete(c.followers, key)
		if c.size--; c.size == 0 {
			delete(x.classes, c.fingerprint)
		}
	}
	return true
}

// all returns every binding.
func (x *bindings) all() []*entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Values(x.entries))
}

// on returns the bindings that run on the cluster.
func (x *bindings) on(cluster string) []*entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]*entry, 0, len(x.byTarget[cluster]))
	for _, r := range x.byTarget[cluster] {
		out = append(out, r)
	}
	return out
}

// followersOf returns the bindings that follow the fleet and whose placement could mean one of the given states of a cluster.
func (x *bindings) followersOf(states ...*framework.Cluster) []*entry {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []*entry
	for _, c := range x.classes {
		if len(c.followers) == 0 || c.placement == nil || !c.means(states) {
			continue
		}
		for _, r := range c.followers {
			out = append(out, r)
		}
	}
	return out
}

// means reports whether any term or overflow of the placement matches one of the states.
func (c *class) means(states []*framework.Cluster) bool {
	for _, state := range states {
		for i := range c.placement.Terms {
			term := &c.placement.Terms[i]
			if term.Affinity.Matches(state) {
				return true
			}
			for j := range term.Overflow {
				if term.Overflow[j].Matches(state) {
					return true
				}
			}
		}
	}
	return false
}

func insert(index map[string]map[queue.Key]*entry, name string, r *entry) {
	if index[name] == nil {
		index[name] = map[queue.Key]*entry{}
	}
	index[name][r.key] = r
}

func discard(index map[string]map[queue.Key]*entry, name string, key queue.Key) {
	delete(index[name], key)
	if len(index[name]) == 0 {
		delete(index, name)
	}
}
