package join

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/connect"
)

// unjoining is one run of unjoin. The order is fixed: first the Cluster object goes, which makes the controllers take their objects out of
// the member with the credentials that still exist, then the credentials in the member, then their copy in the control plane.
type unjoining struct {
	name, namespace string
	force           bool
	timeout         time.Duration
	out             io.Writer

	controlPlane *connect.Client
	// cluster and secret are nil if the control plane does not have them any more.
	cluster *clusterv1alpha1.Cluster
	secret  *corev1.Secret
	// access says how to reach the member and what its ID is; nil if neither object says so.
	access *clusterv1alpha1.ClusterSpec
	// member is nil if the member cannot be reached, which only --force allows, or if there is nothing to remove in it.
	member *connect.Client
	// borrowed is true if member speaks with the very account that is to be removed.
	borrowed bool
}

// find reads what the control plane has of the cluster.
func (u *unjoining) find(ctx context.Context) error {
	cluster := &clusterv1alpha1.Cluster{}
	err := u.controlPlane.Get(ctx, client.ObjectKey{Name: u.name}, cluster)
	switch {
	case err == nil:
		u.cluster, u.access = cluster, &cluster.Spec
		if ref := cluster.Spec.SecretRef; ref != nil {
			u.namespace = ref.Namespace
		}
	case !apierrors.IsNotFound(err):
		return u.controlPlane.Explain(fmt.Errorf("reading cluster %s: %w", u.name, err))
	}
	secret := &corev1.Secret{}
	err = u.controlPlane.Get(ctx, u.secretKey(), secret)
	switch {
	case err == nil:
		u.secret = secret
		if u.cluster == nil {
			u.access = accessOf(secret)
		}
	case !apierrors.IsNotFound(err):
		return u.controlPlane.Explain(fmt.Errorf("reading the credentials of %s: %w", u.name, err))
	}
	return nil
}

func (u *unjoining) secretKey() client.ObjectKey {
	if u.cluster != nil && u.cluster.Spec.SecretRef != nil {
		return client.ObjectKey{Namespace: u.cluster.Spec.SecretRef.Namespace, Name: u.cluster.Spec.SecretRef.Name}
	}
	return client.ObjectKey{Namespace: u.namespace, Name: u.name}
}

// reach connects to the member with the user's kubeconfig, or else with the credentials that join stored.
func (u *unjoining) reach(ctx context.Context, source *connect.Source) error {
	var err error
	switch {
	case source.Given():
		u.member, err = source.Dial(ctx)
	case u.access != nil && u.secret != nil:
		u.borrowed = true
		u.member, err = dialStored(ctx, source, u.access, u.secret)
	case u.cluster == nil && u.secret == nil:
		return fmt.Errorf("there is no cluster %q: 'kubectl get clusters' lists them; to clean up a member after an interrupted unjoin name it by --cluster-kubeconfig", u.name)
	default:
		err = errors.New("the control plane does not know how to reach it: name its kubeconfig by --cluster-kubeconfig")
	}
	if err == nil {
		return u.checkMember(ctx)
	}
	if u.force && ctx.Err() == nil {
		fmt.Fprintf(u.out, "member: not reached, %s will stay there: %v\n", u.leftovers(), err)
		return nil
	}
	return fmt.Errorf("%s was not touched, because its member cannot be cleaned up: %w; --force takes it out of the control plane and leaves %s in the member", u.name, err, u.leftovers())
}

func dialStored(ctx context.Context, source *connect.Source, access *clusterv1alpha1.ClusterSpec, secret *corev1.Secret) (*connect.Client, error) {
	cfg, err := connect.ToConfig(access, secret)
	if err != nil {
		return nil, err
	}
	return source.DialConfig(ctx, cfg)
}

// checkMember keeps unjoin from cleaning up in the wrong cluster.
func (u *unjoining) checkMember(ctx context.Context) error {
	if u.access == nil || u.access.ID == "" {
		return nil
	}
	id, err := identify(ctx, u.member)
	if err != nil {
		return err
	}
	if id != u.access.ID {
		return fmt.Errorf("%s is not the cluster that is joined as %q (id %s, expected %s): name the right one by --cluster-kubeconfig and --cluster-context",
			u.member.Config.Host, u.name, id, u.access.ID)
	}
	return nil
}

// leftovers names what join made in the member.
func (u *unjoining) leftovers() string {
	account := accountOf(u.name)
	return fmt.Sprintf("namespace %s with service account %s and secret %s, clusterrole %s and clusterrolebinding %s, and all propagated objects",
		u.namespace, account, account, account, account)
}

func (u *unjoining) run(ctx context.Context) error {
	if u.cluster != nil {
		if err := u.leave(ctx); err != nil {
			return err
		}
	}
	if u.member != nil {
		if err := u.cleanMember(ctx); err != nil {
			return fmt.Errorf("%s left the fleet, but its member is not clean: %w; run 'longshore unjoin %s --cluster-kubeconfig FILE' to remove the rest", u.name, err, u.name)
		}
	}
	if u.secret != nil && u.secret.Labels[ownerLabel] == string(u.controlPlane.UID) {
		if err := remove(ctx, u.controlPlane, u.secret); err != nil {
			return err
		}
		u.say(u.controlPlane, u.secret)
	}
	fmt.Fprintf(u.out, "cluster %s unjoined\n", u.name)
	return nil
}

func (u *unjoining) say(c *connect.Client, obj client.Object) {
	fmt.Fprintf(u.out, "%s: %s removed\n", c.Role(), describe(obj))
}
