package join

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/connect"
)

const (
	// progressEvery is how often the user learns what a long unjoin waits for.
	progressEvery = 3 * time.Second
	// namedBindings is how many bindings a message names before it only counts them.
	namedBindings = 3
	pageSize      = 500
)

var errTimeout = errors.New("timeout")

// leave deletes the Cluster and waits until the controllers let it go, which they do when nothing of theirs is left in the member.
func (u *unjoining) leave(ctx context.Context) error {
	if err := remove(ctx, u.controlPlane, u.cluster); err != nil {
		return err
	}
	err := u.awaitGone(ctx, u.timeout)
	if errors.Is(err, errTimeout) && u.force {
		fmt.Fprintf(u.out, "control plane: after %s %s; taking away its finalizers\n", u.timeout, u.pending(ctx))
		if err := u.release(ctx); err != nil {
			return err
		}
		err = u.awaitGone(ctx, u.timeout)
	}
	switch {
	case errors.Is(err, errTimeout):
		return fmt.Errorf("after %s %s%s: check that longshore-controller-manager runs, then run the same command again; --force does not wait for it", u.timeout, u.pending(ctx), u.holders(ctx))
	case err != nil:
		return u.controlPlane.Explain(fmt.Errorf("waiting for the end of cluster %s: %w", u.name, err))
	}
	u.say(u.controlPlane, u.cluster)
	return nil
}

func (u *unjoining) awaitGone(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	gone := make(chan error, 1)
	go func() {
		gone <- connect.Await(ctx, u.controlPlane, u.cluster, func(obj client.Object) (bool, error) {
			return obj == nil || obj.GetUID() != u.cluster.UID, nil
		})
	}()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for said := ""; ; {
		select {
		case err := <-gone:
			if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
				return errTimeout
			}
			return err
		case <-ticker.C:
			if now := u.pending(ctx); now != said {
				fmt.Fprintln(u.out, "control plane:", now)
				said = now
			}
		}
	}
}

// pending says in one line what still holds the cluster.
func (u *unjoining) pending(ctx context.Context) string {
	works, err := u.works(context.WithoutCancel(ctx))
	if err != nil || len(works) == 0 {
		return fmt.Sprintf("cluster %s is still being removed", u.name)
	}
	return fmt.Sprintf("cluster %s still has %d works in namespace %s", u.name, len(works), workv1alpha1.ExecutionNamespace(u.name))
}

func (u *unjoining) works(ctx context.Context) ([]metav1.PartialObjectMetadata, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(workv1alpha1.GroupVersion.WithKind("WorkList"))
	err := u.controlPlane.List(ctx, &list, client.InNamespace(workv1alpha1.ExecutionNamespace(u.name)))
	return list.Items, err
}

// holders names bindings that still place something in the cluster. It reads all of them, and so is asked only once, when waiting was in vain.
func (u *unjoining) holders(ctx context.Context) string {
	var names []string
	count := 0
	for _, list := range []client.ObjectList{&workv1alpha2.ResourceBindingList{}, &workv1alpha2.ClusterResourceBindingList{}} {
		err := u.eachBinding(context.WithoutCancel(ctx), list, func(b workv1alpha2.Binding) {
			if !slices.ContainsFunc(b.BindingSpec().Clusters, func(t workv1alpha2.TargetCluster) bool { return t.Name == u.name }) {
				return
			}
			if count++; count <= namedBindings {
				names = append(names, strings.TrimPrefix(b.GetNamespace()+"/"+b.GetName(), "/"))
			}
		})
		if err != nil {
			return "" // The caller has a message already; this was only to make it better.
		}
	}
	if count == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d bindings name it (%s)", count, strings.Join(names, ", "))
}

func (u *unjoining) eachBinding(ctx context.Context, list client.ObjectList, visit func(workv1alpha2.Binding)) error {
	for next := ""; ; {
		if err := u.controlPlane.List(ctx, list, client.Limit(pageSize), client.Continue(next)); err != nil {
			return err
		}
		switch list := list.(type) {
		case *workv1alpha2.ResourceBindingList:
			for i := range list.Items {
				visit(&list.Items[i])
			}
		case *workv1alpha2.ClusterResourceBindingList:
			for i := range list.Items {
				visit(&list.Items[i])
			}
		}
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// release does what the controllers would have done, without looking at the member: it lets go of the works, their namespace and the Cluster.
func (u *unjoining) release(ctx context.Context) error {
	works, err := u.works(ctx)
	if err != nil {
		return u.controlPlane.Explain(fmt.Errorf("listing the works of %s: %w", u.name, err))
	}
	for i := range works {
		works[i].SetGroupVersionKind(workv1alpha1.GroupVersion.WithKind("Work"))
		if err := u.dropFinalizer(ctx, &works[i], workv1alpha1.WorkFinalizer); err != nil {
			return err
		}
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: workv1alpha1.ExecutionNamespace(u.name)}}
	if err := u.controlPlane.Delete(ctx, namespace); client.IgnoreNotFound(err) != nil {
		return u.controlPlane.Explain(fmt.Errorf("deleting namespace %s: %w", namespace.Name, err))
	}
	cluster := &clusterv1alpha1.Cluster{}
	if err := u.controlPlane.Get(ctx, client.ObjectKeyFromObject(u.cluster), cluster); err != nil {
		return client.IgnoreNotFound(err)
	}
	return u.dropFinalizer(ctx, cluster, clusterv1alpha1.ClusterFinalizer)
}

func (u *unjoining) dropFinalizer(ctx context.Context, obj client.Object, finalizer string) error {
	patch := client.MergeFromWithOptions(obj.DeepCopyObject().(client.Object), client.MergeFromWithOptimisticLock{})
	if !controllerutil.RemoveFinalizer(obj, finalizer) {
		return nil
	}
	if err := u.controlPlane.Patch(ctx, obj, patch); client.IgnoreNotFound(err) != nil {
		return u.controlPlane.Explain(fmt.Errorf("taking finalizer %s from %s: %w", finalizer, obj.GetName(), err))
	}
	return nil
}
