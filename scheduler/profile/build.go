package profile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
)

// Profile is a built profile of the configuration.
type Profile struct {
	SchedulerName string
	// Reservations is whether what is decided counts as taken before the members report it.
	Reservations bool
	// Pipeline has a memory of its own.
	Pipeline *pipeline.Profile
	// Shadow decides beside the profile without consequences; nil for none. It has no shadow itself.
	Shadow *Profile
	// arguments holds the arguments of the plugins that have some, as JSON, by name.
	arguments map[string][]byte
}

// Build returns the profiles of a configuration that has its defaults, in its order. With faults there are no profiles.
func Build(c *schedulerv1alpha1.SchedulerConfiguration, r *Registry, externals Externals) ([]Profile, field.ErrorList) {
	var profiles []Profile
	var faults field.ErrorList
	build := func(c *schedulerv1alpha1.SchedulerProfile, path *field.Path) Profile {
		b := newBuilder(r)
		built := b.build(c, externals, path)
		faults = append(faults, b.faults...)
		return built
	}
	for i := range c.Profiles {
		path := field.NewPath("profiles").Index(i)
		p := build(&c.Profiles[i], path)
		if shadow, ok := c.Profiles[i].ShadowProfile(); ok {
			s := build(&shadow, path.Child("shadow"))
			p.Shadow = &s
		}
		profiles = append(profiles, p)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return profiles, nil
}

// builder makes one profile.
type builder struct {
	registry *Registry
	// plugins is what the registry knows, with the arguments of the profile.
	plugins   map[string]Named
	arguments map[string][]byte
	// external holds the plugins of other processes, which are among the plugins too.
	external         map[string]External
	enabledSomewhere sets.Set[string]
	faults           field.ErrorList
}

func newBuilder(r *Registry) *builder {
	return &builder{registry: r, plugins: maps.Clone(r.known), arguments: map[string][]byte{}, external: map[string]External{}, enabledSomewhere: sets.New[string]()}
}

func (b *builder) fault(f *field.Error) { b.faults = append(b.faults, f) }

func (b *builder) build(c *schedulerv1alpha1.SchedulerProfile, externals Externals, path *field.Path) Profile {
	b.addExternal(c, externals, path.Child("externalPlugins"))
	b.configure(c.PluginConfig, path.Child("pluginConfig"))
	out := Profile{SchedulerName: c.SchedulerName, Reservations: *c.Reservations.Enabled, Pipeline: &pipeline.Profile{Memo: pipeline.NewMemo()}, arguments: b.arguments}
	sections := map[Point]*kubeschedulerv1.PluginSet{
		Filter: &c.Plugins.Filter, Score: &c.Plugins.Score, Estimate: &c.Plugins.Estimate, Select: &c.Plugins.Select, Assign: &c.Plugins.Assign,
	}
	for _, point := range Points() {
		plugins := b.choose(point, sections[point], path.Child("plugins", string(point)))
		if len(b.faults) == 0 {
			b.install(out.Pipeline, point, plugins)
		}
	}
	b.refuseIdle(c.ExternalPlugins, path.Child("externalPlugins"))
	return out
}

// addExternal makes the plugins of other processes known.
func (b *builder) addExternal(c *schedulerv1alpha1.SchedulerProfile, externals Externals, path *field.Path) {
	for i := range c.ExternalPlugins {
		name := c.ExternalPlugins[i].Name
		if _, taken := b.registry.known[name]; taken {
			b.fault(field.Invalid(path.Index(i).Child("name"), name, "is the name of a compiled-in plugin: choose another"))
			continue
		}
		b.external[name] = externals(c.SchedulerName, name)
		b.plugins[name] = b.external[name]
	}
}

// refuseIdle refuses external plugins that nothing would ever ask.
func (b *builder) refuseIdle(plugins []schedulerv1alpha1.ExternalPlugin, path *field.Path) {
	for i := range plugins {
		if name := plugins[i].Name; b.external[name] != nil && !b.enabledSomewhere.Has(name) {
			b.fault(field.Invalid(path.Index(i).Child("name"), name, "is asked nowhere: enable it in plugins, at filter for example"))
		}
	}
}

// configure gives their arguments to the plugins.
func (b *builder) configure(configs []kubeschedulerv1.PluginConfig, path *field.Path) {
	for i := range configs {
		name, at := configs[i].Name, path.Index(i)
		plugin, ok := b.plugins[name]
		if !ok {
			b.unknown(at.Child("name"), name)
			continue
		}
		if len(configs[i].Args.Raw) == 0 {
			continue
		}
		b.arguments[name] = configs[i].Args.Raw
		if b.external[name] != nil {
			continue // It gets them when it starts.
		}
		configurable, ok := plugin.(Configurable)
		if !ok {
			b.fault(field.Forbidden(at.Child("args"), name+" takes no arguments"))
			continue
		}
		configured, err := configurable.Configure(configs[i].Args.Raw)
		if err != nil {
			b.faultyArguments(at.Child("args"), name, err)
			continue
		}
		b.plugins[name] = configured
	}
}

// faultyArguments takes down each error at the argument that it is about.
func (b *builder) faultyArguments(path *field.Path, name string, err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			b.faultyArguments(path, name, one)
		}
		return
	}
	at, reason := path, err.Error()
	var about interface{ Argument() string }
	if errors.As(err, &about) && about.Argument() != "" {
		at, reason = path.Child(about.Argument()), strings.TrimPrefix(reason, about.Argument()+": ")
	}
	b.fault(field.Invalid(at, name, reason))
}

