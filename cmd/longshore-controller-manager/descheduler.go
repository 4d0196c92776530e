package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	schedulerv1alpha1 "github.com/longshore-project/longshore/apis/scheduler/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
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
	asking := estimatorclient.New(ctx, estimatorclient.FromConfig(section, externalHosts(mgr.GetAPIReader())))
	context.AfterFunc(ctx, asking.Close)
	return mgr.Add(&descheduler.Controller{
		Client: mgr.GetClient(), Estimators: pending{asking}, Events: announce.Bounded(mgr.GetEventRecorder("descheduler")),
		Interval: o.deschedulingInterval, Threshold: o.unschedulableThreshold, Budget: o.deschedulingBudget,
	})
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

// pending asks estimators about one workload in many members.
type pending struct{ client *estimatorclient.Client }

// Unschedulable implements descheduler.Estimators.
func (p pending) Unschedulable(ctx context.Context, r workv1alpha2.ObjectReference, members []string, threshold time.Duration) map[string]int32 {
	workloads := make([]estimatorclient.Workload, len(members))
	for i, name := range members {
		workloads[i] = estimatorclient.Workload{Member: name, APIVersion: r.APIVersion, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
	}
	out := map[string]int32{}
	for i, a := range p.client.Unschedulable(ctx, workloads, threshold) {
		if a.Missing == "" {
			out[members[i]] = a.Replicas
		}
	}
	return out
}
