package v1alpha2

import "testing"

func TestIsWorkload(t *testing.T) {
	tests := []struct {
		name string
		spec ResourceBindingSpec
		want bool
	}{
		{name: "nothing"},
		{name: "replicas", spec: ResourceBindingSpec{Replicas: 1}, want: true},
		{name: "scaled to zero with requirements", spec: ResourceBindingSpec{ReplicaRequirements: &ReplicaRequirements{}}, want: true},
		{name: "components", spec: ResourceBindingSpec{Components: []Component{{Name: "a"}}}, want: true},
		{name: "no components", spec: ResourceBindingSpec{Components: []Component{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.spec.IsWorkload(); got != tt.want {
				t.Errorf("IsWorkload() = %t, want %t", got, tt.want)
			}
		})
	}
}

func TestBindingSharesMemory(t *testing.T) {
	for _, binding := range []Binding{&ResourceBinding{}, &ClusterResourceBinding{}} {
		binding.BindingSpec().Replicas = 3
		binding.BindingStatus().SchedulerObservedGeneration = 4
		if binding.BindingSpec().Replicas != 3 || binding.BindingStatus().SchedulerObservedGeneration != 4 {
			t.Errorf("%T: spec or status is a copy", binding)
		}
	}
}

func TestBindingName(t *testing.T) {
	tests := []struct{ name, obj, kind, want string }{
		{name: "plain", obj: "nginx", kind: "Deployment", want: "nginx-deployment"},
		{name: "upper case", obj: "Nginx", kind: "DaemonSet", want: "nginx-daemonset"},
		{name: "colons", obj: "system:node:proxier", kind: "ClusterRole", want: "system.node.proxier-clusterrole"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := BindingName(tt.obj, tt.kind); got != tt.want {
				t.Errorf("BindingName(%q, %q) = %q, want %q", tt.obj, tt.kind, got, tt.want)
			}
		})
	}
}

// TestDependedByKey fixes values computed apart from this code: the FNV-1a hashes are 1687170879 and 3292015117.
func TestDependedByKey(t *testing.T) {
	tests := []struct{ name, namespace, binding, want string }{
		{name: "namespaced", namespace: "default", binding: "nginx-deployment", want: "5bdc5c4dcf"},
		{name: "cluster scoped", binding: "nginx-deployment", want: "76f645955c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := DependedByKey(tt.namespace, tt.binding); got != tt.want {
				t.Errorf("DependedByKey(%q, %q) = %q, want %q", tt.namespace, tt.binding, got, tt.want)
			}
			if got, want := DependedByLabel(tt.namespace, tt.binding), "resourcebinding.karmada.io/depended-by-"+tt.want; got != want {
				t.Errorf("DependedByLabel(%q, %q) = %q, want %q", tt.namespace, tt.binding, got, want)
			}
		})
	}
}