func (b *builder) unknown(path *field.Path, name string) {
	b.fault(field.Invalid(path, name, "is no plugin here; known are "+strings.Join(slices.Sorted(maps.Keys(b.plugins)), ", ")))
}

// choose returns the plugins at one point in the order in which they are asked.
func (b *builder) choose(point Point, set *kubeschedulerv1.PluginSet, path *field.Path) []choice {
	disabled := b.disabled(point, set.Disabled, path.Child("disabled"))
	enabled := b.enabled(point, set.Enabled, path.Child("enabled"))
	chosen := merge(b.registry.defaults[point], disabled, enabled)
	if point.single() {
		if len(enabled) > 0 {
			chosen = enabled
		}
		if len(chosen) != 1 {
			b.fault(field.Invalid(path, len(chosen), "exactly one plugin must be enabled"))
		}
	}
	return chosen
}

// merge puts the default plugins first that are not disabled, with new weights where they are enabled again, and then the others that are
// enabled.
func merge(defaults []choice, disabled sets.Set[string], enabled []choice) []choice {
	var out []choice
	placed := sets.New[string]()
	for _, d := range defaults {
		if disabled.Has(d.name) || disabled.Has(all) {
			continue
		}
		if i := slices.IndexFunc(enabled, func(e choice) bool { return e.name == d.name }); i >= 0 {
			d = enabled[i]
		}
		placed.Insert(d.name)
		out = append(out, d)
	}
	for _, e := range enabled {
		if !placed.Has(e.name) {
			out = append(out, e)
		}
	}
	return out
}

// all disables every default plugin of a point.
const all = "*"

func (b *builder) disabled(point Point, list []kubeschedulerv1.Plugin, path *field.Path) sets.Set[string] {
	out, defaults := sets.New[string](), sets.New(all)
	for _, d := range b.registry.defaults[point] {
		defaults.Insert(d.name)
	}
	for i := range list {
		at := path.Index(i)
		switch {
		case !defaults.Has(list[i].Name):
			b.fault(field.Invalid(at.Child("name"), list[i].Name, fmt.Sprintf("is no default %s plugin; these are %s", point, strings.Join(sets.List(defaults), ", "))))
		case out.Has(list[i].Name):
			b.fault(field.Duplicate(at.Child("name"), list[i].Name))
		}
		if list[i].Weight != nil {
			b.fault(field.Forbidden(at.Child("weight"), "a disabled plugin has no weight"))
		}
		out.Insert(list[i].Name)
	}
	return out
}

func (b *builder) enabled(point Point, list []kubeschedulerv1.Plugin, path *field.Path) []choice {
	var out []choice
	seen := sets.New[string]()
	for i := range list {
		name, at := list[i].Name, path.Index(i)
		plugin, known := b.plugins[name]
		switch {
		case !known:
			b.unknown(at.Child("name"), name)
		case b.external[name] == nil && !point.accepts(plugin):
			b.fault(field.Invalid(at.Child("name"), name, fmt.Sprintf("is not a %s plugin", point)))
		case seen.Has(name):
			b.fault(field.Duplicate(at.Child("name"), name))
		}
		if known && !b.enabledSomewhere.Has(name) {
			b.configureEmpty(name, at.Child("name"))
		}
		seen.Insert(name)
		b.enabledSomewhere.Insert(name)
		out = append(out, choice{name, b.weight(point, list[i].Weight, at.Child("weight"))})
	}
	return out
}

// configureEmpty gives no arguments to a plugin that takes some and for which the profile has none. One that cannot do without is at fault where
// it is enabled.
func (b *builder) configureEmpty(name string, path *field.Path) {
	configurable, ok := b.plugins[name].(Configurable)
	if _, has := b.arguments[name]; has || !ok {
		return
	}
	configured, err := configurable.Configure([]byte("{}"))
	if err != nil {
		b.fault(field.Invalid(path, name, "needs arguments in pluginConfig: "+strings.ReplaceAll(err.Error(), "\n", "; ")))
		return
	}
	b.plugins[name] = configured
}

func (b *builder) weight(point Point, weight *int32, path *field.Path) int64 {
	switch {
	case point != Score && weight != nil:
		b.fault(field.Forbidden(path, "only score plugins have a weight"))
	case point != Score:
	case weight == nil:
		return 1
	case *weight < 1:
		b.fault(field.Invalid(path, *weight, "must be at least 1; to leave the plugin out, disable it"))
	default:
		return int64(*weight)
	}
	return 0
}

// install puts the chosen plugins into the profile; it is called for choices without faults only.
func (b *builder) install(p *pipeline.Profile, point Point, chosen []choice) {
	for _, c := range chosen {
		plugin := b.plugins[c.name]
		if e := b.external[c.name]; e != nil {
			plugin = b.at(point, e)
		}
		switch point {
		case Filter:
			p.Filters = append(p.Filters, plugin.(framework.Filter))
		case Score:
			p.Scores = append(p.Scores, pipeline.WeightedScore{Plugin: plugin.(framework.Score), Weight: c.weight})
		case Estimate:
			p.Estimates = append(p.Estimates, plugin.(framework.Estimate))
		case Select:
			p.Select = plugin.(framework.Select)
		case Assign:
			p.Assign = plugin.(framework.Assign)
		}
	}
}

// at returns the external plugin as it is asked at the point.
func (b *builder) at(point Point, e External) Named {
	switch point {
	case Filter:
		return e.Filter()
	case Score:
		return e.Score()
	case Estimate:
		return e.Estimate()
	case Select:
		return e.Select(b.registry.known[b.registry.defaults[Select][0].name].(framework.Select))
	default:
		return e.Assign(b.registry.known[b.registry.defaults[Assign][0].name].(framework.Assign))
	}
}
