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
	mu      sync.Mutex
	entries map[queue.Key]*entry
	classes map[string]*class
	// byPlacement finds the class of a placement that bindings share, without looking at what it says.
	byPlacement map[*policyv1alpha1.Placement]*class
	byTarget    map[string]map[*entry]struct{}
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
	followers map[*entry]struct{}
	// known are the last placements that were found to be this one, mostKnown of them at most.
	known []*policyv1alpha1.Placement
}

// mostKnown is more than one because bindings that were decoded at different times may not share their placement.
const mostKnown = 4

func newBindings() *bindings {
	return &bindings{
		entries: map[queue.Key]*entry{}, classes: map[string]*class{}, byPlacement: map[*policyv1alpha1.Placement]*class{}, byTarget: map[string]map[*entry]struct{}{},
	}
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
		c.followers[r] = struct{}{}
	}
	return existed
}

// classOf returns the class of the placement, which is converted once for all that share it, and whether it existed.
func (x *bindings) classOf(placement *policyv1alpha1.Placement) (*class, bool) {
	if c, ok := x.byPlacement[placement]; ok {
		return c, true
	}
	fingerprint := convert.Fingerprint(placement)
	c, existed := x.classes[fingerprint]
	if !existed {
		c = &class{fingerprint: fingerprint, followers: map[*entry]struct{}{}}
		c.placement, c.invalid = convert.FromPlacement(placement)
	}
	x.byPlacement[placement] = c
	if c.known = append(c.known, placement); len(c.known) > mostKnown {
		delete(x.byPlacement, c.known[0])
		c.known = slices.Delete(c.known, 0, 1)
	}
	return c, existed
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
		discard(x.byTarget, clusters[i].Name, r)
	}
	if c := r.class; c != nil {
		delete(c.followers, r)
		if c.size--; c.size == 0 {
			x.drop(c)
		}
	}
	return true
}

// drop forgets a class that no binding has any more.
func (x *bindings) drop(c *class) {
	delete(x.classes, c.fingerprint)
	for _, placement := range c.known {
		delete(x.byPlacement, placement)
	}
	c.known = nil
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
	for r := range x.byTarget[cluster] {
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
		for r := range c.followers {
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

func insert(index map[string]map[*entry]struct{}, name string, r *entry) {
	if index[name] == nil {
		index[name] = map[*entry]struct{}{}
	}
	index[name][r] = struct{}{}
}

func discard(index map[string]map[*entry]struct{}, name string, r *entry) {
	delete(index[name], r)
	if len(index[name]) == 0 {
		delete(index, name)
	}
}
