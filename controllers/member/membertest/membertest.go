// Package membertest helps to test controllers against a real control plane and real members.
package membertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/controllers/member"
)

// Patience is how long Eventually waits.
const Patience = time.Minute

// Scheme knows the kinds of Kubernetes and of the control plane.
func Scheme() *apiruntime.Scheme {
	scheme := apis.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		panic(err) // Two libraries would have to claim the same kind.
	}
	return scheme
}

// InstallCRDs makes an API server a control plane.
func InstallCRDs(_ context.Context, config *rest.Config) error {
	_, file, _, _ := runtime.Caller(0)
	crds := filepath.Join(filepath.Dir(file), "../../../apis/crds")
	if _, err := os.Stat(crds); err != nil {
		return fmt.Errorf("finding the CRDs: %w", err)
	}
	if _, err := envtest.InstallCRDs(config, envtest.CRDInstallOptions{Paths: []string{crds}, ErrorIfPathMissing: true}); err != nil {
		return fmt.Errorf("installing the CRDs: %w", err)
	}
	return nil
}

// Client returns a client without a cache.
func Client(t testing.TB, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{Scheme: Scheme()})
	if err != nil {
		t.Fatalf("making a client: %v", err)
	}
	return c
}

// Run starts a manager with what setup registers. It ends with the test.
func Run(t testing.TB, restConfig *rest.Config, setup func(context.Context, ctrl.Manager) error) {
	t.Helper()
	ctrl.SetLogger(klog.Background())
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:     Scheme(),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			ByObject:         map[client.Object]cache.ByObject{&corev1.Secret{}: {Transform: member.TrimSecret}},
		},
	})
	if err != nil {
		t.Fatalf("making a manager: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := setup(ctx, mgr); err != nil {
		t.Fatalf("setting up the controllers: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the manager ended with: %v", err)
		}
	})
}

// Eventually calls check until it returns nil, and fails the test with its last error if that takes too long.
func Eventually(t testing.TB, what string, check func(ctx context.Context) error) {
	t.Helper()
	last := errors.New("never checked")
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, Patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, last)
	}
}

// Grant makes a service account with all rights in a member and returns a token for it.
func Grant(t testing.TB, config *rest.Config, name string) string {
	t.Helper()
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatalf("making a client for the member: %v", err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: name}}
	if _, err := clients.CoreV1().ServiceAccounts(account.Namespace).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatalf("creating a service account in the member: %v", err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: account.Namespace, Name: name}},
	}
	if _, err := clients.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatalf("granting rights in the member: %v", err)
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To[int64](3600)}}
	request, err = clients.CoreV1().ServiceAccounts(account.Namespace).CreateToken(t.Context(), name, request, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("requesting a token in the member: %v", err)
	}
	return request.Status.Token
}

// Join creates a Cluster named name for the member behind endpoint, with its Secret, and the execution namespace if it is not there.
func Join(t testing.TB, control client.Client, name, endpoint, token string, caBundle []byte) *clusterv1alpha1.Cluster {
	t.Helper()
	namespaces := []string{workv1alpha1.ClusterNamespace, workv1alpha1.ExecutionNamespace(name)}
	for _, namespace := range namespaces {
		object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		if err := client.IgnoreAlreadyExists(control.Create(t.Context(), object)); err != nil {
			t.Fatalf("creating namespace %s: %v", namespace, err)
		}
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: workv1alpha1.ClusterNamespace, Name: name},
		Data: map[string][]byte{
			clusterv1alpha1.SecretTokenKey:    []byte(token),
			clusterv1alpha1.SecretCABundleKey: caBundle,
		},
	}
	if err := control.Create(t.Context(), secret); err != nil {
		t.Fatalf("creating the secret of %s: %v", name, err)
	}
	cluster := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: clusterv1alpha1.ClusterSpec{
			SyncMode: clusterv1alpha1.Push, APIEndpoint: endpoint, ID: name,
			SecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: secret.Namespace, Name: secret.Name},
		},
	}
	if err := control.Create(t.Context(), cluster); err != nil {
		t.Fatalf("creating cluster %s: %v", name, err)
	}
	return cluster
}
