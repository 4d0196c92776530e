package karmadatest

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	aggregatedService = "karmada-aggregated-apiserver"
	webhookService    = "karmada-webhook"
	clusterGroup      = "cluster.karmada.io"
	clusterVersion    = "v1alpha1"
)

// pollPeriod is how often a condition without a notification is looked at.
const pollPeriod = 50 * time.Millisecond

// writeDelegation returns flags by which a server asks the main one whether a request is allowed, and hardly remembers the answers.
func (p *ControlPlane) writeDelegation() ([]string, error) {
	config, err := clientcmd.LoadFromFile(p.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of %s: %w", p.main.Name, err)
	}
	delegation := clientcmdapi.NewConfig()
	delegation.Clusters["main"] = config.Clusters[p.main.Name]
	delegation.Clusters["main"].Server += "/apis/authorization.k8s.io/v1/subjectaccessreviews"
	delegation.AuthInfos["aggregated"] = config.AuthInfos[p.main.Name]
	delegation.Contexts["ask"] = &clientcmdapi.Context{Cluster: "main", AuthInfo: "aggregated"}
	delegation.CurrentContext = "ask"
	file := filepath.Join(p.dir, "authorization.kubeconfig")
	if err := clientcmd.WriteToFile(*delegation, file); err != nil {
		return nil, fmt.Errorf("writing the delegation of authorization: %w", err)
	}
	return []string{
		"--authorization-mode=Webhook", // After RBAC, which knows nobody there but the administrators.
		"--authorization-webhook-config-file=" + file,
		"--authorization-webhook-version=v1",
		"--authorization-webhook-cache-authorized-ttl=1s",
		"--authorization-webhook-cache-unauthorized-ttl=1s",
	}, nil
}

// aggregate makes the main server send requests for clusters to the aggregated one, and returns when it does. The service points out of the
// control plane by an external name, as Karmada's does.
func (p *ControlPlane) aggregate(ctx context.Context, k *keys) error {
	client, err := kubernetes.NewForConfig(p.Config)
	if err != nil {
		return fmt.Errorf("building a client: %w", err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: SystemNamespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating namespace %s: %w", SystemNamespace, err)
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: aggregatedService},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	}
	if _, err := client.CoreV1().Services(SystemNamespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating service %s: %w", aggregatedService, err)
	}
	bundle, err := k.bundle()
	if err != nil {
		return err
	}
	dynamicClient, err := dynamic.NewForConfig(p.Config)
	if err != nil {
		return fmt.Errorf("building a client: %w", err)
	}
	services := dynamicClient.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"})
	if _, err := services.Create(ctx, apiService(bundle, p.aggregated.APIPort), metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("registering %s: %w", aggregatedService, err)
	}
	clusters := dynamicClient.Resource(schema.GroupVersionResource{Group: clusterGroup, Version: clusterVersion, Resource: "clusters"})
	var last error
	if err := wait.PollUntilContextTimeout(ctx, pollPeriod, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, last = clusters.List(ctx, metav1.ListOptions{})
		return last == nil, nil
	}); err != nil {
		return fmt.Errorf("waiting until clusters are served: %w: %w", err, last)
	}
	return nil
}

func apiService(caBundle []byte, port int) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1",
		"kind":       "APIService",
		"metadata":   map[string]any{"name": clusterVersion + "." + clusterGroup},
		"spec": map[string]any{
			"group": clusterGroup, "version": clusterVersion, "groupPriorityMinimum": int64(2000), "versionPriority": int64(10),
			"caBundle": base64.StdEncoding.EncodeToString(caBundle),
			"service":  map[string]any{"namespace": SystemNamespace, "name": aggregatedService, "port": int64(port)},
		},
	}}
}
