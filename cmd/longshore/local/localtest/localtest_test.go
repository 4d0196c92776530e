package localtest_test

import (
	"context"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Controllers: local.ControlPlaneControllers, Prepare: prepare}))
}

// prepare leaves a trace that TestSharedControlPlane finds.
func prepare(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	_, err = client.CoreV1().Namespaces().Create(ctx, namespace("prepared"), metav1.CreateOptions{})
	return err
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func controlPlane(t *testing.T) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(localtest.ControlPlane(t))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func(context.Context) (bool, error)) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, condition); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

func TestSharedControlPlane(t *testing.T) {
	if first, second := localtest.ControlPlane(t), localtest.ControlPlane(t); first.Host != second.Host || first == second {
		t.Errorf("two calls gave %s and %s (same object: %t), want one server and two copies", first.Host, second.Host, first == second)
	}
	if _, err := controlPlane(t).CoreV1().Namespaces().Get(t.Context(), "prepared", metav1.GetOptions{}); err != nil {
		t.Errorf("looking for what Prepare made: %v", err)
	}
}

func TestNamespacesEnd(t *testing.T) {
	client := controlPlane(t)
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace("short-lived"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	content := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "content"}}
	if _, err := client.CoreV1().ConfigMaps("short-lived").Create(t.Context(), content, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().Namespaces().Delete(t.Context(), "short-lived", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace to vanish", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Namespaces().Get(ctx, "short-lived", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
}

func TestDependentsFollowTheirOwner(t *testing.T) {
	client := controlPlane(t)
	maps := client.CoreV1().ConfigMaps("default")
	owner, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dependent := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "dependent", OwnerReferences: []metav1.OwnerReference{
		{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID},
	}}}
	if _, err := maps.Create(t.Context(), dependent, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := maps.Delete(t.Context(), owner.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dependent to vanish", func(ctx context.Context) (bool, error) {
		_, err := maps.Get(ctx, "dependent", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
}

// TestTokensOfServiceAccounts reads with a long-lived token as a join does: the token is written into its Secret and proves who calls,
// and RBAC refuses what the account may not do.
func TestTokensOfServiceAccounts(t *testing.T) {
	client := controlPlane(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "joiner"}}
	if _, err := client.CoreV1().ServiceAccounts("default").Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "joiner", Annotations: map[string]string{corev1.ServiceAccountNameKey: "joiner"}},
		Type:       corev1.SecretTypeServiceAccountToken,
	}
	if _, err := client.CoreV1().Secrets("default").Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the token", func(ctx context.Context) (bool, error) {
		var err error
		secret, err = client.CoreV1().Secrets("default").Get(ctx, "joiner", metav1.GetOptions{})
		return err == nil && len(secret.Data["token"]) > 0 && len(secret.Data["ca.crt"]) > 0, err
	})
	config := &rest.Config{
		Host:            localtest.ControlPlane(t).Host,
		BearerToken:     string(secret.Data["token"]),
		TLSClientConfig: rest.TLSClientConfig{CAData: secret.Data["ca.crt"]},
	}
	joiner, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = joiner.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("listing secrets with the token: %v, want that it is forbidden", err)
	}
}
