// Package karmadatest gives tests a control plane that is put together as Karmada's is, from real processes:
//
//	kubectl, schedulers ──► kube-apiserver: bindings and policies as CRDs of Karmada's shape ──► admission webhooks
//	                              │ aggregation: /apis/cluster.karmada.io
//	                              ▼
//	                        aggregated API server with an etcd of its own: clusters
//
// The main server does not know the kind Cluster by itself: an APIService sends requests for it to the second server, which believes the front
// proxy who asks and lets the main server decide whether they may. No kind of ours is there. What the scheduler of a service account asks for
// is written to an audit log.
package karmadatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/rest"

	"github.com/longshore-project/longshore/apis/crds"
	"github.com/longshore-project/longshore/cmd/longshore/local"
)

// SystemNamespace is where Karmada's own components live.
const SystemNamespace = "karmada-system"

// ControlPlane is such a control plane. Make it with Start.
type ControlPlane struct {
	// Config gives administrator access through the main server.
	Config *rest.Config
	// Kubeconfig is a file with the same access.
	Kubeconfig string
	// Webhooks admits bindings.
	Webhooks *Webhooks

	dir        string
	main       *local.Cluster
	aggregated *local.Cluster
}

// Start returns a running control plane in dir, which must exist, or ends what it began.
func Start(ctx context.Context, dir string) (*ControlPlane, error) {
	p := &ControlPlane{
		dir:        dir,
		main:       &local.Cluster{Name: "karmada-apiserver", Role: local.RoleControlPlane, Dir: filepath.Join(dir, "karmada-apiserver")},
		aggregated: &local.Cluster{Name: "karmada-aggregated-apiserver", Role: local.RoleControlPlane, Dir: filepath.Join(dir, "karmada-aggregated-apiserver")},
	}
	if err := p.start(ctx); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

func (p *ControlPlane) start(ctx context.Context) error {
	keys, err := newKeys(filepath.Join(p.dir, "keys"))
	if err != nil {
		return err
	}
	if err := writeAuditPolicy(p.auditPolicy()); err != nil {
		return err
	}
	p.main.APIServerFlags = append(keys.believeFrontProxy(), keys.beFrontProxy()...)
	p.main.APIServerFlags = append(p.main.APIServerFlags, "--audit-policy-file="+p.auditPolicy(), "--audit-log-path="+p.auditLog())
	if err := startServer(ctx, p.main); err != nil {
		return err
	}
	p.Kubeconfig = filepath.Join(p.main.Dir, "kubeconfig")
	if p.Config, err = p.main.RESTConfig(); err != nil {
		return err
	}
	p.Config.QPS = -1 // Tests assert results, not politeness.
	delegation, err := p.writeDelegation()
	if err != nil {
		return err
	}
	p.aggregated.APIServerFlags = append(keys.believeFrontProxy(), delegation...)
	p.aggregated.APIServerFlags = append(p.aggregated.APIServerFlags, keys.serveAs(aggregatedService)...)
	if err := startServer(ctx, p.aggregated); err != nil {
		return err
	}
	if err := p.install(ctx); err != nil {
		return err
	}
	if err := p.aggregate(ctx, keys); err != nil {
		return err
	}
	p.Webhooks, err = startWebhooks(ctx, p.Config, keys)
	return err
}

func startServer(ctx context.Context, c *local.Cluster) error {
	return c.Start(ctx, local.StartOptions{Progress: local.NewProgress(os.Stderr), DieWithCaller: true})
}

// install makes each server serve its kinds.
func (p *ControlPlane) install(ctx context.Context) error {
	all, err := Definitions()
	if err != nil {
		return err
	}
	behind, err := p.aggregated.RESTConfig()
	if err != nil {
		return err
	}
	var ours, theirs []*apiextensionsv1.CustomResourceDefinition
	for _, crd := range all {
		if crd.Spec.Group == clusterGroup {
			theirs = append(theirs, crd)
		} else {
			ours = append(ours, crd)
		}
	}
	if err := crds.InstallThese(ctx, p.Config, ours); err != nil {
		return fmt.Errorf("preparing %s: %w", p.main.Name, err)
	}
	if err := crds.InstallThese(ctx, behind, theirs); err != nil {
		return fmt.Errorf("preparing %s: %w", p.aggregated.Name, err)
	}
	return nil
}

// LoseClusters kills the aggregated API server with its store: requests for clusters have no answer from now on.
func (p *ControlPlane) LoseClusters() error { return p.aggregated.Kill() }

// RegainClusters starts the aggregated API server again, with what it had stored, and returns when it is ready.
func (p *ControlPlane) RegainClusters(ctx context.Context) error {
	return startServer(ctx, p.aggregated)
}

// Kill ends all processes at once.
func (p *ControlPlane) Kill() error {
	var err error
	if p.Webhooks != nil {
		err = p.Webhooks.close()
	}
	return errors.Join(err, p.aggregated.Kill(), p.main.Kill())
}

// Losses describes the processes that ended although nobody asked them to, with the end of their logs.
func (p *ControlPlane) Losses() []error { return append(p.main.Losses(), p.aggregated.Losses()...) }
