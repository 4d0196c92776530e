package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/longshore-project/longshore/apis"
	"github.com/longshore-project/longshore/controllers/member"
	"github.com/longshore-project/longshore/estimator/server"
)

// fleet observes the members of a control plane, as they join and leave.
type fleet struct {
	manager ctrl.Manager
	synced  atomic.Bool
}

func newFleet(ctx context.Context, o *options, members *server.Members) (*fleet, error) {
	ctrl.SetLogger(klog.Background())
	config, err := target{name: "the control plane", file: o.controlPlane}.config()
	if err != nil {
		return nil, err
	}
	scheme := apis.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("registering the kinds of Kubernetes: %w", err)
	}
	secrets := cache.ByObject{Transform: member.TrimSecret, Namespaces: map[string]cache.Config{}}
	for _, namespace := range o.secrets {
		secrets.Namespaces[namespace] = cache.Config{}
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject:         map[client.Object]cache.ByObject{&corev1.Secret{}: secrets},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to the control plane %s: %w", config.Host, err)
	}
	sessions := member.NewFleet(member.Options{UserAgent: config.UserAgent}, &observer{members: members, only: o.clusters})
	controller := &member.Controller{Client: secretsOf{manager.GetClient(), o.secrets}, Fleet: sessions}
	if err := controller.SetupWithManager(ctx, manager); err != nil {
		return nil, err
	}
	return &fleet{manager: manager}, nil
}

// secretsOf reads Secrets of some namespaces only, and says so.
type secretsOf struct {
	client.Reader
	namespaces []string
}

// Get implements client.Reader.
func (s secretsOf) Get(ctx context.Context, key client.ObjectKey, object client.Object, o ...client.GetOption) error {
	if _, is := object.(*corev1.Secret); is && !slices.Contains(s.namespaces, key.Namespace) {
		return reconcile.TerminalError(fmt.Errorf("%s is in none of --secret-namespaces %v", key, s.namespaces))
	}
	return s.Reader.Get(ctx, key, object, o...)
}

func (f *fleet) run(ctx context.Context) error {
	go func() {
		if f.manager.GetCache().WaitForCacheSync(ctx) {
			f.synced.Store(true)
		}
	}()
	return f.manager.Start(ctx)
}

// observer is a member.Runner that observes each member with the access of its session.
type observer struct {
	members *server.Members
	only    []string // empty for all
}

// Run implements member.Runner.
func (o *observer) Run(ctx context.Context, m *member.Member) {
	if len(o.only) > 0 && !slices.Contains(o.only, m.Name()) {
		return
	}
	clients, err := m.Clients()
	if err != nil {
		o.members.Refuse(ctx, m.Name(), err)
		return
	}
	o.members.Observe(ctx, m.Name(), server.Access{Core: clients.Core, Apps: clients.Apps})
}
