package v1alpha1

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

func TestClusterAffinityMatches(t *testing.T) {
	member := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "member1", Labels: map[string]string{"env": "prod"}},
		Spec:       clusterv1alpha1.ClusterSpec{Provider: "aws", Region: "eu", Zones: []string{"eu-a", "eu-b"}},
	}
	tests := []struct {
		name     string
		affinity *ClusterAffinity
		want     bool
	}{
		{name: "nil picks all", want: true},
		{name: "empty picks all", affinity: &ClusterAffinity{}, want: true},
		{name: "name listed", affinity: &ClusterAffinity{ClusterNames: []string{"member2", "member1"}}, want: true},
		{name: "name not listed", affinity: &ClusterAffinity{ClusterNames: []string{"member2"}}},
		{name: "empty list of names picks all", affinity: &ClusterAffinity{ClusterNames: []string{}}, want: true},
		{name: "excluded", affinity: &ClusterAffinity{Exclude: []string{"member1"}}},
		{name: "another is excluded", affinity: &ClusterAffinity{Exclude: []string{"member2"}}, want: true},
		{name: "exclude wins over the name", affinity: &ClusterAffinity{ClusterNames: []string{"member1"}, Exclude: []string{"member1"}}},
		{name: "exclude is looked at before an invalid selector", affinity: &ClusterAffinity{
			Exclude: []string{"member1"}, FieldSelector: fields(FieldRequirement{Key: "country", Operator: corev1.NodeSelectorOpIn})}},
		{name: "label", affinity: &ClusterAffinity{LabelSelector: label("env", "prod")}, want: true},
		{name: "other label", affinity: &ClusterAffinity{LabelSelector: label("env", "test")}},
		{name: "empty label selector picks all", affinity: &ClusterAffinity{LabelSelector: &metav1.LabelSelector{}}, want: true},
		{name: "label and name must both agree", affinity: &ClusterAffinity{
			LabelSelector: label("env", "prod"), ClusterNames: []string{"member2"}}},
		{name: "field and label must both agree", affinity: &ClusterAffinity{
			LabelSelector: label("env", "test"), FieldSelector: in(FieldRegion, "eu")}},
		{name: "empty field selector picks all", affinity: &ClusterAffinity{FieldSelector: &FieldSelector{}}, want: true},
		{name: "region in", affinity: &ClusterAffinity{FieldSelector: in(FieldRegion, "us", "eu")}, want: true},
		{name: "region not in", affinity: &ClusterAffinity{FieldSelector: notIn(FieldRegion, "us")}, want: true},
		{name: "provider in others", affinity: &ClusterAffinity{FieldSelector: in(FieldProvider, "gcp")}},
		{name: "provider not in itself", affinity: &ClusterAffinity{FieldSelector: notIn(FieldProvider, "aws")}},
		{name: "zones overlap", affinity: &ClusterAffinity{FieldSelector: in(FieldZone, "eu-b", "eu-c")}, want: true},
		{name: "zones apart", affinity: &ClusterAffinity{FieldSelector: in(FieldZone, "eu-c")}},
		{name: "not in overlapping zones", affinity: &ClusterAffinity{FieldSelector: notIn(FieldZone, "eu-b", "eu-c")}},
		{name: "not in zones apart", affinity: &ClusterAffinity{FieldSelector: notIn(FieldZone, "eu-c")}, want: true},
		{name: "in nothing", affinity: &ClusterAffinity{FieldSelector: in(FieldRegion)}},
		{name: "not in nothing", affinity: &ClusterAffinity{FieldSelector: notIn(FieldRegion)}, want: true},
		{name: "every requirement must agree", affinity: &ClusterAffinity{FieldSelector: fields(
			FieldRequirement{Key: FieldRegion, Operator: corev1.NodeSelectorOpIn, Values: []string{"eu"}},
			FieldRequirement{Key: FieldZone, Operator: corev1.NodeSelectorOpNotIn, Values: []string{"eu-a"}})}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.affinity.Matches(member)
			if err != nil || got != tt.want {
				t.Errorf("Matches() = %t, %v, want %t", got, err, tt.want)
			}
		})
	}
}

