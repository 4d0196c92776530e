package v1alpha1

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"
)

var deployment = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}

func nginx() *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "nginx", Labels: map[string]string{"app": "nginx"}}}
}

func TestResourceSelectorMatch(t *testing.T) {
	tests := []struct {
		name     string
		selector ResourceSelector
		want     MatchStrength
	}{
		{name: "kind alone", selector: ResourceSelector{}, want: MatchAll},
		{name: "other group", selector: ResourceSelector{APIVersion: "extensions/v1"}},
		{name: "other version", selector: ResourceSelector{APIVersion: "apps/v1beta1"}},
		{name: "core group", selector: ResourceSelector{APIVersion: "v1"}},
		{name: "other kind", selector: ResourceSelector{Kind: "StatefulSet"}},
		{name: "namespace", selector: ResourceSelector{Namespace: "default"}, want: MatchAll},
		{name: "other namespace", selector: ResourceSelector{Namespace: "prod"}},
		{name: "other namespace with the name", selector: ResourceSelector{Namespace: "prod", Name: "nginx"}},
		{name: "name", selector: ResourceSelector{Name: "nginx"}, want: MatchName},
		{name: "other name", selector: ResourceSelector{Name: "redis"}},
		{name: "labels", selector: ResourceSelector{LabelSelector: label("app", "nginx")}, want: MatchLabels},
		{name: "other labels", selector: ResourceSelector{LabelSelector: label("app", "redis")}},
		{name: "empty label selector ranks as labels", selector: ResourceSelector{LabelSelector: &metav1.LabelSelector{}}, want: MatchLabels},
		{name: "name makes labels irrelevant", selector: ResourceSelector{Name: "nginx", LabelSelector: label("app", "redis")}, want: MatchName},
		{name: "other name, though labels match", selector: ResourceSelector{Name: "redis", LabelSelector: label("app", "nginx")}},
		{name: "name makes an invalid label selector irrelevant", selector: ResourceSelector{Name: "nginx", LabelSelector: invalid()}, want: MatchName},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ofDeployments(tt.selector).Match(deployment, nginx())
			if err != nil || got != tt.want {
				t.Errorf("Match() = %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestResourceSelectorMatchesCoreAndClusterScoped(t *testing.T) {
	selector := ResourceSelector{APIVersion: "v1", Kind: "Namespace"}
	got, err := selector.Match(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, &metav1.ObjectMeta{Name: "default"})
	if err != nil || got != MatchAll {
		t.Errorf("Match() = %d, %v, want %d", got, err, MatchAll)
	}
}

func TestBestMatch(t *testing.T) {
	all := *ofDeployments(ResourceSelector{})
	byLabels := *ofDeployments(ResourceSelector{LabelSelector: label("app", "nginx")})
	byName := *ofDeployments(ResourceSelector{Name: "nginx"})
	none := *ofDeployments(ResourceSelector{Name: "redis"})
	tests := []struct {
		name      string
		selectors []ResourceSelector
		want      MatchStrength
	}{
		{name: "no selectors"},
		{name: "none matches", selectors: []ResourceSelector{none, none}},
		{name: "best is last", selectors: []ResourceSelector{none, all, byLabels, byName}, want: MatchName},
		{name: "best is first", selectors: []ResourceSelector{byLabels, all, none}, want: MatchLabels},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := BestMatch(tt.selectors, deployment, nginx())
			if err != nil || got != tt.want {
				t.Errorf("BestMatch() = %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestBestMatchError(t *testing.T) {
	selectors := []ResourceSelector{*ofDeployments(ResourceSelector{}), *ofDeployments(ResourceSelector{LabelSelector: invalid()})}
	got, err := BestMatch(selectors, deployment, nginx())
	if got != MatchNone || err == nil || !strings.Contains(err.Error(), "operator In needs at least one value") {
		t.Errorf("BestMatch() = %d, %v, want an error about the missing values", got, err)
	}
}

func TestOverrideSpecMatch(t *testing.T) {
	everything := OverrideSpec{}
	if got, err := everything.Match(deployment, nginx()); got != MatchAll || err != nil {
		t.Errorf("without selectors: got %d, %v, want %d", got, err, MatchAll)
	}
	one := OverrideSpec{ResourceSelectors: []ResourceSelector{*ofDeployments(ResourceSelector{Name: "redis"})}}
	if got, err := one.Match(deployment, nginx()); got != MatchNone || err != nil {
		t.Errorf("with another name: got %d, %v, want %d", got, err, MatchNone)
	}
}

// TestLabelsMatchLikeApimachinery compares labelsMatch, which compiles nothing, with the selector that apimachinery compiles.
func TestLabelsMatchLikeApimachinery(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	requirement := rapid.Custom(func(t *rapid.T) metav1.LabelSelectorRequirement {
		return metav1.LabelSelectorRequirement{
			Key:      word.Draw(t, "key"),
			Operator: rapid.SampledFrom([]metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist", "Near"}).Draw(t, "operator"),
			Values:   rapid.SliceOfN(word, 0, 2).Draw(t, "values"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		selector := &metav1.LabelSelector{
			MatchLabels:      rapid.MapOfN(word, word, 0, 2).Draw(t, "matchLabels"),
			MatchExpressions: rapid.SliceOfN(requirement, 0, 3).Draw(t, "matchExpressions"),
		}
		set := rapid.MapOfN(word, word, 0, 3).Draw(t, "labels")
		got, err := labelsMatch(selector, set)
		compiled, compileErr := metav1.LabelSelectorAsSelector(selector)
		if (err != nil) != (compileErr != nil) {
			t.Fatalf("labelsMatch: error %v, apimachinery: error %v", err, compileErr)
		}
		if want := err == nil && compiled.Matches(labels.Set(set)); got != want {
			t.Fatalf("labelsMatch = %t, apimachinery says %t", got, want)
		}
	})
}

func TestMatchAllocatesNothing(t *testing.T) {
	selector, object := ofDeployments(ResourceSelector{LabelSelector: label("app", "nginx")}), nginx()
	if got := testing.AllocsPerRun(100, func() { _, _ = selector.Match(deployment, object) }); got != 0 {
		t.Errorf("Match allocates %v times", got)
	}
}

// ofDeployments fills in APIVersion and Kind where they are empty.
func ofDeployments(selector ResourceSelector) *ResourceSelector {
	if selector.APIVersion == "" {
		selector.APIVersion = "apps/v1"
	}
	if selector.Kind == "" {
		selector.Kind = "Deployment"
	}
	return &selector
}

func invalid() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn}}}
}
