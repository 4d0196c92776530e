// Package templatetest runs controllers against the real API server of a test.
package templatetest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/apis/crds"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/controllers/namespace"
	"github.com/longshore-project/longshore/controllers/template"
)

// Patience is how long a condition may take to come true on a busy machine.
const Patience = 30 * time.Second

// Main runs the tests of a package with one control plane that has the CRDs and the garbage collector.
func Main(m *testing.M) {
	log.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	os.Exit(localtest.Main(m, localtest.Options{Prepare: crds.Install, Controllers: local.ControlPlaneControllers}))
}

// Env is a running set of controllers and a client of the test's own.
type Env struct {
	client.Client
	Store     *template.Store
	Namespace string // a namespace of the test's own
	// Writes counts what the controllers write, the client of the test not included.
	Writes *Writes

	t     testing.TB
	cfg   *rest.Config
	setup Setup
	stop  func()
}

// Setup adds controllers to a manager.
type Setup func(ctx context.Context, mgr manager.Manager, store *template.Store) error

// Start runs the store and what setup adds to the manager until the test ends.
func Start(t testing.TB, setup Setup) *Env {
	t.Helper()
	cfg := localtest.ControlPlane(t)
	scheme := apis.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	direct, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	env := &Env{Client: direct, Writes: &Writes{}, t: t, cfg: cfg, setup: setup}
	env.run(scheme)
	t.Cleanup(func() { env.stop() })
	env.Namespace = env.NewNamespace(namespacePrefix)
	env.Writes.confine(env.Namespace)
	return env
}

// Restart stops the controllers and starts them anew, with empty caches.
func (e *Env) Restart() {
	e.t.Helper()
	e.stop()
	e.run(e.Scheme())
}

// run starts a manager; e.stop ends it.
func (e *Env) run(scheme *runtime.Scheme) {
	e.t.Helper()
	counted := rest.CopyConfig(e.cfg)
	counted.Wrap(e.Writes.wrap)
	mgr, err := manager.New(counted, manager.Options{
		Scheme:     scheme,
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.Store = newStore(e.t, counted, mgr)
	ctx, cancel := context.WithCancel(context.Background())
	if err := e.setup(ctx, mgr, e.Store); err != nil {
		e.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	e.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			e.t.Errorf("running the controllers: %v", err)
		}
		e.stop = func() {}
	}
}

func newStore(t testing.TB, cfg *rest.Config, mgr manager.Manager) *template.Store {
	t.Helper()
	skip, err := namespace.ParseSkip(namespace.DefaultSkipped)
	if err != nil {
		t.Fatal(err)
	}
	scope, err := template.ParseScope("", skip)
	if err != nil {
		t.Fatal(err)
	}
	store, err := template.ForConfig(cfg, mgr.GetHTTPClient(), mgr.GetLogger(), template.Options{Scope: scope, Rediscovery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := mgr.Add(store); err != nil {
		t.Fatal(err)
	}
	return store
}

// namespacePrefix begins the names of the namespaces that tests get.
const namespacePrefix = "test-"

// NewNamespace creates a namespace with a generated name.
func (e *Env) NewNamespace(prefix string) string {
	e.t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix}}
	e.MustCreate(ns)
	return ns.Name
}

// Join creates clusters with their execution namespaces; both go when the test ends.
func (e *Env) Join(names ...string) {
	e.t.Helper()
	for _, name := range names {
		cluster := &clusterv1alpha1.Cluster{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"name": name}},
			Spec:       clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Push},
		}
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: workv1alpha1.ExecutionNamespace(name)}}
		for _, obj := range []client.Object{ns, cluster} {
			if err := e.Create(e.t.Context(), obj); client.IgnoreAlreadyExists(err) != nil {
				e.t.Fatalf("joining %s: %v", name, err)
			}
		}
		e.t.Cleanup(func() { _ = e.Delete(context.Background(), cluster) })
	}
}

// MustCreate creates the objects or fails the test.
func (e *Env) MustCreate(objs ...client.Object) {
	e.t.Helper()
	for _, obj := range objs {
		if err := e.Create(e.t.Context(), obj); err != nil {
			e.t.Fatalf("creating %T %s: %v", obj, obj.GetName(), err)
		}
	}
}

