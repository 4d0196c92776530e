// Package profile turns the scheduler's configuration into profiles of plugins, and prints them. It is pure: it reads no files and starts
// nothing.
package profile

import (
	"fmt"
	"reflect"

	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// Point is an extension point: a stage of a decision that asks plugins.
type Point string

// The extension points, by the names of their fields in the configuration.
const (
	Filter   Point = "filter"
	Score    Point = "score"
	Estimate Point = "estimate"
	Select   Point = "select"
	Assign   Point = "assign"
)

// Points lists the extension points in the order in which they are asked.
func Points() []Point { return []Point{Filter, Score, Estimate, Select, Assign} }

// accepts reports whether the plugin can be asked there.
func (p Point) accepts(plugin any) bool {
	var ok bool
	switch p {
	case Filter:
		_, ok = plugin.(framework.Filter)
	case Score:
		_, ok = plugin.(framework.Score)
	case Estimate:
		_, ok = plugin.(framework.Estimate)
	case Select:
		_, ok = plugin.(framework.Select)
	case Assign:
		_, ok = plugin.(framework.Assign)
	}
	return ok
}

// single reports whether exactly one plugin is asked there.
func (p Point) single() bool { return p == Select || p == Assign }

// Named is what all plugins have in common. It is an alias, so that plugins can be Configurable without importing this package.
type Named = interface{ Name() string }

// Configurable is a plugin that takes arguments.
type Configurable interface {
	Named
	// Configure returns the plugin with those arguments, which are a JSON object, an empty one if the profile has none. It does not change the
	// receiver. The error names the argument that is wrong; where it, or each of several errors that it joins, has a method Argument() string,
	// that is the path of the argument.
	Configure(arguments []byte) (Named, error)
}

// Registry is the plugins that profiles can use. Make it with NewRegistry.
type Registry struct {
	known map[string]Named
	// defaults holds the plugins that are asked unless a profile says otherwise, in order.
	defaults map[Point][]choice
}

// choice is a plugin at an extension point.
type choice struct {
	name   string
	weight int64
}

// NewRegistry returns a registry of the plugins of a profile, which are the default ones in its order and with its weights, and of others,
// which are asked only where a profile enables them. It panics if two plugins share a name without being equal.
func NewRegistry(defaults *pipeline.Profile, others ...Named) *Registry {
	r := &Registry{known: map[string]Named{}, defaults: map[Point][]choice{}}
	for _, p := range defaults.Filters {
		r.addDefault(Filter, p, 0)
	}
	for _, p := range defaults.Scores {
		r.addDefault(Score, p.Plugin, p.Weight)
	}
	for _, p := range defaults.Estimates {
		r.addDefault(Estimate, p, 0)
	}
	r.addDefault(Select, defaults.Select, 0)
	r.addDefault(Assign, defaults.Assign, 0)
	for _, p := range others {
		r.add(p)
	}
	return r
}

func (r *Registry) addDefault(point Point, plugin Named, weight int64) {
	r.add(plugin)
	r.defaults[point] = append(r.defaults[point], choice{plugin.Name(), weight})
}

func (r *Registry) add(plugin Named) {
	if known, taken := r.known[plugin.Name()]; taken && !reflect.DeepEqual(known, plugin) {
		panic(fmt.Sprintf("two plugins are called %s", plugin.Name()))
	}
	r.known[plugin.Name()] = plugin
}
