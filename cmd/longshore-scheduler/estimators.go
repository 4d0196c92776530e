package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/cmd/internal/externalname"
	"github.com/longshore-project/longshore/estimator/client"
	"github.com/longshore-project/longshore/estimator/outcome"
	"github.com/longshore-project/longshore/plugins/builtin/accurateestimate"
	"github.com/longshore-project/longshore/plugins/builtin/resourcesummary"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/loop"
	"github.com/longshore-project/longshore/scheduler/profile"
)

// estimators is the clients of all profiles that ask estimators. It is used by one goroutine at a time.
type estimators struct {
	ctx      context.Context
	hosts    client.ExternalHost
	calls    *client.Metrics
	outcomes *outcome.Metrics
	// loop is told of changes.
	loop  *theLoop
	inUse map[string]*estimating
}

// estimating is the client of one profile, and what is learned about its answers. It implements loop.Estimators and loop.Observer.
type estimating struct {
	*outcome.Outcomes
	client *client.Client
	// section is the configuration that the client was made for.
	section string
}

// Prefetch implements loop.Estimators.
func (e *estimating) Prefetch(r *framework.Request) { e.client.Prefetch(r) }

// MemberGone implements loop.MemberLeaver.
func (e *estimating) MemberGone(name string) {
	e.client.Retain(func(member string) bool { return member != name })
	e.Forget(name)
}

// close ends the client and forgets what was learned.
func (e *estimating) close() {
	e.client.Close()
	e.Close()
}

func newEstimators(ctx context.Context, config *rest.Config, m *metrics, l *theLoop) (*estimators, error) {
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the control plane: %w", err)
	}
	return &estimators{ctx: ctx, loop: l, hosts: externalHosts(kube), calls: m.calls, outcomes: m.outcomes, inUse: map[string]*estimating{}}, nil
}

// externalHosts finds the targets of ExternalName Services.
func externalHosts(kube kubernetes.Interface) client.ExternalHost {
	return externalname.Hosts(func(ctx context.Context, namespace, name string) (*corev1.Service, error) {
		return kube.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	})
}

// attach makes the profiles ask their estimators. A profile whose section is the one in use goes on with its client. Call the function that is
// returned with true once the profiles are in use, and with false if that failed.
func (e *estimators) attach(c *schedulerv1alpha1.SchedulerConfiguration, profiles []loop.Profile) (settle func(used bool), err error) {
	next := map[string]*estimating{}
	settle = func(used bool) {
		if used {
			e.inUse, next = next, e.inUse
		}
		for name, x := range next {
			if e.inUse[name] != x {
				x.close()
			}
		}
	}
	for i := range profiles {
		at := slices.IndexFunc(c.Profiles, func(p schedulerv1alpha1.SchedulerProfile) bool { return p.SchedulerName == profiles[i].SchedulerName })
		if at < 0 || c.Profiles[at].Estimators == nil {
			continue
		}
		x, err := e.of(profiles[i].SchedulerName, c.Profiles[at].Estimators)
		if err != nil {
			settle(false)
			return nil, err
		}
		next[profiles[i].SchedulerName] = x
		profiles[i].Estimators, profiles[i].Observer = x, observers{x, profiles[i].Observer}
		profiles[i].Pipeline.Estimates = withAccurate(profiles[i].Pipeline.Estimates, x.plugin(c.Profiles[at].Estimators))
	}
	return settle, nil
}

// observers tells two observers of each decision; the second may be nil.
type observers struct{ first, second loop.Observer }

// Observe implements loop.Observer.
func (o observers) Observe(r *framework.Request, s *framework.Snapshot, d framework.Decision) {
	o.first.Observe(r, s, d)
	if o.second != nil {
		o.second.Observe(r, s, d)
	}
}

// of returns the client for the section.
func (e *estimators) of(name string, section *schedulerv1alpha1.Estimators) (*estimating, error) {
	text, err := json.Marshal(section)
	if err != nil {
		return nil, fmt.Errorf("comparing the estimators of profile %s: %w", name, err)
	}
	if x := e.inUse[name]; x != nil && x.section == string(text) {
		return x, nil
	}
	o := client.FromConfig(section, e.hosts)
	o.Changed, o.Metrics = e.changed, e.calls
	return &estimating{Outcomes: outcome.New(e.outcomes, e.changed), client: client.New(e.ctx, o), section: string(text)}, nil
}

func (e *estimators) changed(members []string, roomier bool) {
	if l := e.loop.Load(); l != nil {
		l.EstimatesChanged(members, roomier)
	}
}

// plugin returns the estimate that asks the client.
func (e *estimating) plugin(section *schedulerv1alpha1.Estimators) *accurateestimate.Plugin {
	return &accurateestimate.Plugin{
		Source: e.client, Merge: accurateestimate.Merge(section.Merge), Lifetime: section.CacheFor.Duration, Limits: e.Outcomes,
		CountGrowth: section.CountGrowth, SkipPull: section.SkipPullMembers,
	}
}

// withAccurate puts the plugin in the place of the summary, which it merges with what estimators say, or in front if the profile has none.
func withAccurate(estimates []framework.Estimate, accurate *accurateestimate.Plugin) []framework.Estimate {
	name := resourcesummary.Plugin{}.Name()
	if at := slices.IndexFunc(estimates, func(p framework.Estimate) bool { return p.Name() == name }); at >= 0 {
		out := slices.Clone(estimates)
		accurate.Summary, out[at] = out[at], accurate
		return out
	}
	return append([]framework.Estimate{accurate}, estimates...)
}

// close ends all clients.
func (e *estimators) close() {
	for _, x := range e.inUse {
		x.close()
	}
}

// unasked stands for estimators in a profile that is printed and decides nothing.
type unasked struct{}

// Answers implements accurateestimate.Source.
func (unasked) Answers(context.Context, *framework.Request, []string, []accurateestimate.Answer) {}

// showEstimators makes a profile that is only printed show that it asks estimators.
func showEstimators(c *schedulerv1alpha1.SchedulerConfiguration, profiles []profile.Profile) {
	for i := range profiles {
		for j := range c.Profiles {
			if section := c.Profiles[j].Estimators; section != nil && c.Profiles[j].SchedulerName == profiles[i].SchedulerName {
				profiles[i].Pipeline.Estimates = withAccurate(profiles[i].Pipeline.Estimates, &accurateestimate.Plugin{Source: unasked{}})
			}
		}
	}
}
