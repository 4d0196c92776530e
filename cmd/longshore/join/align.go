package join

import (
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// align writes into live what want says and join decides, and leaves the rest, such as taints and labels of users. Both must be of one
// kind. It refuses an object that join did not make for this control plane.
func align(live, want client.Object) error {
	switch live := live.(type) {
	case *corev1.Namespace:
		return nil // Anybody's namespace serves.
	case *clusterv1alpha1.Cluster:
		alignCluster(&live.Spec, &want.(*clusterv1alpha1.Cluster).Spec)
		return nil
	}
	if err := checkOwner(live, want); err != nil {
		return err
	}
	alignMeta(live, want)
	switch live := live.(type) {
	case *rbacv1.ClusterRole:
		live.Rules = want.(*rbacv1.ClusterRole).Rules
	case *rbacv1.ClusterRoleBinding:
		live.Subjects = want.(*rbacv1.ClusterRoleBinding).Subjects
	case *corev1.Secret:
		alignSecret(live, want.(*corev1.Secret))
	}
	return nil
}

// checkOwner keeps join off objects of other control planes and of users.
func checkOwner(live, want client.Object) error {
	owner, wanted := live.GetLabels()[ownerLabel], want.GetLabels()[ownerLabel]
	if owner == wanted {
		return nil
	}
	name := describe(live)
	if owner == "" {
		return fmt.Errorf("%s exists and does not carry the label %s: delete it, or join under another name", name, ownerLabel)
	}
	return fmt.Errorf("%s belongs to another control plane (%s=%s): join under another name, or unjoin it there first", name, ownerLabel, owner)
}

func alignMeta(live, want metav1.Object) {
	labels := maps.Clone(live.GetLabels())
	maps.Copy(labels, want.GetLabels())
	live.SetLabels(labels)
	if wanted := want.GetAnnotations(); len(wanted) > 0 {
		annotations := maps.Clone(live.GetAnnotations())
		if annotations == nil {
			annotations = map[string]string{}
		}
		maps.Copy(annotations, wanted)
		live.SetAnnotations(annotations)
	}
	live.SetOwnerReferences(want.GetOwnerReferences())
}

// alignSecret leaves the data of a token alone, which the member's own controller fills.
func alignSecret(live, want *corev1.Secret) {
	if want.Type != corev1.SecretTypeServiceAccountToken {
		live.Data = want.Data
	}
}

func alignCluster(live, want *clusterv1alpha1.ClusterSpec) {
	live.ID = want.ID
	live.APIEndpoint = want.APIEndpoint
	live.SecretRef = want.SecretRef
	live.InsecureSkipTLSVerification = want.InsecureSkipTLSVerification
	live.ProxyURL = want.ProxyURL
	if want.Provider != "" {
		live.Provider = want.Provider
	}
	if want.Region != "" {
		live.Region = want.Region
	}
	if len(want.Zones) > 0 {
		live.Zones, live.Zone = want.Zones, ""
	}
}

// changed reports whether an update of before to after would change anything in the server.
func changed(before, after client.Object) bool { return !equality.Semantic.DeepEqual(before, after) }
