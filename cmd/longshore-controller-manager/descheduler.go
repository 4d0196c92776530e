package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	"github.com/longshore-project/longshore/cmd/internal/externalname"
	"github.com/longshore-project/longshore/controllers/announce"
	"github.com/longshore-project/longshore/controllers/descheduler"
	estimatorclient "github.com/longshore-project/longshore/estimator/client"
)

// registerDescheduler registers what takes replicas away that find no node, if the flags ask for it.
func registerDescheduler(ctx context.Context, mgr ctrl.Manager, o *options) error {
	if o.deschedulerConfig == "" {
		return nil
	}
	section, err := estimatorsIn(o.deschedulerConfig)
	if err != nil {
		return fmt.Errorf("--descheduler-config: %w", err)
	}
	measured := newDeschedulerMetrics()
	for _, m := range measured.collectors() {
		if err := metrics.Registry.Register(m); err != nil {
			return fmt.Errorf("registering the metrics of the descheduler: %w", err)
		}
		context.AfterFunc(ctx, func() { metrics.Registry.Unregister(m) })
	}
	asking := estimatorclient.FromConfig(section, externalHosts(mgr.GetAPIReader()))
	asking.Metrics = measured.calls
	asked := estimatorclient.New(ctx, asking)
	context.AfterFunc(ctx, asked.Close)
	return mgr.Add(&descheduler.Controller{
		Client: mgr.GetClient(), Templates: mgr.GetAPIReader(), Estimators: pending{asked, mgr.GetClient(), section.SkipPullMembers}, Metrics: measured.taken,
		Events:   announce.Bounded(mgr.GetEventRecorder("descheduler")),
		Interval: o.deschedulingInterval, Threshold: o.unschedulableThreshold, Budget: o.deschedulingBudget,
	})
}

// deschedulerMetrics is what the descheduler counts. docs/metrics.md lists it.
type deschedulerMetrics struct {
	calls *estimatorclient.Metrics
	taken *descheduler.Metrics
}

func newDeschedulerMetrics() deschedulerMetrics {
	return deschedulerMetrics{calls: estimatorclient.NewMetrics(), taken: descheduler.NewMetrics()}
}

func (m deschedulerMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.calls, m.taken}
}

// estimatorsIn returns the first section estimators of a scheduler configuration.
func estimatorsIn(file string) (*schedulerv1alpha1.Estimators, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	document, err := schedulerv1alpha1.Decode(text)
	if err != nil {
		return nil, err
	}
	if err := document.Check(nil); err != nil {
		return nil, err
	}
	for i := range document.Configuration.Profiles {
		if section := document.Configuration.Profiles[i].Estimators; section != nil {
			return section, nil
		}
	}
	return nil, errors.New("no profile has estimators: add the section, or leave out the flag")
}

// externalHosts finds the targets of ExternalName Services.
func externalHosts(reader client.Reader) estimatorclient.ExternalHost {
	return externalname.Hosts(func(ctx context.Context, namespace, name string) (*corev1.Service, error) {
		var service corev1.Service
		return &service, reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &service)
	})
}

// pending asks estimators about workloads in members.
type pending struct {
	client   *estimatorclient.Client
	clusters client.Reader
	// skipPull asks nobody about members that pull.
	skipPull bool
}

// Unschedulable implements descheduler.Estimators.
func (p pending) Unschedulable(ctx context.Context, questions []descheduler.Question, threshold time.Duration) []descheduler.Answer {
	out := make([]descheduler.Answer, len(questions))
	var workloads []estimatorclient.Workload
	var places []int
	for i, q := range questions {
		if why := p.excluded(ctx, q.Member); why != "" {
			out[i].Missing = why
			continue
		}
		r := &q.Workload
		workloads = append(workloads, estimatorclient.Workload{Member: q.Member, APIVersion: r.APIVersion, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
		places = append(places, i)
	}
	for i, a := range p.client.Unschedulable(ctx, workloads, threshold) {
		out[places[i]] = descheduler.Answer(a)
	}
	p.leaveDeparted(ctx)
	return out
}

// leaveDeparted closes the connections to the estimators of members that are gone.
func (p pending) leaveDeparted(ctx context.Context) {
	var list clusterv1alpha1.ClusterList
	if err := p.clusters.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return // The next round does it.
	}
	there := sets.New[string]()
	for i := range list.Items {
		there.Insert(list.Items[i].Name)
	}
	p.client.Retain(there.Has)
}

// excluded says why nobody is asked about the member; empty if somebody is.
func (p pending) excluded(ctx context.Context, member string) string {
	if !p.skipPull {
		return ""
	}
	var c clusterv1alpha1.Cluster
	if err := p.clusters.Get(ctx, client.ObjectKey{Name: member}, &c); err != nil {
		return fmt.Sprintf("reading Cluster %s: %v", member, err)
	}
	if c.Spec.SyncMode == clusterv1alpha1.Pull {
		return "the member pulls, and skipPullMembers is set"
	}
	return ""
}
