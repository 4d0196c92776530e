package main

import (
	"context"
	"fmt"

	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/longshore-project/longshore/controllers/binding"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/namespace"
	"github.com/longshore-project/longshore/controllers/policy"
	"github.com/longshore-project/longshore/controllers/status"
	"github.com/longshore-project/longshore/controllers/template"
)

// registerTemplateSide registers what turns templates and policies into bindings and Works, and what carries the members' status back.
func registerTemplateSide(ctx context.Context, mgr ctrl.Manager, o *options) error {
	store, err := newTemplateStore(mgr, o)
	if err != nil {
		return err
	}
	if err := binding.RegisterIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	kinds := interpreter.New()
	for _, setup := range []func() error{
		func() error {
			return policy.Setup(ctx, mgr, store, kinds, policy.Options{Concurrency: o.templateSyncs, Preemption: o.preemption})
		},
		func() error { return binding.Setup(mgr, store, kinds, binding.Options{Concurrency: o.bindingSyncs}) },
		func() error { return status.Setup(mgr, store, kinds, status.Options{Concurrency: o.bindingSyncs}) },
	} {
		if err := setup(); err != nil {
			return err
		}
	}
	return nil
}

// newTemplateStore returns the cache of templates, which the manager runs.
func newTemplateStore(mgr ctrl.Manager, o *options) (*template.Store, error) {
	skip, err := namespace.ParseSkip(o.skippedNamespaces)
	if err != nil {
		return nil, err
	}
	scope, err := template.ParseScope(o.skippedAPIs, skip)
	if err != nil {
		return nil, err
	}
	store, err := template.ForConfig(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetLogger(), template.Options{Scope: scope})
	if err != nil {
		return nil, err
	}
	if err := mgr.Add(store); err != nil {
		return nil, fmt.Errorf("adding the cache of templates: %w", err)
	}
	return store, nil
}
