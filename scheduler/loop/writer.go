package loop

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// Results of a write that callers tell apart.
var (
	// errSuperseded means that the binding's spec is no longer the one that was decided upon.
	errSuperseded = errors.New("the binding changed while it was decided")
	// errGone means that there is nothing to write to any more.
	errGone = errors.New("the binding is gone")
	// errQuota means that the admission of the control plane refused the result for lack of quota.
	errQuota = errors.New("quota exceeded")
	// errDeposed means that nothing was written because another process may schedule by now.
	errDeposed = errors.New("this process may not write any more")
)

// reasonQuotaExceeded is the reason with which the admission webhook denies a result that exceeds a FederatedResourceQuota.
const reasonQuotaExceeded metav1.StatusReason = "QuotaExceeded"

// attempts bounds how often one write is repeated when it collides with others on the same object.
const attempts = 5

// writer brings results into bindings of both scopes.
type writer struct {
	client rest.Interface
	pool   *pool
	// may reports whether this process may write.
	may func() bool
	// conflicted is called for every write that has to be repeated or given up.
	conflicted func()
}

// newClient returns a client for one of the API groups, which shares what it reads through the pool.
func newClient(config *rest.Config, gv schema.GroupVersion, p *pool) (rest.Interface, error) {
	c := rest.CopyConfig(config)
	c.APIPath, c.GroupVersion = "/apis", &gv
	c.ContentType, c.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
	// Schedulers run near their API server. To pack and unpack every event of a watch costs both more than it spares the network.
	c.DisableCompression = true
	c.NegotiatedSerializer = directCodecs{generic, p}
	client, err := rest.RESTClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("making a client for %s: %w", gv, err)
	}
	return client, nil
}

// resourceOf returns the plural name of the binding kind with such keys.
func resourceOf(key queue.Key) string {
	if key.Namespace == "" {
		return "clusterresourcebindings"
	}
	return "resourcebindings"
}

// newBinding returns an empty binding of the kind with such keys.
func newBinding(key queue.Key) workv1alpha2.Binding {
	if key.Namespace == "" {
		return &workv1alpha2.ClusterResourceBinding{}
	}
	return &workv1alpha2.ResourceBinding{}
}

// writeSpec writes the placement into b, which is the object that was decided upon, and returns the object as it is afterwards. If there is
// nothing to write it returns b.
func (w *writer) writeSpec(ctx context.Context, key queue.Key, b workv1alpha2.Binding, want *result) (workv1alpha2.Binding, error) {
	decided := b
	for range attempts {
		patch, err := specPatch(b, want)
		if patch == nil || err != nil {
			return b, err
		}
		if !w.may() {
			return nil, errDeposed
		}
		written, err := w.decode(key, w.patch(ctx, key, types.JSONPatchType, patch, ""))
		if err == nil {
			return written, nil
		}
		if !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) {
			return nil, explain(err)
		}
		w.conflicted()
		if b, err = w.reread(ctx, key, decided, err); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("writing the placement of %s: %w after %d attempts", key, errSuperseded, attempts)
}

// reread returns the object as it is now, after a write failed because of cause. If its spec is as it was decided upon the write may be
// repeated, unless the server holds the new content itself to be invalid.
func (w *writer) reread(ctx context.Context, key queue.Key, decided workv1alpha2.Binding, cause error) (workv1alpha2.Binding, error) {
	now, err := w.get(ctx, key)
	switch {
	case err != nil:
		return nil, explain(err)
	case now.GetUID() != decided.GetUID() || now.GetGeneration() != decided.GetGeneration():
		return nil, errSuperseded
	case apierrors.IsInvalid(cause) && now.GetResourceVersion() == decided.GetResourceVersion():
		return nil, fmt.Errorf("writing the placement of %s: %w", key, cause)
	}
	return now, nil
}

// writeStatus writes the outcome into the status of b, the latest object that is known. The write may collide with writers of other parts of
// the status; it is then repeated upon what they wrote, as long as the spec is the same.
func (w *writer) writeStatus(ctx context.Context, key queue.Key, b workv1alpha2.Binding, want *result, now metav1.Time) (wrote bool, err error) {
	generation := b.GetGeneration()
	for range attempts {
		patch, err := statusPatch(b, want, now.Time)
		if patch == nil || err != nil {
			return false, err
		}
		if !w.may() {
			return false, errDeposed
		}
		if err = w.patch(ctx, key, types.MergePatchType, patch, "status").Error(); err == nil {
			return true, nil
		}
		if !apierrors.IsConflict(err) {
			return false, explain(err)
		}
		w.conflicted()
		if b, err = w.get(ctx, key); err != nil {
			return false, explain(err)
		}
		if b.GetGeneration() != generation {
			return false, errSuperseded
		}
	}
	return false, fmt.Errorf("writing the status of %s: %w after %d attempts", key, errSuperseded, attempts)
}

func (w *writer) patch(ctx context.Context, key queue.Key, kind types.PatchType, patch []byte, subresource string) rest.Result {
	request := w.client.Patch(kind).NamespaceIfScoped(key.Namespace, key.Namespace != "").Resource(resourceOf(key)).Name(key.Name).Body(patch)
	if subresource != "" {
		request = request.SubResource(subresource)
	}
	return request.Do(ctx)
}

func (w *writer) get(ctx context.Context, key queue.Key) (workv1alpha2.Binding, error) {
	return w.decode(key, w.client.Get().NamespaceIfScoped(key.Namespace, key.Namespace != "").Resource(resourceOf(key)).Name(key.Name).Do(ctx))
}

// decode reads the answer without the generic machinery: the kind is known, and nothing has to be converted.
func (w *writer) decode(key queue.Key, answer rest.Result) (workv1alpha2.Binding, error) {
	raw, err := answer.Raw()
	if err != nil {
		return nil, answer.Error()
	}
	b := newBinding(key)
	if err := w.pool.decodeBinding(raw, b); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", key, err)
	}
	return b, nil
}

// explain maps an error of the API server to those that callers tell apart.
func explain(err error) error {
	switch {
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, "NamespaceTerminating"):
		return fmt.Errorf("%w: %w", errGone, err)
	case apierrors.ReasonForError(err) == reasonQuotaExceeded:
		return fmt.Errorf("%w: %w", errQuota, err)
	}
	return err
}
