package member

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// ErrUnknownKind is wrapped by the error of Resources.Find when the member answers that it does not serve the kind.
var ErrUnknownKind = errors.New("kind is not served")

// retryUnknown is how long "not served" is believed before the member is asked again, so that a thousand Works of a missing kind cost
// one request.
const retryUnknown = 5 * time.Second

// Resource is where a member serves a kind.
type Resource struct {
	schema.GroupVersionResource
	// Namespaced is false for cluster-scoped kinds.
	Namespaced bool
}

// Resources answers how a member serves kinds. It asks for one group version at a time and keeps only kinds that were asked for: a table
// of everything, times ten thousand members, would not be small. Safe for concurrent use; callers of one member wait for each other.
type Resources struct {
	discovery discovery.ServerResourcesInterfaceWithContext
	now       func() time.Time

	mu      sync.Mutex
	known   map[schema.GroupVersionKind]Resource
	unknown map[schema.GroupVersionKind]time.Time
}

// NewResources returns an empty table which asks discovery when needed.
func NewResources(discovery discovery.ServerResourcesInterfaceWithContext) *Resources {
	return &Resources{
		discovery: discovery,
		now:       time.Now,
		known:     map[schema.GroupVersionKind]Resource{},
		unknown:   map[schema.GroupVersionKind]time.Time{},
	}
}

// Find returns where kind is served. The error wraps ErrUnknownKind if the member does not serve it; any other error means that it could
// not be asked.
func (r *Resources) Find(ctx context.Context, kind schema.GroupVersionKind) (Resource, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if resource, ok := r.known[kind]; ok {
		return resource, nil
	}
	if asked, ok := r.unknown[kind]; ok && r.now().Sub(asked) < retryUnknown {
		return Resource{}, unknownKind(kind)
	}
	list, err := r.discovery.ServerResourcesForGroupVersionWithContext(ctx, kind.GroupVersion().String())
	if err != nil && !apierrors.IsNotFound(err) {
		return Resource{}, fmt.Errorf("asking the member for %s: %w", kind.GroupVersion(), err)
	}
	if resource, ok := pick(list, kind); ok {
		r.known[kind] = resource
		delete(r.unknown, kind)
		return resource, nil
	}
	r.unknown[kind] = r.now()
	return Resource{}, unknownKind(kind)
}

// Forget makes the next Find ask the member again. Call it when a request for the kind was answered with "not found".
func (r *Resources) Forget(kind schema.GroupVersionKind) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, kind)
}

func unknownKind(kind schema.GroupVersionKind) error {
	return fmt.Errorf("%w: the member has no kind %s in %s; install its CustomResourceDefinition there or enable the API", ErrUnknownKind, kind.Kind, kind.GroupVersion())
}

// pick finds the main resource of kind, passing over subresources such as deployments/scale.
func pick(list *metav1.APIResourceList, kind schema.GroupVersionKind) (Resource, bool) {
	if list == nil {
		return Resource{}, false
	}
	for _, resource := range list.APIResources {
		if resource.Kind == kind.Kind && !strings.Contains(resource.Name, "/") {
			return Resource{GroupVersionResource: kind.GroupVersion().WithResource(resource.Name), Namespaced: resource.Namespaced}, true
		}
	}
	return Resource{}, false
}
