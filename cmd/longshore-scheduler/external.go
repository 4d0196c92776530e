package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/cmd/internal/configfile"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/profile"
)

// external is the plugins in other processes: a host for each profile and each shadow that has some, by schedulerName. It is safe for concurrent use.
type external struct {
	log     logr.Logger
	metrics *host.Metrics
	// loop is told which plugins answer again.
	loop *theLoop

	mu    sync.Mutex
	hosts map[string]*host.Host
}

// farewell bounds the wait for plugins to end.
const farewell = 5 * time.Second

// startExternal starts the external plugins of all profiles and does not wait until they run.
func startExternal(ctx context.Context, c *schedulerv1alpha1.SchedulerConfiguration, m *host.Metrics, l *theLoop) (*external, error) {
	e := &external{log: logr.FromContextOrDiscard(ctx), metrics: m, loop: l, hosts: map[string]*host.Host{}}
	for _, p := range configfile.Profiles(c) {
		if err := e.start(p); err != nil {
			e.close()
			return nil, fmt.Errorf("starting the external plugins of profile %s: %w", p.SchedulerName, err)
		}
	}
	return e, nil
}

func (e *external) start(p *schedulerv1alpha1.SchedulerProfile) error {
	specs, err := configfile.Specs(p)
	if err != nil || len(specs) == 0 {
		return err
	}
	h := e.newHost(p.SchedulerName)
	e.hosts[p.SchedulerName] = h
	return h.Apply(specs)
}

func (e *external) newHost(schedulerName string) *host.Host {
	return host.New(host.Options{
		Log: e.log.WithValues("profile", schedulerName), Metrics: e.metrics, Profile: schedulerName,
		OnChange: func(s host.Status) { e.changed(schedulerName, s) },
	})
}

// changed has what waits for the plugin decided when it runs.
func (e *external) changed(schedulerName string, s host.Status) {
	if l := e.loop.Load(); l != nil && s.State == host.Running {
		l.Returned(schedulerName, s.Name)
	}
}

// absent names the plugin that did not answer.
func absent(err error) (plugin string) {
	if call, ok := errors.AsType[*host.CallError](err); ok {
		return call.Plugin
	}
	return ""
}

// successors is the plugins of another configuration beside those of the present one.
type successors struct {
	external *external
	hosts    map[string]*host.Host
	changes  map[string]*host.Change
}

// prepare starts the plugins of another configuration that do not run yet, and waits until they run. With an error nothing has changed.
func (e *external) prepare(ctx context.Context, c *schedulerv1alpha1.SchedulerConfiguration) (*successors, error) {
	s := &successors{external: e, hosts: map[string]*host.Host{}, changes: map[string]*host.Change{}}
	for _, p := range configfile.Profiles(c) {
		if err := s.add(ctx, p); err != nil {
			s.abort()
			return nil, fmt.Errorf("profile %s: %w", p.SchedulerName, err)
		}
	}
	return s, nil
}

func (s *successors) add(ctx context.Context, p *schedulerv1alpha1.SchedulerProfile) error {
	specs, err := configfile.Specs(p)
	if err != nil || len(specs) == 0 {
		return err
	}
	h, known := s.external.present()[p.SchedulerName]
	if !known {
		h = s.external.newHost(p.SchedulerName)
	}
	change, err := h.Prepare(ctx, specs)
	if err != nil {
		return err
	}
	s.hosts[p.SchedulerName], s.changes[p.SchedulerName] = h, change
	return nil
}

// plugin implements profile.Externals.
func (s *successors) plugin(schedulerName, name string) profile.External {
	if change, ok := s.changes[schedulerName]; ok {
		if p, ok := change.Plugin(name); ok {
			return p
		}
	}
	return profile.NotStarted(schedulerName, name)
}

func (s *successors) abort() {
	for _, change := range s.changes {
		change.Abort()
	}
}

// commit ends the plugins that the other configuration does not have, in the background.
func (s *successors) commit() error {
	var faults []error
	for _, change := range s.changes {
		faults = append(faults, change.Commit())
	}
	s.external.mu.Lock()
	before := s.external.hosts
	s.external.hosts = s.hosts
	s.external.mu.Unlock()
	for name, h := range before {
		if s.hosts[name] == nil {
			go s.external.end(h)
		}
	}
	return errors.Join(faults...)
}

// plugin implements profile.Externals.
func (e *external) plugin(schedulerName, name string) profile.External {
	p, ok := e.present()[schedulerName].Plugin(name)
	if !ok {
		return profile.NotStarted(schedulerName, name)
	}
	return p
}

// ServeHTTP tells the state of the plugins as a host.Report.
func (e *external) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hosts := e.present()
	report := host.NewReport(time.Now())
	for _, profile := range slices.Sorted(maps.Keys(hosts)) {
		report.Add(profile, hosts[profile])
	}
	tell(w, r, report)
}

// await waits until the plugins run, so that a start does not begin with decisions that fail, and for each no longer than a start may take: what
// then happens is a matter of its failure policy. It does not wait for those of shadows.
func (e *external) await(ctx context.Context) {
	for schedulerName, h := range e.present() {
		if schedulerv1alpha1.IsShadow(schedulerName) {
			continue
		}
		if err := h.Ready(ctx); err != nil && ctx.Err() == nil {
			e.log.Error(err, "Scheduling without a plugin that does not run")
		}
	}
}

// present returns the hosts of the present configuration.
func (e *external) present() map[string]*host.Host {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.hosts)
}

// close ends the plugins.
func (e *external) close() {
	for _, h := range e.present() {
		e.end(h)
	}
}

// end ends the plugins of a host.
func (e *external) end(h *host.Host) {
	ctx, stop := context.WithTimeout(context.Background(), farewell)
	defer stop()
	if err := h.Close(ctx); err != nil {
		e.log.Error(err, "Ending external plugins")
	}
}
