package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/controller-manager/pkg/informerfactory"
)

const (
	// resync re-delivers every object so rarely that it costs nothing in a cluster that lives for an hour.
	resync = 12 * time.Hour
	// remapPeriod is how soon the mapper, and with it garbage collection, learns of a new custom resource.
	remapPeriod = 10 * time.Second
)

// controllerOptions are the flags of the controllers command; their names and meaning are those of kube-controller-manager.
type controllerOptions struct {
	kubeconfig string
	names      []string
	saKeyFile  string
	rootCAFile string
}

// environment is what every controller is built from. The informers start after all controllers were built.
type environment struct {
	options         controllerOptions
	config          *rest.Config
	client          kubernetes.Interface
	metadata        metadata.Interface
	mapper          *restmapper.DeferredDiscoveryRESTMapper
	informers       informers.SharedInformerFactory
	anyInformers    informerfactory.InformerFactory
	informersActive chan struct{}
}

// buildFunc registers the informers a controller needs and returns the function that runs it until its context ends.
type buildFunc func(context.Context, *environment) (func(context.Context), error)

// controllers holds what a member or a control plane for tests needs. Each was chosen because its package adds at most three
// packages to what kube-apiserver and kube-scheduler already link.
var controllers = map[string]buildFunc{
	"cronjob":              buildCronJob,
	"daemonset":            buildDaemonSet,
	"deployment":           buildDeployment,
	"disruption":           buildDisruption,
	"endpoint":             buildEndpoint,
	"endpointslice":        buildEndpointSlice,
	"garbagecollector":     buildGarbageCollector,
	"job":                  buildJob,
	"namespace":            buildNamespace,
	"nodelifecycle":        buildNodeLifecycle,
	"replicaset":           buildReplicaSet,
	"resourcequota":        buildResourceQuota,
	"serviceaccount":       buildServiceAccount,
	"serviceaccount-token": buildServiceAccountToken,
	"statefulset":          buildStatefulSet,
	"taint-eviction":       buildTaintEviction,
}

func newControllersCommand(context.Context) *cobra.Command {
	var o controllerOptions
	cmd := &cobra.Command{
		Short:        "the controllers that a local cluster needs, a subset of kube-controller-manager",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runControllers(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster to serve")
	flags.StringSliceVar(&o.names, "controllers", []string{"*"}, "controllers to run; * means all of "+strings.Join(controllerNames(), ", "))
	flags.StringVar(&o.saKeyFile, "service-account-private-key-file", "", "private key that signs the tokens of serviceaccount-token")
	flags.StringVar(&o.rootCAFile, "root-ca-file", "", "CA that is written beside those tokens (default: the kubeconfig's)")
	_ = cmd.MarkFlagRequired("kubeconfig")
	return cmd
}

func controllerNames() []string {
	names := make([]string, 0, len(controllers))
	for name := range controllers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// selectControllers resolves the --controllers flag to sorted names.
func selectControllers(asked []string) ([]string, error) {
	if slices.Contains(asked, "*") {
		return controllerNames(), nil
	}
	for _, name := range asked {
		if _, ok := controllers[name]; !ok {
			return nil, fmt.Errorf("unknown controller %q: choose from %s", name, strings.Join(controllerNames(), ", "))
		}
	}
	names := slices.Clone(asked)
	slices.Sort(names)
	return slices.Compact(names), nil
}

func runControllers(ctx context.Context, o controllerOptions) error {
	names, err := selectControllers(o.names)
	if err != nil {
		return err
	}
	env, err := newEnvironment(o)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	for _, name := range names {
		run, err := controllers[name](ctx, env)
		if err != nil {
			return fmt.Errorf("building controller %s: %w", name, err)
		}
		if run != nil {
			running.Go(func() { run(ctx) })
		}
	}
	env.start(ctx)
	fmt.Fprintln(os.Stderr, "running controllers:", strings.Join(names, ", "))
	<-ctx.Done()
	running.Wait()
	return nil
}

func newEnvironment(o controllerOptions) (*environment, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig: %w", err)
	}
	config.QPS = -1 // the server of a local cluster needs no protection from its only controllers
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("building a client: %w", err)
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("building a metadata client: %w", err)
	}
	typed := informers.NewSharedInformerFactoryWithOptions(client, resync, informers.WithTransform(dropManagedFields))
	untyped := metadatainformer.NewSharedInformerFactoryWithOptions(metadataClient, resync, metadatainformer.WithTransform(dropManagedFields))
	return &environment{
		options:         o,
		config:          config,
		client:          client,
		metadata:        metadataClient,
		mapper:          restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery())),
		informers:       typed,
		anyInformers:    informerfactory.NewInformerFactory(typed, untyped),
		informersActive: make(chan struct{}),
	}, nil
}

func (e *environment) start(ctx context.Context) {
	e.informers.Start(ctx.Done())
	e.anyInformers.Start(ctx.Done())
	close(e.informersActive)
	go func() {
		tick := time.NewTicker(remapPeriod)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				e.mapper.Reset()
			}
		}
	}()
}

// dropManagedFields keeps the caches small; no controller here reads them.
func dropManagedFields(object any) (any, error) {
	accessor, err := apimeta.Accessor(object)
	if err != nil {
		return object, nil //nolint:nilerr // a tombstone has no metadata and passes as it is
	}
	if accessor.GetManagedFields() != nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

var errNoSigningKey = errors.New("serviceaccount-token needs --service-account-private-key-file")
