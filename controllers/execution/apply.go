package execution

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/member"
)

// attempts is how often a request is tried when the cache turns out to be behind the member.
const attempts = 3

var errNoNamespace = errors.New("the kind is namespaced, but the manifest has no metadata.namespace: set it")

// target is one manifest and where it goes.
type target struct {
	work     *workv1alpha1.Work
	manifest *unstructured.Unstructured
	resource member.Resource
	client   dynamic.ResourceInterface
}

// manifest applies the manifest with the given ordinal, or only observes its object while the Work is suspended.
func (a *actor) manifest(ctx context.Context, work *workv1alpha1.Work, ordinal int, known *memory) outcome {
	result := outcome{identifier: workv1alpha1.ResourceIdentifier{Ordinal: ordinal}}
	t, err := a.target(ctx, work, ordinal)
	if t != nil {
		result.identifier = t.identifier(ordinal)
	}
	if err != nil {
		result.err = err
		return result
	}
	observed, err := a.cached(t)
	switch {
	case err != nil:
		result.err = err
	case suspended(work):
		result.observed = observed
	default:
		result.observed, result.sent, result.err = a.apply(ctx, t, observed, known, ordinal)
	}
	if result.observed != nil && !isManaged(result.observed, work) {
		result.observed = nil
	}
	return result
}

// target decodes a manifest and finds out where the member serves its kind. It returns both a target and an error if the manifest can be
// named, but not sent.
func (a *actor) target(ctx context.Context, work *workv1alpha1.Work, ordinal int) (*target, error) {
	manifest, err := decode(work.Spec.Workload.Manifests[ordinal])
	if err != nil {
		return nil, err
	}
	t := &target{work: work, manifest: manifest}
	clients, err := a.member.Clients()
	if err != nil {
		return t, err
	}
	if t.resource, err = clients.Resources.Find(ctx, manifest.GroupVersionKind()); err != nil {
		return t, err
	}
	t.client = clients.Objects.Resource(t.resource.GroupVersionResource)
	if t.resource.Namespaced {
		if manifest.GetNamespace() == "" {
			return t, errNoNamespace
		}
		t.client = clients.Objects.Resource(t.resource.GroupVersionResource).Namespace(manifest.GetNamespace())
	}
	return t, nil
}

func (t *target) identifier(ordinal int) workv1alpha1.ResourceIdentifier {
	kind := t.manifest.GroupVersionKind()
	return workv1alpha1.ResourceIdentifier{
		Ordinal: ordinal, Group: kind.Group, Version: kind.Version, Kind: kind.Kind, Resource: t.resource.Resource,
		Namespace: t.manifest.GetNamespace(), Name: t.manifest.GetName(),
	}
}

// cached returns the member's object from the cache, which holds managed ones only.
func (a *actor) cached(t *target) (*unstructured.Unstructured, error) {
	namespace := ""
	if t.resource.Namespaced {
		namespace = t.manifest.GetNamespace()
	}
	return a.informers.Object(t.resource.GroupVersionResource, namespace, t.manifest.GetName(), t.work.Name)
}

// live returns the member's object from the member.
func (t *target) live(ctx context.Context) (*unstructured.Unstructured, error) {
	object, err := t.client.Get(ctx, t.manifest.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading it from the member: %w", err)
	}
	return object, nil
}

// apply makes the member's object what the manifest says. It returns the object as it is then, also when it could not be changed.
func (a *actor) apply(ctx context.Context, t *target, observed *unstructured.Unstructured, known *memory, ordinal int) (*unstructured.Unstructured, bool, error) {
	for range attempts {
		next, desired, err := planApply(a.Interpreter, t.work, t.manifest, observed, known.applied[ordinal])
		if err != nil || next == keep {
			return observed, false, err
		}
		result, err := t.send(ctx, next, desired)
		if err == nil {
			known.applied[ordinal] = remember(t.manifest, result)
			return result, true, nil
		}
		if !behind(next, err) {
			return observed, false, a.explain(t, next, err)
		}
		if observed, err = t.live(ctx); err != nil {
			return nil, false, err
		}
	}
	return observed, false, errors.New("something in the member changes it all the time: find out what else writes it")
}

func (t *target) send(ctx context.Context, next step, desired *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if next == create {
		return t.client.Create(ctx, desired, metav1.CreateOptions{})
	}
	return t.client.Update(ctx, desired, metav1.UpdateOptions{})
}

// behind reports whether a refusal only says that the cache is not up to date.
func behind(next step, err error) bool {
	if next == create {
		return apierrors.IsAlreadyExists(err)
	}
	return apierrors.IsConflict(err) || apierrors.IsNotFound(err)
}

// namespaceMissing reports whether the member refused an object because it does not have the namespace.
func namespaceMissing(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsNotFound(err) {
		return false
	}
	details := status.Status().Details
	return details != nil && details.Kind == "namespaces"
}

// explain adds what was tried to a refusal, and what to do about it where the member's words do not say.
func (a *actor) explain(t *target, next step, err error) error {
	doing := "updating it in the member"
	if next == create {
		doing = "creating it in the member"
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if clients, clientErr := a.member.Clients(); clientErr == nil {
		clients.Resources.Forget(t.manifest.GroupVersionKind()) // Perhaps the kind itself is gone.
	}
	return fmt.Errorf("%s: %w; tried again until its namespace and kind are there", doing, err)
}
