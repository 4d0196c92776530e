// Package join brings clusters into the fleet and takes them out again.
//
// In the member, join creates a namespace with a service account, its token, and a role of its own. In the control plane it creates a
// Secret with the token and the Cluster object. What is written is decided by the pure functions of plan.go; the rest only writes it.
package join

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

const (
	// DefaultNamespace holds the service account in the member and the Secret in the control plane. It is reserved: it is not copied
	// from the control plane to the members as other namespaces are.
	DefaultNamespace = "karmada-cluster"

	// ownerLabel holds the ID of the control plane for which join created an object, in the member and in the control plane. Two control
	// planes may share a member; none of them touches what is the other's.
	ownerLabel = "longshore.dev/control-plane"
	// accessAnnotation, on the Secret in the control plane, repeats in JSON what the Cluster says about reaching the member, so that an
	// interrupted unjoin can go on when the Cluster is gone.
	accessAnnotation = "longshore.dev/cluster-access"
)

// Registration is everything that join knows about a member once it has read the flags and asked both sides.
type Registration struct {
	// Name of the Cluster.
	Name string
	// Namespace in the member and in the control plane.
	Namespace string
	// ControlPlane is the UID of the control plane's namespace kube-system; ID is the member's Cluster.spec.id.
	ControlPlane types.UID
	ID           string

	// Endpoint is the URL of the member's API server, ProxyURL the proxy on the way to it, empty for none.
	Endpoint, ProxyURL string
	// Insecure accepts any certificate; CABundle holds the PEM certificates to trust otherwise, nil for those of the system.
	Insecure bool
	CABundle []byte

	// Provider, Region and Zones are where the member stands. Empty means not said: what the Cluster has stays.
	Provider, Region string
	Zones            []string
}

// accountOf is the name of everything that belongs to the service account of the member that is joined under this name.
func accountOf(name string) string { return "karmada-" + name }

func (r *Registration) account() string { return accountOf(r.Name) }

func (r *Registration) labels() map[string]string {
	return map[string]string{workv1alpha1.SystemLabel: "true", ownerLabel: string(r.ControlPlane)}
}

func (r *Registration) meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: r.labels()}
}

// namespace is wanted on both sides.
func (r *Registration) namespace() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: r.meta("", r.Namespace)}
}

// clusterRole allows what propagation needs, which is nearly everything: a user of the control plane may propagate any kind of object,
// custom ones included, and the controllers watch the copies to revert drift and to collect status.
//
//   - All verbs on objects that a controller uses, for all groups and resources.
//   - escalate and bind on roles: without them the API server refuses a propagated role that allows more than this one.
//   - get on paths such as /readyz and /version, and nothing else there.
//   - Not impersonate: no request is made in the name of a user. Cluster.spec.impersonatorSecretRef therefore stays empty.
func (r *Registration) clusterRole() *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		ObjectMeta: r.meta("", r.account()),
		Rules: []rbacv1.PolicyRule{
			{
				APIGroups: []string{rbacv1.APIGroupAll},
				Resources: []string{rbacv1.ResourceAll},
				Verbs:     []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"},
			},
			{
				APIGroups: []string{rbacv1.GroupName},
				Resources: []string{"clusterroles", "roles"},
				Verbs:     []string{"escalate", "bind"},
			},
			{
				NonResourceURLs: []string{rbacv1.NonResourceAll},
				Verbs:           []string{"get"},
			},
		},
	}
}

// ownedBy makes the ClusterRole the owner: unjoin can then remove the account with the one request that also ends its own permission.
func (r *Registration) ownedBy(role *rbacv1.ClusterRole, meta metav1.ObjectMeta) metav1.ObjectMeta {
	meta.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole", Name: role.Name, UID: role.UID,
	}}
	return meta
}

// accountObjects are the service account, its token and its binding, in the order in which they are created. Role must exist.
func (r *Registration) accountObjects(role *rbacv1.ClusterRole) []client.Object {
	token := r.meta(r.Namespace, r.account())
	token.Annotations = map[string]string{corev1.ServiceAccountNameKey: r.account()}
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: r.ownedBy(role, r.meta(r.Namespace, r.account()))},
		&corev1.Secret{ObjectMeta: r.ownedBy(role, token), Type: corev1.SecretTypeServiceAccountToken},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: r.ownedBy(role, r.meta("", r.account())),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: r.account()},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: r.Namespace, Name: r.account()}},
		},
	}
}

// secret carries the member's token to the control plane.
func (r *Registration) secret(token []byte) *corev1.Secret {
	s := &corev1.Secret{
		ObjectMeta: r.meta(r.Namespace, r.Name),
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{clusterv1alpha1.SecretTokenKey: token},
	}
	s.Annotations = map[string]string{accessAnnotation: r.access()}
	if len(r.CABundle) > 0 {
		s.Data[clusterv1alpha1.SecretCABundleKey] = r.CABundle
	}
	return s
}

// access is the content of accessAnnotation.
func (r *Registration) access() string {
	text, err := json.Marshal(clusterv1alpha1.ClusterSpec{
		ID: r.ID, SyncMode: clusterv1alpha1.Push, APIEndpoint: r.Endpoint, InsecureSkipTLSVerification: r.Insecure, ProxyURL: r.ProxyURL,
	})
	if err != nil {
		panic(err) // A struct of strings always has a JSON form.
	}
	return string(text)
}

// accessOf reads accessAnnotation. Nil means that the Secret does not say how to reach the member.
func accessOf(secret *corev1.Secret) *clusterv1alpha1.ClusterSpec {
	spec := &clusterv1alpha1.ClusterSpec{}
	if json.Unmarshal([]byte(secret.Annotations[accessAnnotation]), spec) != nil || spec.APIEndpoint == "" {
		return nil
	}
	return spec
}

// cluster is the object that makes the member part of the fleet.
func (r *Registration) cluster() *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: r.Name},
		Spec: clusterv1alpha1.ClusterSpec{
			ID:                          r.ID,
			SyncMode:                    clusterv1alpha1.Push,
			APIEndpoint:                 r.Endpoint,
			SecretRef:                   &clusterv1alpha1.LocalSecretReference{Namespace: r.Namespace, Name: r.Name},
			InsecureSkipTLSVerification: r.Insecure,
			ProxyURL:                    r.ProxyURL,
			Provider:                    r.Provider,
			Region:                      r.Region,
			Zones:                       r.Zones,
		},
	}
}
