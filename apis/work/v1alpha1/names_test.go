package v1alpha1

import (
	"fmt"
	"hash/fnv"
	"testing"

	"k8s.io/apimachinery/pkg/util/rand"
	"pgregory.net/rapid"
)

func TestWorkName(t *testing.T) {
	tests := []struct {
		name                 string
		namespace, obj, kind string
		want                 string
	}{
		{name: "namespaced", namespace: "default", obj: "nginx", kind: "Deployment", want: "nginx-687f7fb96f"},
		{name: "cluster scoped", obj: "nginx", kind: "Deployment", want: "nginx-76f645955c"},
		{name: "upper case is folded before hashing", namespace: "Default", obj: "NGINX", kind: "DEPLOYMENT", want: "nginx-687f7fb96f"},
		{name: "colon becomes a dot", obj: "system:node", kind: "ClusterRole", want: "system.node-" + HashSuffix("system.node-clusterrole")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := WorkName(tt.namespace, tt.obj, tt.kind); got != tt.want {
				t.Errorf("WorkName(%q, %q, %q) = %q, want %q", tt.namespace, tt.obj, tt.kind, got, tt.want)
			}
		})
	}
}

func TestWorkNameSeparates(t *testing.T) {
	base := WorkName("default", "nginx", "Deployment")
	for _, other := range []string{
		WorkName("prod", "nginx", "Deployment"),
		WorkName("", "nginx", "Deployment"),
		WorkName("default", "nginx", "Service"),
	} {
		if other == base {
			t.Errorf("two templates share the Work name %q", base)
		}
	}
}

func TestClusterOf(t *testing.T) {
	tests := []struct {
		name, namespace, want string
		ok                    bool
	}{
		{name: "execution namespace", namespace: ExecutionNamespace("member1"), want: "member1", ok: true},
		{name: "prefix twice belongs to the name", namespace: "karmada-es-karmada-es-x", want: "karmada-es-x", ok: true},
		{name: "prefix alone names no cluster", namespace: "karmada-es-"},
		{name: "other namespace", namespace: "default", want: "default"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ClusterOf(tt.namespace)
			if ok != tt.ok || ok && got != tt.want {
				t.Errorf("ClusterOf(%q) = %q, %t, want %q, %t", tt.namespace, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestIsReservedNamespace(t *testing.T) {
	for namespace, want := range map[string]bool{
		"karmada-system": true, "karmada-cluster": true, "karmada-es-": true, "karmada-es-member1": true,
		"karmada": false, "karmada-system-2": false, "default": false, "": false,
	} {
		if got := IsReservedNamespace(namespace); got != want {
			t.Errorf("IsReservedNamespace(%q) = %t, want %t", namespace, got, want)
		}
	}
}

// TestHashSuffixLikeApimachinery compares with Kubernetes' own encoding, which builds more strings on the way.
func TestHashSuffixLikeApimachinery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		hash := fnv.New32a()
		hash.Write([]byte(s))
		if got, want := HashSuffix(s), rand.SafeEncodeString(fmt.Sprint(hash.Sum32())); got != want {
			t.Errorf("HashSuffix(%q) = %q, want %q", s, got, want)
		}
	})
}
