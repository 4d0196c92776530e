package cluster

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// note is what is told about a Cluster.
type note struct {
	kind, reason, action, message string
}

func (c *Controller) report(cluster *clusterv1alpha1.Cluster, n note) {
	c.Events.Eventf(cluster, nil, n.kind, n.reason, n.action, "%s", n.message)
}

func createdNamespace(name string, err error) note {
	if err != nil {
		return note{corev1.EventTypeWarning, clusterv1alpha1.EventCreateExecutionSpaceFailed, "Join", fmt.Sprintf("Creating execution namespace %s: %v", name, err)}
	}
	return note{corev1.EventTypeNormal, clusterv1alpha1.EventCreateExecutionSpaceSucceed, "Join", "Created execution namespace " + name}
}

func removedNamespace(name string, err error) note {
	if err != nil {
		return note{corev1.EventTypeWarning, clusterv1alpha1.EventRemoveExecutionSpaceFailed, "Unjoin", fmt.Sprintf("Deleting execution namespace %s: %v", name, err)}
	}
	return note{corev1.EventTypeNormal, clusterv1alpha1.EventRemoveExecutionSpaceSucceed, "Unjoin", "Deleted execution namespace " + name}
}

func tainted(cluster *clusterv1alpha1.Cluster, err error) note {
	if err != nil {
		return note{corev1.EventTypeWarning, clusterv1alpha1.EventTaintClusterFailed, "Taint", fmt.Sprintf("Setting taints: %v", err)}
	}
	taints := make([]string, 0, len(cluster.Spec.Taints))
	for _, taint := range cluster.Spec.Taints {
		taints = append(taints, taint.Key+":"+string(taint.Effect))
	}
	if len(taints) == 0 {
		return note{corev1.EventTypeNormal, clusterv1alpha1.EventTaintClusterSucceed, "Taint", "No taints are left"}
	}
	return note{corev1.EventTypeNormal, clusterv1alpha1.EventTaintClusterSucceed, "Taint", "Taints are now " + strings.Join(taints, ", ")}
}
