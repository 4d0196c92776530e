package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/cmd/internal/configfile"
	"github.com/longshore-project/longshore/scheduler/journal"
	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/profile"
)

// reloader takes over the configuration file when it changes, without losing a decision. A file that cannot be used, or of which a plugin does
// not start, changes nothing.
//
//	in use ──file is another one, twice in a row──► tried ──every plugin runs──► in use
//	                                                  └──anything is wrong──► refused, until file or binaries are others
type reloader struct {
	options  *options
	registry *profile.Registry
	external *external
	// estimators is asked by the profiles.
	estimators *estimators
	recorders  *recorders
	shadows    *shadows
	journal    *journal.Journal
	loop       *loop.Loop
	metrics    *reloadMetrics

	// used is the content that is in use, handled what was tried last, seen what was there at the last look.
	used, handled, seen sighting
	// binaries is the plugins of a configuration that was refused: it is tried again when one of them changes.
	binaries []string
}

// sighting tells one state of the file, and of the binaries that matter, from others.
type sighting string

// lookEvery is how often the file is read. It must be as it was at the last look: what is not may still be being written.
const lookEvery = time.Second

// Reasons of the events about the configuration.
const (
	eventReloaded = "ConfigurationReloaded"
	eventRefused  = "ConfigurationRefused"
)

// run looks at the file until ctx ends.
func (r *reloader) run(ctx context.Context) error {
	r.used = sightingOf(r.options.configText, nil)
	r.handled, r.seen = r.used, r.used
	r.metrics.valid.Set(1)
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.look(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// look takes the file over if it is another one than was handled and the same as at the last look.
func (r *reloader) look(ctx context.Context) {
	text, err := os.ReadFile(r.options.config)
	if err != nil {
		text = []byte(err.Error())
	}
	now := sightingOf(text, r.binaries)
	settled := now == r.seen
	r.seen = now
	if !settled || now == r.handled {
		return
	}
	if err == nil {
		err = r.apply(ctx, text)
	}
	if ctx.Err() != nil {
		return
	}
	r.tell(ctx, err)
	if err == nil {
		r.binaries, r.used = nil, sightingOf(text, nil)
	}
	r.handled = sightingOf(text, r.binaries)
	r.seen = r.handled
}

// apply makes the configuration in the text decide, all of it or nothing.
func (r *reloader) apply(ctx context.Context, text []byte) error {
	r.binaries = nil
	if sightingOf(text, nil) == r.used {
		return nil
	}
	c, err := configfile.Parse(r.options.config, text, r.registry)
	if err != nil {
		return err
	}
	r.binaries = binariesOf(c)
	next, err := r.external.prepare(ctx, c)
	if err != nil {
		return err
	}
	if err := r.replaceProfiles(c, next); err != nil {
		next.abort()
		return err
	}
	return next.commit()
}

// replaceProfiles lets the profiles of the configuration decide, and their shadows follow them.
func (r *reloader) replaceProfiles(c *schedulerv1alpha1.SchedulerConfiguration, s *successors) error {
	built, err := r.options.build(c, r.registry, s.plugin)
	if err != nil {
		return err
	}
	shadowing := r.shadows.of(built)
	profiles, err := toLoop(built, r.recorders, shadowing, r.journal)
	if err != nil {
		return err
	}
	settle, err := r.estimators.attach(c, profiles)
	if err != nil {
		return err
	}
	err = r.loop.SetProfiles(profiles)
	settle(err == nil)
	if err != nil {
		return err
	}
	r.shadows.use(shadowing)
	return nil
}

// tell says in log, metrics and an event of the lease what became of the file.
func (r *reloader) tell(ctx context.Context, err error) {
	log := logr.FromContextOrDiscard(ctx).WithValues("file", r.options.config)
	if err != nil {
		log.Error(err, "The changed configuration is refused; the one before goes on")
		r.metrics.reloads.WithLabelValues("refused").Inc()
		r.metrics.valid.Set(0)
		r.event(corev1.EventTypeWarning, eventRefused, "The changed configuration is refused; the one before goes on: "+err.Error())
		return
	}
	log.Info("The changed configuration is in use")
	r.metrics.reloads.WithLabelValues("applied").Inc()
	r.metrics.valid.Set(1)
	r.event(corev1.EventTypeNormal, eventReloaded, "The changed configuration is in use")
}

func (r *reloader) event(kind, reason, message string) {
	recorder, err := r.recorders.of("longshore-scheduler")
	if err != nil {
		return // The log has it.
	}
	lease := &corev1.ObjectReference{
		APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: r.options.leaseNamespace, Name: r.options.leaseName,
	}
	recorder.Event(lease, kind, reason, message)
}

// sightingOf tells the content, and which files the binaries are.
func sightingOf(text []byte, binaries []string) sighting {
	var b strings.Builder
	fmt.Fprintf(&b, "%x", sha256.Sum256(text))
	for _, path := range binaries {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			fmt.Fprintf(&b, " %s is not there", path)
		case err != nil:
			fmt.Fprintf(&b, " %s: %v", path, err)
		default:
			fmt.Fprintf(&b, " %s %d %d", path, info.Size(), info.ModTime().UnixNano())
		}
	}
	return sighting(b.String())
}

// binariesOf returns the paths of all plugins in order.
func binariesOf(c *schedulerv1alpha1.SchedulerConfiguration) []string {
	var out []string
	for _, p := range configfile.Profiles(c) {
		for i := range p.ExternalPlugins {
			if path := p.ExternalPlugins[i].Path; path != "" {
				out = append(out, path)
			}
		}
	}
	return out
}

// reloadMetrics counts what became of changed configurations.
type reloadMetrics struct {
	reloads *prometheus.CounterVec
	valid   prometheus.Gauge
}

func newReloadMetrics(r prometheus.Registerer) *reloadMetrics {
	m := &reloadMetrics{
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "longshore_scheduler_configuration_reloads_total", Help: "Changed configuration files by what became of them.",
		}, []string{"result"}),
		valid: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "longshore_scheduler_configuration_valid", Help: "1 if the configuration file is the one in use, 0 if it was refused.",
		}),
	}
	r.MustRegister(m.reloads, m.valid)
	return m
}
