package join

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// registration has every field set; tests take away what they are about.
func registration(change func(*Registration)) *Registration {
	r := &Registration{
		Name: "member1", Namespace: "karmada-cluster", ControlPlane: "cp-uid", ID: "member-uid",
		Endpoint: "https://10.0.0.1:6443", ProxyURL: "http://proxy:3128", CABundle: []byte("ca"),
		Provider: "aws", Region: "eu-west", Zones: []string{"a", "b"},
	}
	if change != nil {
		change(r)
	}
	return r
}

func TestEverythingInTheMemberIsMarkedAndOwned(t *testing.T) {
	r := registration(nil)
	role := r.clusterRole()
	role.UID = "role-uid"
	objects := r.accountObjects(role)
	for _, obj := range append([]client.Object{r.namespace(), role}, objects...) {
		want := map[string]string{"karmada.io/system": "true", "longshore.dev/control-plane": "cp-uid"}
		if diff := cmp.Diff(want, obj.GetLabels()); diff != "" {
			t.Errorf("labels of %s (-want +got):\n%s", describe(obj), diff)
		}
	}
	for _, obj := range objects {
		want := []metav1.OwnerReference{{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole", Name: "karmada-member1", UID: "role-uid"}}
		if diff := cmp.Diff(want, obj.GetOwnerReferences()); diff != "" {
			t.Errorf("owners of %s (-want +got):\n%s", describe(obj), diff)
		}
	}
}

func TestRoleGrantsNoImpersonationAndOnlyGetOnPaths(t *testing.T) {
	for _, rule := range registration(nil).clusterRole().Rules {
		for _, verb := range rule.Verbs {
			if verb == "*" || verb == "impersonate" {
				t.Errorf("rule %v grants verb %s", rule, verb)
			}
			if len(rule.NonResourceURLs) > 0 && verb != "get" {
				t.Errorf("rule %v grants %s on paths", rule, verb)
			}
		}
	}
}

func TestCluster(t *testing.T) {
	spec := func(change func(*clusterv1alpha1.ClusterSpec)) clusterv1alpha1.ClusterSpec {
		s := clusterv1alpha1.ClusterSpec{
			ID: "member-uid", SyncMode: clusterv1alpha1.Push, APIEndpoint: "https://10.0.0.1:6443",
			SecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: "member1"},
			ProxyURL:  "http://proxy:3128", Provider: "aws", Region: "eu-west", Zones: []string{"a", "b"},
		}
		change(&s)
		return s
	}
	tests := []struct {
		name   string
		change func(*Registration)
		want   func(*clusterv1alpha1.ClusterSpec)
	}{
		{"everything", nil, func(*clusterv1alpha1.ClusterSpec) {}},
		{"no location", func(r *Registration) { r.Provider, r.Region, r.Zones = "", "", nil }, func(s *clusterv1alpha1.ClusterSpec) { s.Provider, s.Region, s.Zones = "", "", nil }},
		{"insecure", func(r *Registration) { r.Insecure = true }, func(s *clusterv1alpha1.ClusterSpec) { s.InsecureSkipTLSVerification = true }},
		{"another namespace", func(r *Registration) { r.Namespace = "fleet" }, func(s *clusterv1alpha1.ClusterSpec) { s.SecretRef.Namespace = "fleet" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(spec(test.want), registration(test.change).cluster().Spec); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecret(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Registration)
		want   map[string][]byte
	}{
		{"with CA", nil, map[string][]byte{"token": []byte("t"), "caBundle": []byte("ca")}},
		{"certificate of a public authority", func(r *Registration) { r.CABundle = nil }, map[string][]byte{"token": []byte("t")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := registration(test.change)
			secret := r.secret([]byte("t"))
			if diff := cmp.Diff(test.want, secret.Data); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}
			want := &clusterv1alpha1.ClusterSpec{ID: r.ID, SyncMode: clusterv1alpha1.Push, APIEndpoint: r.Endpoint, ProxyURL: r.ProxyURL}
			if diff := cmp.Diff(want, accessOf(secret)); diff != "" {
				t.Errorf("access without the Cluster (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAlign(t *testing.T) {
	r := registration(nil)
	cluster := func(change func(*clusterv1alpha1.Cluster)) *clusterv1alpha1.Cluster {
		c := r.cluster()
		change(c)
		return c
	}
	tests := []struct {
		name             string
		live, want, then client.Object // then nil: refused
	}{
		{
			"taints, labels and location of a cluster stay",
			cluster(func(c *clusterv1alpha1.Cluster) {
				c.Labels = map[string]string{"env": "prod"}
				c.Spec.Taints = []corev1.Taint{{Key: "k", Effect: corev1.TaintEffectNoExecute}}
				c.Spec.APIEndpoint, c.Spec.SecretRef = "https://old", nil
			}),
			cluster(func(c *clusterv1alpha1.Cluster) { c.Spec.Provider, c.Spec.Region, c.Spec.Zones = "", "", nil }),
			cluster(func(c *clusterv1alpha1.Cluster) {
				c.Labels = map[string]string{"env": "prod"}
				c.Spec.Taints = []corev1.Taint{{Key: "k", Effect: corev1.TaintEffectNoExecute}}
			}),
		},
		{
			"zones replace the deprecated zone",
			cluster(func(c *clusterv1alpha1.Cluster) { c.Spec.Zones, c.Spec.Zone = nil, "old" }),
			cluster(func(*clusterv1alpha1.Cluster) {}),
			cluster(func(*clusterv1alpha1.Cluster) {}),
		},
		{
			"a role gets its rules back",
			&rbacv1.ClusterRole{ObjectMeta: r.meta("", "x")},
			&rbacv1.ClusterRole{ObjectMeta: r.meta("", "x"), Rules: r.clusterRole().Rules},
			&rbacv1.ClusterRole{ObjectMeta: r.meta("", "x"), Rules: r.clusterRole().Rules},
		},
		{
			"the member's token stays",
			&corev1.Secret{ObjectMeta: r.meta("n", "x"), Type: corev1.SecretTypeServiceAccountToken, Data: map[string][]byte{"token": []byte("t")}},
			&corev1.Secret{ObjectMeta: r.meta("n", "x"), Type: corev1.SecretTypeServiceAccountToken},
			&corev1.Secret{ObjectMeta: r.meta("n", "x"), Type: corev1.SecretTypeServiceAccountToken, Data: map[string][]byte{"token": []byte("t")}},
		},
		{
			"the control plane's copy is refreshed",
			&corev1.Secret{ObjectMeta: r.meta("n", "x"), Data: map[string][]byte{"token": []byte("old")}},
			&corev1.Secret{ObjectMeta: r.meta("n", "x"), Data: map[string][]byte{"token": []byte("new")}},
			&corev1.Secret{ObjectMeta: r.meta("n", "x"), Data: map[string][]byte{"token": []byte("new")}},
		},
		{"a user's object", &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, &rbacv1.ClusterRole{ObjectMeta: r.meta("", "x")}, nil},
		{
			"an object of another control plane",
			&rbacv1.ClusterRole{ObjectMeta: registration(func(r *Registration) { r.ControlPlane = "other" }).meta("", "x")},
			&rbacv1.ClusterRole{ObjectMeta: r.meta("", "x")},
			nil,
		},
		{
			"a namespace that was there before", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, r.namespace(),
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "x"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := align(test.live, test.want)
			if (err != nil) != (test.then == nil) {
				t.Fatalf("error %v", err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(mustJSON(t, test.then), mustJSON(t, test.live)); diff != "" {
				t.Errorf("aligned (-want +got):\n%s", diff)
			}
		})
	}
}

// mustJSON compares what would be sent: nil and empty are the same there.
func mustJSON(t *testing.T, obj any) string {
	t.Helper()
	text, err := json.MarshalIndent(obj, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
