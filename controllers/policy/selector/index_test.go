package selector_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/policy/selector"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

func deployments(edits ...func(*policyv1alpha1.ResourceSelector)) policyv1alpha1.ResourceSelector {
	s := policyv1alpha1.ResourceSelector{APIVersion: "apps/v1", Kind: "Deployment"}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func namespace(name string) func(*policyv1alpha1.ResourceSelector) {
	return func(s *policyv1alpha1.ResourceSelector) { s.Namespace = name }
}

func operator(op metav1.LabelSelectorOperator, values ...string) func(*policyv1alpha1.ResourceSelector) {
	return func(s *policyv1alpha1.ResourceSelector) {
		s.LabelSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: op, Values: values}}}
	}
}

func TestAll(t *testing.T) {
	x := selector.New()
	set := func(namespace, name string, selectors ...policyv1alpha1.ResourceSelector) {
		if err := x.Set(selector.Key{Namespace: namespace, Name: name}, 0, selectors); err != nil {
			t.Fatal(err)
		}
	}
	set("", "all-and-in", deployments(), deployments(operator("In", "web", "db")))
	set("", "elsewhere", deployments(namespace("other")))
	set("default", "exists", deployments(operator("Exists")))
	set("default", "not-in", deployments(operator("NotIn", "web")))
	set("other", "foreign", deployments())
	set("default", "replaced", deployments())
	set("default", "replaced", deployments(namespace("default"), operator("In", "db")))
	set("default", "deleted", deployments())
	x.Delete(selector.Key{Namespace: "default", Name: "deleted"})
	x.SetAll(selector.Key{Namespace: "default", Name: "everything-here"})
	x.SetAll(selector.Key{Namespace: "other", Name: "everything-there"})
	x.SetAll(selector.Key{Name: "everything"})

	var got []string
	for _, key := range x.All(templatetest.Deployment("default", "web", 1)) {
		got = append(got, key.String())
	}
	slices.Sort(got)
	want := []string{"all-and-in", "default/everything-here", "default/exists", "everything"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("matches (-want +got):\n%s", diff)
	}
	if x.Len() != 9 {
		t.Errorf("%d policies", x.Len())
	}
}

func TestSetRefuses(t *testing.T) {
	tests := []struct {
		name, namespace, want string
		selector              policyv1alpha1.ResourceSelector
	}{
		{name: "another namespace", namespace: "default", selector: deployments(namespace("other")), want: `names namespace "other"`},
		{name: "unknown operator", selector: deployments(operator("Around", "x")), want: "labelSelector does not parse"},
		{name: "In without values", selector: deployments(operator("In")), want: "labelSelector does not parse"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x, key := selector.New(), selector.Key{Namespace: tt.namespace, Name: "p"}
			if err := x.Set(key, 0, []policyv1alpha1.ResourceSelector{deployments()}); err != nil {
				t.Fatal(err)
			}
			err := x.Set(key, 0, []policyv1alpha1.ResourceSelector{deployments(), tt.selector})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "resourceSelectors[1]") {
				t.Errorf("error is %v, want it to say %q", err, tt.want)
			}
			if x.Len() != 0 || x.Selects(key, templatetest.Deployment("default", "web", 1)) {
				t.Error("a policy that was refused still selects")
			}
		})
	}
}
