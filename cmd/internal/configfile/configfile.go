// Package configfile reads the scheduler's configuration file as the scheduler does.
package configfile

import (
	"encoding/json"
	"fmt"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/profile"
)

// Registry returns the plugins that need no process of their own.
func Registry() *profile.Registry {
	return profile.NewRegistry(builtin.Profile(), builtin.Optional()...)
}

// Parse returns the configuration of the text of a file. The error names everything that is wrong with it.
func Parse(file string, text []byte, r *profile.Registry) (*schedulerv1alpha1.SchedulerConfiguration, error) {
	document, err := schedulerv1alpha1.Decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	_, faults := profile.Build(&document.Configuration, r, profile.NotStarted)
	if err := document.Check(faults); err != nil {
		return nil, fmt.Errorf("%s cannot be used:\n%w", file, err)
	}
	return &document.Configuration, nil
}

// Profiles returns all profiles, each followed by its shadow as a profile.
func Profiles(c *schedulerv1alpha1.SchedulerConfiguration) []*schedulerv1alpha1.SchedulerProfile {
	var out []*schedulerv1alpha1.SchedulerProfile
	for i := range c.Profiles {
		out = append(out, &c.Profiles[i])
		if shadow, ok := c.Profiles[i].ShadowProfile(); ok {
			out = append(out, &shadow)
		}
	}
	return out
}

// Specs returns the external plugins of a profile, in its order, with their arguments.
func Specs(p *schedulerv1alpha1.SchedulerProfile) ([]host.Spec, error) {
	arguments := map[string]map[string]any{}
	for i := range p.PluginConfig {
		if raw := p.PluginConfig[i].Args.Raw; len(raw) > 0 {
			var values map[string]any
			if err := json.Unmarshal(raw, &values); err != nil {
				return nil, fmt.Errorf("reading the arguments of %s: %w", p.PluginConfig[i].Name, err)
			}
			arguments[p.PluginConfig[i].Name] = values
		}
	}
	out := make([]host.Spec, len(p.ExternalPlugins))
	for i := range p.ExternalPlugins {
		x := &p.ExternalPlugins[i]
		out[i] = host.Spec{
			Name: x.Name, Path: x.Path, SHA256: x.SHA256, Args: x.Args, Environment: x.Environment, PlainSocket: x.PlainSocket, Address: x.Address,
			Arguments: arguments[x.Name], Deadline: x.Deadline.Duration, StartTimeout: x.StartTimeout.Duration,
			FailurePolicy: host.FailurePolicy(x.FailurePolicy),
		}
		if x.TLS != nil {
			out[i].TLS = &host.TLS{CAFile: x.TLS.CAFile, CertFile: x.TLS.CertFile, KeyFile: x.TLS.KeyFile, ServerName: x.TLS.ServerName}
		}
	}
	return out, nil
}
