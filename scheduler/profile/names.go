package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
)

// Choose returns the plugins of a profile that asks those filters and scores which the names choose, in the way of Karmada's --plugins: * stands
// for all default ones, a name adds one, and a name after a minus sign leaves it out. The order of the names does not matter; the order and the
// weights of the plugins are the default ones. What estimates, selects and assigns is not touched.
func (r *Registry) Choose(names []string) (schedulerv1alpha1.Plugins, error) {
	on, off, err := r.read(names)
	if err != nil {
		return schedulerv1alpha1.Plugins{}, err
	}
	return schedulerv1alpha1.Plugins{Filter: r.choose(Filter, on, off), Score: r.choose(Score, on, off)}, nil
}

// read checks the names and sorts them by their sign.
func (r *Registry) read(names []string) (on, off sets.Set[string], err error) {
	on, off = sets.New[string](), sets.New[string]()
	for _, name := range names {
		name, minus := strings.CutPrefix(strings.TrimSpace(name), "-")
		if name == all && !minus {
			on.Insert(all)
			continue
		}
		if err := r.choosable(name, minus); err != nil {
			return nil, nil, err
		}
		if minus {
			off.Insert(name)
		} else {
			on.Insert(name)
		}
	}
	if both := sets.List(on.Intersection(off)); len(both) > 0 {
		return nil, nil, fmt.Errorf("%s is both enabled and left out", both[0])
	}
	if len(on) == 0 {
		return nil, nil, errors.New("nothing is enabled: write * for the default plugins")
	}
	return on, off, nil
}

// choosable returns why a plugin cannot be chosen by its name alone.
func (r *Registry) choosable(name string, minus bool) error {
	plugin, known := r.known[name]
	if !known || !Filter.accepts(plugin) && !Score.accepts(plugin) {
		return fmt.Errorf("%q is no filter or score; these are %s", name, strings.Join(r.filtersAndScores(), ", "))
	}
	if configurable, ok := plugin.(Configurable); ok && !minus {
		if _, err := configurable.Configure([]byte("{}")); err != nil {
			return fmt.Errorf("%s needs arguments: enable it in a configuration file instead", name)
		}
	}
	return nil
}

func (r *Registry) filtersAndScores() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.known)), func(name string) bool {
		return !Filter.accepts(r.known[name]) && !Score.accepts(r.known[name])
	})
}

func (r *Registry) choose(point Point, on, off sets.Set[string]) (out kubeschedulerv1.PluginSet) {
	defaults := sets.New[string]()
	for _, d := range r.defaults[point] {
		defaults.Insert(d.name)
		if off.Has(d.name) || !on.Has(all) && !on.Has(d.name) {
			out.Disabled = append(out.Disabled, kubeschedulerv1.Plugin{Name: d.name})
		}
	}
	for _, name := range sets.List(on) {
		if name != all && !defaults.Has(name) && point.accepts(r.known[name]) {
			out.Enabled = append(out.Enabled, kubeschedulerv1.Plugin{Name: name})
		}
	}
	return out
}
