package local

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Node is a simulated machine of a member.
type Node struct {
	Name string `json:"name"`
	// CPU, Memory and Storage (ephemeral) are quantities such as "4", "16Gi", "100Gi". Pods is the number of pods it can hold.
	CPU     string `json:"cpu"`
	Memory  string `json:"memory"`
	Storage string `json:"storage"`
	Pods    int    `json:"pods"`
}

// NodeSizes returns n nodes of different sizes. The sizes also differ between members, whose ordinal counts from 0.
func NodeSizes(member, n int) []Node {
	nodes := make([]Node, n)
	for i := range nodes {
		cpu := 4 << ((member + i) % 3) // 4, 8, 16
		nodes[i] = Node{
			Name:    fmt.Sprintf("node-%d", i+1),
			CPU:     fmt.Sprint(cpu),
			Memory:  fmt.Sprintf("%dGi", 4*cpu),
			Storage: fmt.Sprintf("%dGi", 50*cpu),
			Pods:    110,
		}
	}
	return nodes
}

// object is the Node as a kubelet would register it.
func (n Node) object(c *Cluster) (*corev1.Node, error) {
	capacity := corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(int64(n.Pods), resource.DecimalSI)}
	for name, value := range map[corev1.ResourceName]string{
		corev1.ResourceCPU: n.CPU, corev1.ResourceMemory: n.Memory, corev1.ResourceEphemeralStorage: n.Storage,
	} {
		quantity, err := resource.ParseQuantity(value)
		if err != nil {
			return nil, fmt.Errorf("reading %s of node %s: %w", name, n.Name, err)
		}
		capacity[name] = quantity
	}
	labels := map[string]string{
		corev1.LabelHostname: n.Name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64", "type": "kwok",
	}
	for key, value := range map[string]string{corev1.LabelTopologyRegion: c.Region, corev1.LabelTopologyZone: c.Zone} {
		if value != "" {
			labels[key] = value
		}
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: labels, Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"}}}
	node.Status.Capacity, node.Status.Allocatable = capacity, capacity
	node.Status.NodeInfo = corev1.NodeSystemInfo{KubeletVersion: c.Version, OperatingSystem: "linux", Architecture: "amd64"}
	return node, nil
}

// dropNodeLeases forgets that an earlier kwok claimed the nodes: the next one has another identity and would wait for the claims to end.
func dropNodeLeases(ctx context.Context, client kubernetes.Interface) error {
	err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("dropping node leases: %w", err)
	}
	return nil
}

// createNodes adds the nodes that are missing.
func (c *Cluster) createNodes(ctx context.Context, client kubernetes.Interface) error {
	for _, n := range c.Nodes {
		node, err := n.object(c)
		if err != nil {
			return err
		}
		_, err = client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("creating node %s of %s: %w", n.Name, c.Name, err)
		}
	}
	return nil
}

// nodesReady reports whether pods can be scheduled to every node.
func (c *Cluster) nodesReady(ctx context.Context, client kubernetes.Interface) (bool, error) {
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	ready := 0
	for i := range list.Items {
		if schedulable(&list.Items[i]) {
			ready++
		}
	}
	return ready >= len(c.Nodes), nil
}

func schedulable(node *corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady {
			return false
		}
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
