package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/profile"
)

// external is the plugins in other processes: a host for each profile and each shadow that has some, by schedulerName.
type external struct {
	log   logr.Logger
	hosts map[string]*host.Host
	// patience is how long to wait for each plugin before the first decision.
	patience map[*host.Plugin]time.Duration
}

// farewell bounds the wait for plugins to end.
const farewell = 5 * time.Second

// startExternal starts the external plugins of all profiles and does not wait until they run.
func startExternal(ctx context.Context, c *schedulerv1alpha1.SchedulerConfiguration, r prometheus.Registerer) (*external, error) {
	e := &external{log: logr.FromContextOrDiscard(ctx), hosts: map[string]*host.Host{}, patience: map[*host.Plugin]time.Duration{}}
	metrics := host.NewMetrics(r)
	for i := range c.Profiles {
		p := &c.Profiles[i]
		err := e.start(p, metrics, true)
		if shadow, ok := p.ShadowProfile(); ok && err == nil {
			// It would be counted among the plugins of the same name that decide.
			err = e.start(&shadow, nil, false)
		}
		if err != nil {
			e.close()
			return nil, fmt.Errorf("starting the external plugins of profile %s: %w", p.SchedulerName, err)
		}
	}
	return e, nil
}

// start starts the plugins of a profile or of a shadow. Decisions wait for them if they are awaited.
func (e *external) start(p *schedulerv1alpha1.SchedulerProfile, metrics *host.Metrics, awaited bool) error {
	if len(p.ExternalPlugins) == 0 {
		return nil
	}
	specs, err := specsOf(p)
	if err != nil {
		return err
	}
	h := host.New(host.Options{Log: e.log.WithValues("profile", p.SchedulerName), Metrics: metrics})
	e.hosts[p.SchedulerName] = h
	if err := h.Apply(specs); err != nil || !awaited {
		return err
	}
	for i := range specs {
		if plugin, ok := h.Plugin(specs[i].Name); ok {
			e.patience[plugin] = specs[i].StartTimeout
		}
	}
	return nil
}

// specsOf translates the external plugins of a profile and their arguments.
func specsOf(p *schedulerv1alpha1.SchedulerProfile) ([]host.Spec, error) {
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

// plugin implements profile.Externals.
func (e *external) plugin(schedulerName, name string) profile.External {
	p, ok := e.hosts[schedulerName].Plugin(name)
	if !ok {
		return profile.NotStarted(schedulerName, name)
	}
	return p
}

// ServeHTTP tells the state of the plugins as a host.Report.
func (e *external) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	report := host.NewReport(time.Now())
	for _, profile := range slices.Sorted(maps.Keys(e.hosts)) {
		report.Add(profile, e.hosts[profile])
	}
	tell(w, r, report)
}

// await waits until the plugins run, so that a start does not begin with decisions that fail, and for each no longer than a start may take: what
// then happens is a matter of its failure policy.
func (e *external) await(ctx context.Context) {
	for plugin, patience := range e.patience {
		waiting, stop := context.WithTimeout(ctx, patience)
		if err := plugin.Ready(waiting); err != nil && ctx.Err() == nil {
			e.log.Error(err, "Scheduling without a plugin that does not run", "plugin", plugin.Name())
		}
		stop()
	}
}

// close ends the plugins.
func (e *external) close() {
	ctx, stop := context.WithTimeout(context.Background(), farewell)
	defer stop()
	var faults []error
	for _, h := range e.hosts {
		faults = append(faults, h.Close(ctx))
	}
	if err := errors.Join(faults...); err != nil {
		e.log.Error(err, "Ending external plugins")
	}
}
