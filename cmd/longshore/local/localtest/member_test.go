package localtest_test

import (
	"context"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// TestMember runs a Deployment, kills the member with everything in it, and finds the Deployment running again after a restart.
func TestMember(t *testing.T) {
	member := localtest.Member(t, localtest.Options{})
	client, err := kubernetes.NewForConfig(member.Config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.AppsV1().Deployments("default").Create(t.Context(), deployment("web", 3), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitReplicas(t, client, 3)

	endpoint := member.Endpoint()
	if err := member.Kill(); err != nil {
		t.Fatal(err)
	}
	if len(member.Down()) != 5 {
		t.Errorf("after Kill these are down: %v, want all five components", member.Down())
	}
	if err := member.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if member.Endpoint() != endpoint {
		t.Errorf("the endpoint moved from %s to %s", endpoint, member.Endpoint())
	}
	scale, err := client.AppsV1().Deployments("default").GetScale(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	scale.Spec.Replicas = 2
	if _, err := client.AppsV1().Deployments("default").UpdateScale(t.Context(), "web", scale, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitReplicas(t, client, 2)
}

// awaitReplicas waits until the Deployment has exactly n ready pods, all running on a node.
func awaitReplicas(t *testing.T, client kubernetes.Interface, n int) {
	t.Helper()
	var pods *corev1.PodList
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		d, err := client.AppsV1().Deployments("default").Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		pods, err = client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{})
		return err == nil && int(d.Status.ReadyReplicas) == n && d.Status.ObservedGeneration == d.Generation && len(pods.Items) == n, err
	})
	if err != nil {
		t.Fatalf("waiting for %d replicas: %v; pods: %v", n, err, pods)
	}
	for _, pod := range pods.Items {
		if pod.Status.Phase != corev1.PodRunning || pod.Spec.NodeName == "" || pod.Status.PodIP == "" {
			t.Errorf("pod %s is %s on node %q with IP %q", pod.Name, pod.Status.Phase, pod.Spec.NodeName, pod.Status.PodIP)
		}
	}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
			},
		},
	}
}