// MustPatch edits an object, as it is in the server, or fails the test.
func (e *Env) MustPatch(obj client.Object, edit func()) {
	e.t.Helper()
	if err := e.Get(e.t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
		e.t.Fatalf("reading %T %s: %v", obj, obj.GetName(), err)
	}
	before, _ := obj.DeepCopyObject().(client.Object)
	edit()
	if err := e.Patch(e.t.Context(), obj, client.MergeFrom(before)); err != nil {
		e.t.Fatalf("patching %T %s: %v", obj, obj.GetName(), err)
	}
}

// MustDelete deletes the objects or fails the test.
func (e *Env) MustDelete(objs ...client.Object) {
	e.t.Helper()
	for _, obj := range objs {
		if err := e.Delete(e.t.Context(), obj); err != nil {
			e.t.Fatalf("deleting %T %s: %v", obj, obj.GetName(), err)
		}
	}
}

// Await waits until check returns nil and fails the test with its last error otherwise.
func (e *Env) Await(what string, check func() error) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			e.t.Fatalf("waiting until %s: %v", what, err)
		case <-tick.C:
		}
	}
}

// AwaitObject waits until the object is in the server and check agrees.
func (e *Env) AwaitObject(what string, obj client.Object, check func() error) {
	e.t.Helper()
	e.Await(what, func() error {
		if err := e.Get(e.t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		return check()
	})
}

// AwaitGone waits until the object is not in the server.
func (e *Env) AwaitGone(obj client.Object) {
	e.t.Helper()
	e.Await(fmt.Sprintf("%T %s is gone", obj, obj.GetName()), func() error {
		err := e.Get(e.t.Context(), client.ObjectKeyFromObject(obj), obj)
		if err == nil {
			return fmt.Errorf("it is there: %v", obj.GetFinalizers())
		}
		return client.IgnoreNotFound(err)
	})
}

// AwaitQuiet waits until the controllers have written nothing for a while, and returns all writes so far.
func (e *Env) AwaitQuiet(quiet time.Duration) []string {
	e.t.Helper()
	last, since := e.Writes.List(), time.Now()
	e.Await("the controllers are quiet", func() error {
		now := e.Writes.List()
		if len(now) != len(last) {
			last, since = now, time.Now()
		}
		if time.Since(since) < quiet {
			return fmt.Errorf("last writes: %q", last[max(0, len(last)-5):])
		}
		return nil
	})
	return last
}

// Deployment returns a Deployment as unstructured content.
func Deployment(namespace, name string, replicas int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata":   map[string]any{"namespace": namespace, "name": name, "labels": map[string]any{"app": name}},
		"spec": map[string]any{
			"replicas": replicas,
			"selector": map[string]any{"matchLabels": map[string]any{"app": name}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": name}},
				"spec": map[string]any{"containers": []any{map[string]any{
					"name": "web", "image": "nginx:1.27",
					"resources": map[string]any{"requests": map[string]any{"cpu": "100m"}},
				}}},
			},
		},
	}}
}

// Writes records requests other than reads, as "VERB path". What concerns the namespaces of other tests, whose objects
// may still be there, is left out. It is safe for concurrent use.
type Writes struct {
	mu        sync.Mutex
	seen      []string
	namespace string
}

func (w *Writes) confine(namespace string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.namespace = namespace
}

func (w *Writes) concernsOthers(write string) bool {
	_, rest, found := strings.Cut(write, "/namespaces/"+namespacePrefix)
	if !found {
		return false
	}
	name, _, _ := strings.Cut(rest, "/")
	return namespacePrefix+name != w.namespace
}

func (w *Writes) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Method != http.MethodGet {
			w.mu.Lock()
			w.seen = append(w.seen, req.Method+" "+req.URL.Path)
			w.mu.Unlock()
		}
		return next.RoundTrip(req)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// List returns all writes but events, in order.
func (w *Writes) List() []string { return w.filter(func(s string) bool { return !isEvent(s) }) }

// Events returns the writes of events.
func (w *Writes) Events() []string { return w.filter(isEvent) }

// Containing returns the writes but events whose text has the part, such as an object's name.
func (w *Writes) Containing(part string) []string {
	return w.filter(func(s string) bool { return !isEvent(s) && strings.Contains(s, part) })
}

func (w *Writes) filter(keep func(string) bool) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.seen), func(s string) bool { return !keep(s) || w.concernsOthers(s) })
}

func isEvent(write string) bool {
	return strings.Contains(write, "/events")
}