// TestFieldSelectorWithoutFields is about a cluster of which nothing is known: it is in no set, not even in one that lists "".
func TestFieldSelectorWithoutFields(t *testing.T) {
	for _, key := range []ClusterField{FieldProvider, FieldRegion, FieldZone} {
		if got, err := in(key, "", "eu").Matches(&clusterv1alpha1.Cluster{}); got || err != nil {
			t.Errorf("%s In: got %t, %v, want false", key, got, err)
		}
		if got, err := notIn(key, "", "eu").Matches(&clusterv1alpha1.Cluster{}); !got || err != nil {
			t.Errorf("%s NotIn: got %t, %v, want true", key, got, err)
		}
	}
}

func TestFieldSelectorReadsDeprecatedZone(t *testing.T) {
	member := &clusterv1alpha1.Cluster{Spec: clusterv1alpha1.ClusterSpec{Zone: "eu-a"}}
	if got, err := in(FieldZone, "eu-a").Matches(member); !got || err != nil {
		t.Errorf("got %t, %v, want true", got, err)
	}
}

func TestClusterAffinityErrors(t *testing.T) {
	tests := []struct {
		name     string
		affinity ClusterAffinity
		want     string
	}{
		{name: "unknown key", affinity: ClusterAffinity{FieldSelector: in("country", "de")},
			want: `key "country" is unknown: use provider, region or zone`},
		{name: "unknown operator", affinity: ClusterAffinity{FieldSelector: fields(FieldRequirement{Key: FieldZone, Operator: "Gt"})},
			want: `operator "Gt" is unknown: use In or NotIn`},
		{name: "also if the name does not match", affinity: ClusterAffinity{ClusterNames: []string{"other"}, FieldSelector: in("country")},
			want: `key "country" is unknown`},
		{name: "also if an earlier requirement does not match", affinity: ClusterAffinity{FieldSelector: fields(
			FieldRequirement{Key: FieldRegion, Operator: corev1.NodeSelectorOpIn},
			FieldRequirement{Key: "country", Operator: corev1.NodeSelectorOpIn})},
			want: `key "country" is unknown`},
		{name: "invalid label selector", affinity: ClusterAffinity{LabelSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "env", Operator: "Near"}}}},
			want: `operator "Near" is unknown`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.affinity.Matches(&clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "member1"}})
			if got || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Matches() = %t, %v, want an error that says %q", got, err, tt.want)
			}
		})
	}
}

func label(key, value string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
}

func fields(requirements ...FieldRequirement) *FieldSelector {
	return &FieldSelector{MatchExpressions: requirements}
}

func in(key ClusterField, values ...string) *FieldSelector {
	return fields(FieldRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: values})
}

func notIn(key ClusterField, values ...string) *FieldSelector {
	return fields(FieldRequirement{Key: key, Operator: corev1.NodeSelectorOpNotIn, Values: values})
}

func TestAffinityInputsDiffer(t *testing.T) {
	tests := []struct {
		name   string
		change func(*clusterv1alpha1.Cluster)
		want   bool
	}{
		{name: "nothing", change: func(*clusterv1alpha1.Cluster) {}},
		{name: "status", change: func(c *clusterv1alpha1.Cluster) { c.Status.KubernetesVersion = "v2" }},
		{name: "the zone in its other form", change: func(c *clusterv1alpha1.Cluster) { c.Spec.Zone, c.Spec.Zones = "", []string{"z"} }},
		{name: "another zone", change: func(c *clusterv1alpha1.Cluster) { c.Spec.Zones = []string{"z", "y"} }, want: true},
		{name: "region", change: func(c *clusterv1alpha1.Cluster) { c.Spec.Region = "other" }, want: true},
		{name: "provider", change: func(c *clusterv1alpha1.Cluster) { c.Spec.Provider = "other" }, want: true},
		{name: "label", change: func(c *clusterv1alpha1.Cluster) { c.Labels = map[string]string{"a": "b"} }, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := &clusterv1alpha1.Cluster{Spec: clusterv1alpha1.ClusterSpec{Provider: "p", Region: "r", Zone: "z"}}
			after := before.DeepCopy()
			tt.change(after)
			if got := AffinityInputsDiffer(before, after); got != tt.want {
				t.Errorf("AffinityInputsDiffer = %t, want %t", got, tt.want)
			}
		})
	}
}
