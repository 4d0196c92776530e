package v1alpha1

import (
	"encoding/hex"
	"net/url"
	"path/filepath"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
)

// Validate returns everything that is wrong with the configuration as far as can be seen without knowing the plugins. Defaults must be set.
func Validate(c *SchedulerConfiguration) field.ErrorList {
	var faults field.ErrorList
	if c.APIVersion != GroupVersion.String() {
		faults = append(faults, field.NotSupported(field.NewPath("apiVersion"), c.APIVersion, []string{GroupVersion.String()}))
	}
	if c.Kind != Kind {
		faults = append(faults, field.NotSupported(field.NewPath("kind"), c.Kind, []string{Kind}))
	}
	names := sets.New[string]()
	for i := range c.Profiles {
		p, path := &c.Profiles[i], field.NewPath("profiles").Index(i)
		faults = append(faults, once(names, p.SchedulerName, path.Child("schedulerName"))...)
		faults = append(faults, p.validate(path)...)
	}
	return faults
}

// once refuses a name that is taken already.
func once(taken sets.Set[string], name string, path *field.Path) field.ErrorList {
	if taken.Has(name) {
		return field.ErrorList{field.Duplicate(path, name)}
	}
	taken.Insert(name)
	return nil
}

func (p *SchedulerProfile) validate(path *field.Path) field.ErrorList {
	faults := validatePlugins(p.PluginConfig, p.ExternalPlugins, path)
	if IsShadow(p.SchedulerName) {
		faults = append(faults, field.Invalid(path.Child("schedulerName"), p.SchedulerName, "is what a shadow is called: leave out "+shadowSuffix))
	}
	if p.Shadow != nil {
		faults = append(faults, validatePlugins(p.Shadow.PluginConfig, p.Shadow.ExternalPlugins, path.Child("shadow"))...)
	}
	return append(faults, p.Estimators.validate(path.Child("estimators"))...)
}

// validatePlugins looks at the arguments and external plugins of a profile or of a shadow, which is at the path.
func validatePlugins(configs []kubeschedulerv1.PluginConfig, plugins []ExternalPlugin, path *field.Path) field.ErrorList {
	var faults field.ErrorList
	configured, external := sets.New[string](), sets.New[string]()
	for i := range configs {
		name := path.Child("pluginConfig").Index(i).Child("name")
		if configs[i].Name == "" {
			faults = append(faults, field.Required(name, "name the plugin that takes the arguments"))
			continue
		}
		faults = append(faults, once(configured, configs[i].Name, name)...)
	}
	for i := range plugins {
		at := path.Child("externalPlugins").Index(i)
		faults = append(faults, plugins[i].validate(at)...)
		if name := plugins[i].Name; name != "" {
			faults = append(faults, once(external, name, at.Child("name"))...)
		}
	}
	return faults
}

func (e *ExternalPlugin) validate(path *field.Path) field.ErrorList {
	var faults field.ErrorList
	if e.Name == "" {
		faults = append(faults, field.Required(path.Child("name"), "profiles could not refer to the plugin"))
	}
	if (e.Path == "") == (e.Address == "") {
		faults = append(faults, field.Invalid(path, e.Name, "set either path, for a binary to run, or address, for a plugin that runs already"))
	}
	faults = append(faults, e.validatePath(path)...)
	if e.Address != "" {
		faults = append(faults, e.validateAddress(path)...)
	}
	if p := e.FailurePolicy; p != FailurePolicyFail && p != FailurePolicySkip {
		faults = append(faults, field.NotSupported(path.Child("failurePolicy"), p, []FailurePolicy{FailurePolicyFail, FailurePolicySkip}))
	}
	if e.Deadline.Duration < 0 {
		faults = append(faults, field.Invalid(path.Child("deadline"), e.Deadline.Duration.String(), "must not be negative"))
	}
	if e.StartTimeout.Duration < 0 {
		faults = append(faults, field.Invalid(path.Child("startTimeout"), e.StartTimeout.Duration.String(), "must not be negative"))
	}
	return faults
}

// validatePath looks at what belongs to a binary.
func (e *ExternalPlugin) validatePath(path *field.Path) field.ErrorList {
	var faults field.ErrorList
	if e.Path != "" && !filepath.IsAbs(e.Path) {
		faults = append(faults, field.Invalid(path.Child("path"), e.Path, "must be absolute: the working directory of the scheduler is nobody's business"))
	}
	if sum, err := hex.DecodeString(e.SHA256); err != nil || e.SHA256 != "" && len(sum) != 32 {
		faults = append(faults, field.Invalid(path.Child("sha256"), e.SHA256, "must be 64 hexadecimal digits: use the output of sha256sum"))
	}
	if e.Path == "" {
		faults = append(faults, withoutPath(path.Child("sha256"), e.SHA256 != "")...)
		faults = append(faults, withoutPath(path.Child("args"), len(e.Args) > 0)...)
		faults = append(faults, withoutPath(path.Child("environment"), len(e.Environment) > 0)...)
		faults = append(faults, withoutPath(path.Child("plainSocket"), e.PlainSocket)...)
	}
	return faults
}

func withoutPath(path *field.Path, set bool) field.ErrorList {
	if !set {
		return nil
	}
	return field.ErrorList{field.Forbidden(path, "belongs to a binary: set path, or leave it out")}
}

func (e *ExternalPlugin) validateAddress(path *field.Path) field.ErrorList {
	at := path.Child("address")
	u, err := url.Parse(e.Address)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(at, e.Address, err.Error())}
	case u.Scheme == "unix":
		return nil
	case u.Scheme != "dns":
		return field.ErrorList{field.Invalid(at, e.Address, "must be unix:///path or dns:///host:port")}
	case e.TLS == nil:
		return field.ErrorList{field.Required(path.Child("tls"), "without it anybody on the network could place workloads")}
	}
	return e.TLS.validate(path.Child("tls"))
}

func (t *TLS) validate(path *field.Path) field.ErrorList {
	var faults field.ErrorList
	for _, file := range []struct{ name, value string }{{"caFile", t.CAFile}, {"certFile", t.CertFile}, {"keyFile", t.KeyFile}} {
		if file.value == "" {
			faults = append(faults, field.Required(path.Child(file.name), "name a PEM file"))
		}
	}
	return faults
}
