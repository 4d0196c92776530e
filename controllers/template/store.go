package template

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// DefaultRediscovery is how often the served types are read again.
const DefaultRediscovery = 30 * time.Second

// syncPatience bounds how long one type that cannot be listed (say, a CRD whose conversion webhook is down) may delay
// the start of everything else.
const syncPatience = 30 * time.Second

// ErrNotReady is returned for a type that the control plane does not serve, or whose objects are not all read yet.
// A caller must not take it for "the object does not exist".
var ErrNotReady = errors.New("type is not served by the control plane or not read yet")

// Discovery is what the store needs to learn the served types; [discovery.DiscoveryClient] has it.
type Discovery interface {
	ServerGroupsAndResourcesWithContext(ctx context.Context) (groups []*metav1.APIGroup, resources []*metav1.APIResourceList, err error)
}

// Options tune a [Store].
type Options struct {
	// Scope decides what is a template; nil skips only what never is one.
	Scope *Scope
	// Rediscovery is the time between two readings of the served types; 0 means [DefaultRediscovery].
	Rediscovery time.Duration
}

// Store is a cache of every template of the control plane. Build it with [NewStore], run it with Start.
// All methods are safe for concurrent use.
//
//	       discovery
//	           │ every 30 s
//	served ────┼──► watching ──(type gone)──► dropped: its templates are reported as deleted
//	           └──► (first discovery done) ─► subscribers may sync
type Store struct {
	client      dynamic.Interface
	discovery   Discovery
	scope       *Scope
	rediscovery time.Duration
	log         logr.Logger
	discovered  chan struct{} // closed after the first successful discovery

	mu          sync.RWMutex
	kinds       map[schema.GroupVersionKind]*watched
	subscribers []*subscription
}

// ForConfig returns a store with clients of its own for the control plane at cfg. Deprecation warnings are dropped: the
// store watches every type there is, deprecated ones included. httpClient may be shared with a manager; nil means a new one.
func ForConfig(cfg *rest.Config, httpClient *http.Client, log logr.Logger, options Options) (*Store, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.WarningHandler, cfg.WarningHandlerWithContext = rest.NoWarnings{}, nil
	if httpClient == nil {
		var err error
		if httpClient, err = rest.HTTPClientFor(cfg); err != nil {
			return nil, fmt.Errorf("building the client for templates: %w", err)
		}
	}
	client, err := dynamic.NewForConfigAndClient(cfg, httpClient)
	if err != nil {
		return nil, fmt.Errorf("building the client for templates: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, httpClient)
	if err != nil {
		return nil, fmt.Errorf("building the discovery client: %w", err)
	}
	return NewStore(client, disco, log, options), nil
}

// NewStore returns a store that reads through the given clients.
func NewStore(client dynamic.Interface, disco Discovery, log logr.Logger, options Options) *Store {
	s := &Store{
		client:      client,
		discovery:   disco,
		scope:       options.Scope,
		rediscovery: options.Rediscovery,
		log:         log.WithName("template"),
		discovered:  make(chan struct{}),
		kinds:       map[schema.GroupVersionKind]*watched{},
	}
	if s.scope == nil {
		s.scope = &Scope{}
	}
	if s.rediscovery <= 0 {
		s.rediscovery = DefaultRediscovery
	}
	return s
}

// NeedLeaderElection is false: a standby keeps its cache warm.
func (s *Store) NeedLeaderElection() bool { return false }

// Start discovers and watches until ctx is done, and returns when every watch has ended.
func (s *Store) Start(ctx context.Context) error {
	wait.UntilWithContext(ctx, s.discover, s.rediscovery)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kinds {
		k.stop()
	}
	return nil
}

// Get returns the template that ref names. The object is shared: read-only.
// The error is a NotFound API error when the template does not exist, and wraps [ErrNotReady] when that cannot be told.
func (s *Store) Get(ref Ref) (*unstructured.Unstructured, error) {
	k := s.kind(ref.Kind)
	if k == nil || !k.informer.HasSynced() {
		return nil, fmt.Errorf("reading %s: %w", ref, ErrNotReady)
	}
	item, exists, err := k.informer.GetStore().GetByKey(ref.key())
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	obj, ok := item.(*unstructured.Unstructured)
	if !exists || !ok || !s.scope.Includes(obj) {
		return nil, apierrors.NewNotFound(k.resource.Name.GroupResource(), ref.Name)
	}
	return obj, nil
}

// Claimed returns the templates that carry the permanent id of the given policy, in no particular order.
func (s *Store) Claimed(policyID string) []Ref {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var refs []Ref
	for _, k := range s.kinds {
		items, err := k.informer.GetIndexer().ByIndex(claimIndex, policyID)
		if err != nil {
			continue // the index is given at construction, so this cannot happen
		}
		for _, item := range items {
			if obj, ok := item.(*unstructured.Unstructured); ok && s.scope.Includes(obj) {
				refs = append(refs, RefOf(obj))
			}
		}
	}
	return refs
}

// Named returns the templates of a kind with the given name, in every namespace, in no particular order.
func (s *Store) Named(gvk schema.GroupVersionKind, name string) []Ref {
	k := s.kind(gvk)
	if k == nil {
		return nil
	}
	var refs []Ref
	items, _ := k.informer.GetIndexer().ByIndex(nameIndex, name)
	for _, item := range items {
		if obj, ok := item.(*unstructured.Unstructured); ok && s.scope.Includes(obj) {
			refs = append(refs, RefOf(obj))
		}
	}
	return refs
}

// Resource returns how to address objects of the kind; ok is false when the kind is not watched.
func (s *Store) Resource(gvk schema.GroupVersionKind) (resource Resource, ok bool) {
	k := s.kind(gvk)
	if k == nil {
		return Resource{}, false
	}
	return k.resource, true
}

func (s *Store) kind(gvk schema.GroupVersionKind) *watched {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.kinds[gvk]
}

// discover reads the served types once and starts or drops watches accordingly.
func (s *Store) discover(ctx context.Context) {
	groups, lists, err := s.discovery.ServerGroupsAndResourcesWithContext(ctx)
	failed, partial := discovery.GroupDiscoveryFailedErrorGroups(err)
	if err != nil && !partial {
		s.log.Error(err, "Reading the served types; the known ones stay watched")
		return
	}
	s.reconcileKinds(ctx, Catalog(groups, lists, s.scope), failed)
	select {
	case <-s.discovered:
	default:
		close(s.discovered)
	}
}

// reconcileKinds watches what is new and drops what is gone. Types of a group version whose discovery failed stay:
// an aggregated API that is briefly down must not look like a deleted CRD.
func (s *Store) reconcileKinds(ctx context.Context, served []Resource, failed map[schema.GroupVersion]error) {
	want := make(map[schema.GroupVersionKind]Resource, len(served))
	for _, r := range served {
		want[r.Kind] = r
	}
	for gvk, k := range s.snapshot() {
		if r, ok := want[gvk]; ok && r == k.resource {
			delete(want, gvk)
		} else if failed[gvk.GroupVersion()] == nil || ok {
			s.drop(k)
		}
	}
	for _, r := range want {
		s.watch(ctx, r)
	}
}

func (s *Store) snapshot() map[schema.GroupVersionKind]*watched {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[schema.GroupVersionKind]*watched, len(s.kinds))
	for gvk, k := range s.kinds {
		out[gvk] = k
	}
	return out
}
