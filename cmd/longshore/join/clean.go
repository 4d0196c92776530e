package join

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// cleanMember removes what join made for this control plane, and only that.
func (u *unjoining) cleanMember(ctx context.Context) error {
	doomed, err := u.doomed(ctx)
	if err != nil || len(doomed) == 0 {
		return err
	}
	if u.borrowed {
		return u.removeBorrowed(ctx, doomed)
	}
	for _, obj := range doomed {
		if err := remove(ctx, u.member, obj); err != nil {
			return err
		}
	}
	for _, obj := range doomed {
		if err := awaitGone(ctx, u.member, obj); err != nil {
			return u.member.Explain(err)
		}
		u.say(u.member, obj)
	}
	return nil
}

// doomed returns the live objects to remove, the namespace first and the ClusterRole last.
func (u *unjoining) doomed(ctx context.Context) ([]client.Object, error) {
	r := Registration{Name: u.name, Namespace: u.namespace, ControlPlane: u.controlPlane.UID}
	role := r.clusterRole()
	var live []client.Object
	for _, obj := range append(r.accountObjects(role), role) {
		err := u.member.Get(ctx, client.ObjectKeyFromObject(obj), obj)
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return nil, u.member.Explain(fmt.Errorf("reading %s: %w", describe(obj), err))
		case obj.GetLabels()[ownerLabel] != string(r.ControlPlane):
			fmt.Fprintf(u.out, "member: %s stays, it was not made for this control plane\n", describe(obj))
		default:
			live = append(live, obj)
		}
	}
	namespace, err := u.emptyNamespace(ctx)
	if err != nil || namespace == nil {
		return live, err
	}
	return append([]client.Object{namespace}, live...), nil
}

// emptyNamespace returns the member's namespace if join made it and nothing else is in it, and nil if it has to stay.
func (u *unjoining) emptyNamespace(ctx context.Context) (*corev1.Namespace, error) {
	namespace := &corev1.Namespace{}
	if err := u.member.Get(ctx, client.ObjectKey{Name: u.namespace}, namespace); err != nil {
		return nil, u.member.Explain(client.IgnoreNotFound(err))
	}
	if namespace.Labels[ownerLabel] == "" {
		fmt.Fprintf(u.out, "member: %s stays, it was there before the cluster joined\n", describe(namespace))
		return nil, nil
	}
	other, err := inhabitant(ctx, u.member.Config, u.namespace, accountOf(u.name))
	if err != nil {
		return nil, u.member.Explain(fmt.Errorf("looking into namespace %s: %w", u.namespace, err))
	}
	if other != "" {
		fmt.Fprintf(u.out, "member: %s stays, it also holds %s\n", describe(namespace), other)
		return nil, nil
	}
	return namespace, nil
}

// removeBorrowed removes the account with its own rights. Its last request deletes the ClusterRole, which owns the rest, so that the
// member's garbage collector ends what the account no longer can. A namespace is emptied seconds after it was deleted: the account outlives
// its request by enough.
func (u *unjoining) removeBorrowed(ctx context.Context, doomed []client.Object) error {
	for _, obj := range doomed {
		switch obj.(type) {
		case *corev1.Namespace, *rbacv1.ClusterRole:
			if err := remove(ctx, u.member, obj); err != nil {
				return err
			}
		}
	}
	if err := u.awaitRefusal(ctx); err != nil {
		return err
	}
	for _, obj := range doomed {
		u.say(u.member, obj)
	}
	return nil
}

// awaitRefusal waits until the member no longer grants the account anything.
func (u *unjoining) awaitRefusal(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, grantTime, true, func(ctx context.Context) (bool, error) {
		err := u.member.Get(ctx, client.ObjectKey{Name: "kube-system"}, &corev1.Namespace{})
		if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			return true, nil
		}
		return false, err
	})
	if err != nil {
		return u.member.Explain(fmt.Errorf("waiting for the member to withdraw the account: %w", err))
	}
	return nil
}
