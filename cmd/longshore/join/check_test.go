package join

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

func TestCheckName(t *testing.T) {
	tests := []struct {
		name string
		ok   bool
	}{
		{"member1", true},
		{strings.Repeat("x", 48), true},
		{strings.Repeat("x", 49), false},
		{"", false},
		{"Member", false},
		{"a.b", false},
		{"-a", false},
		{"a_b", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := CheckName(test.name); (err == nil) != test.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestCheckFleet(t *testing.T) {
	known := func(name, id string, change ...func(*clusterv1alpha1.Cluster)) clusterv1alpha1.Cluster {
		c := clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
		c.Spec.ID, c.Spec.APIEndpoint, c.Spec.SyncMode = id, "https://10.0.0.1:6443", clusterv1alpha1.Push
		for _, f := range change {
			f(&c)
		}
		return c
	}
	tests := []struct {
		name     string
		fleet    []clusterv1alpha1.Cluster
		existing string
		refused  string
	}{
		{"empty fleet", nil, "", ""},
		{"others", []clusterv1alpha1.Cluster{known("member2", "other")}, "", ""},
		{"the same again", []clusterv1alpha1.Cluster{known("member2", "other"), known("member1", "member-uid")}, "member1", ""},
		{"under another name", []clusterv1alpha1.Cluster{known("berlin", "member-uid")}, "", `joined already, as "berlin"`},
		{"under both names", []clusterv1alpha1.Cluster{known("member1", "member-uid"), known("paris", "member-uid")}, "", `as "paris"`},
		{"name taken", []clusterv1alpha1.Cluster{known("member1", "other")}, "", "choose another name"},
		{"id unknown, same endpoint", []clusterv1alpha1.Cluster{known("member1", "")}, "member1", ""},
		{
			"id unknown, other endpoint",
			[]clusterv1alpha1.Cluster{known("member1", "", func(c *clusterv1alpha1.Cluster) { c.Spec.APIEndpoint = "https://10.0.0.2" })},
			"", "choose another name",
		},
		{"being removed", []clusterv1alpha1.Cluster{known("member1", "member-uid", func(c *clusterv1alpha1.Cluster) { c.DeletionTimestamp = &metav1.Time{} })}, "", "is being removed"},
		{"run by an agent", []clusterv1alpha1.Cluster{known("member1", "member-uid", func(c *clusterv1alpha1.Cluster) { c.Spec.SyncMode = clusterv1alpha1.Pull })}, "", "agent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			existing, err := registration(nil).checkFleet(test.fleet)
			switch {
			case test.refused == "" && err != nil:
				t.Fatal(err)
			case test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)):
				t.Fatalf("error %v, want one that says %q", err, test.refused)
			case test.refused != "":
				return
			}
			if (existing == nil) != (test.existing == "") || existing != nil && existing.Name != test.existing {
				t.Errorf("existing is %v, want %q", existing, test.existing)
			}
		})
	}
}
