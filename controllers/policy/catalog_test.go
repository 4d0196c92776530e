package policy_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/policy"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

func labelled(selector policyv1alpha1.ResourceSelector, key, value string) policyv1alpha1.ResourceSelector {
	selector.LabelSelector = &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}
	return selector
}

func priority[P policyv1alpha1.Policy](value int32, p P) P {
	p.PropagationSpec().Priority = value
	return p
}

func deleting[P policyv1alpha1.Policy](p P) P {
	now := metav1.Now()
	p.SetDeletionTimestamp(&now)
	return p
}

func TestMatch(t *testing.T) {
	web := templatetest.Deployment("default", "web", 1) // labelled app=web
	role := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": "reader"},
	}}
	roles := policyv1alpha1.ResourceSelector{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}
	emptyLabels := deployments("")
	emptyLabels.LabelSelector = &metav1.LabelSelector{}
	elsewhere := deployments("")
	elsewhere.Namespace = "elsewhere"
	tests := []struct {
		name     string
		template *unstructured.Unstructured
		policies []policyv1alpha1.Policy
		want     policy.Key
	}{
		{name: "nothing matches", template: web, policies: []policyv1alpha1.Policy{pp("other", "a", deployments("")), pp("default", "b", deployments("db"))}},
		{name: "a propagation policy beats a cluster policy of any priority", template: web,
			policies: []policyv1alpha1.Policy{priority(100, cpp("a", deployments("web"))), pp("default", "z", deployments(""))}, want: policy.Key{Namespace: "default", Name: "z"}},
		{name: "priority beats strength", template: web,
			policies: []policyv1alpha1.Policy{pp("default", "a", deployments("web")), priority(1, pp("default", "b", deployments("")))}, want: policy.Key{Namespace: "default", Name: "b"}},
		{name: "name beats labels", template: web,
			policies: []policyv1alpha1.Policy{pp("default", "a", labelled(deployments(""), "app", "web")), pp("default", "b", deployments("web"))}, want: policy.Key{Namespace: "default", Name: "b"}},
		{name: "labels beat all", template: web,
			policies: []policyv1alpha1.Policy{pp("default", "a", deployments("")), pp("default", "b", labelled(deployments(""), "app", "web"))}, want: policy.Key{Namespace: "default", Name: "b"}},
		{name: "an empty label selector ranks as labels", template: web,
			policies: []policyv1alpha1.Policy{pp("default", "a", deployments("")), pp("default", "b", emptyLabels)}, want: policy.Key{Namespace: "default", Name: "b"}},
		{name: "the best selector of a policy counts", template: web,
			policies: []policyv1alpha1.Policy{pp("default", "a", labelled(deployments(""), "app", "web")), pp("default", "b", deployments(""), deployments("web"))}, want: policy.Key{Namespace: "default", Name: "b"}},
		{name: "the smaller name wins a tie", template: web,
			policies: []policyv1alpha1.Policy{pp("default", "b", deployments("")), pp("default", "a", deployments(""))}, want: policy.Key{Namespace: "default", Name: "a"}},
		{name: "a negative priority loses to the default", template: web,
			policies: []policyv1alpha1.Policy{priority(-1, pp("default", "a", deployments("web"))), pp("default", "b", deployments(""))}, want: policy.Key{Namespace: "default", Name: "b"}},
		{name: "a policy being deleted is no candidate", template: web,
			policies: []policyv1alpha1.Policy{deleting(pp("default", "a", deployments("web"))), cpp("c", deployments(""))}, want: policy.Key{Name: "c"}},
		{name: "an invalid policy is no candidate", template: web,
			policies: []policyv1alpha1.Policy{pp("default", "a", elsewhere), cpp("c", deployments(""))}, want: policy.Key{Name: "c"}},
		{name: "a cluster policy confined to another namespace", template: web, policies: []policyv1alpha1.Policy{cpp("c", elsewhere)}},
		{name: "cluster scoped templates look at cluster policies only", template: role,
			policies: []policyv1alpha1.Policy{pp("default", "a", roles), cpp("c", roles)}, want: policy.Key{Name: "c"}},
		{name: "name makes the label selector irrelevant", template: web,
			policies: []policyv1alpha1.Policy{pp("default", "a", labelled(deployments("web"), "app", "other"))}, want: policy.Key{Namespace: "default", Name: "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := policy.NewCatalog()
			for _, p := range tt.policies {
				_ = c.Set(p) // some cases hold invalid policies on purpose
			}
			got, _ := c.Match(tt.template)
			if (got == nil) != (tt.want == policy.Key{}) || got != nil && policy.KeyOf(got.Policy) != tt.want {
				t.Errorf("matched %v, want %v", got, tt.want)
			}
		})
	}
}

// bruteForce is §2.2 word by word.
func bruteForce(t *rapid.T, policies map[policy.Key]policyv1alpha1.Policy, obj *unstructured.Unstructured) (policy.Key, bool) {
	type candidate struct {
		key      policy.Key
		priority int32
		strength policyv1alpha1.MatchStrength
	}
	var candidates []candidate
	for key, p := range policies {
		if key.Namespace != "" && key.Namespace != obj.GetNamespace() {
			continue
		}
		strength, err := policyv1alpha1.BestMatch(p.PropagationSpec().ResourceSelectors, obj.GroupVersionKind(), obj)
		if err != nil {
			t.Fatal(err)
		}
		if strength != policyv1alpha1.MatchNone {
			candidates = append(candidates, candidate{key, p.PropagationSpec().Priority, strength})
		}
	}
	if len(candidates) == 0 {
		return policy.Key{}, false
	}
	best := slices.MinFunc(candidates, func(a, b candidate) int {
		return cmp.Or(
			-cmp.Compare(min(len(a.key.Namespace), 1), min(len(b.key.Namespace), 1)),
			-cmp.Compare(a.priority, b.priority), -cmp.Compare(a.strength, b.strength), cmp.Compare(a.key.Name, b.key.Name))
	})
	return best.key, true
}

var (
	genNamespace = rapid.SampledFrom([]string{"", "ns1", "ns2"})
	genName      = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	genLabels    = rapid.MapOfN(rapid.SampledFrom([]string{"app", "tier"}), rapid.SampledFrom([]string{"x", "y"}), 0, 2)
	genRequired  = rapid.Custom(func(t *rapid.T) metav1.LabelSelectorRequirement {
		r := metav1.LabelSelectorRequirement{
			Key:      rapid.SampledFrom([]string{"app", "tier"}).Draw(t, "key"),
			Operator: rapid.SampledFrom([]metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist"}).Draw(t, "operator"),
		}
		if r.Operator == "In" || r.Operator == "NotIn" {
			r.Values = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 1, 2, rapid.ID).Draw(t, "values")
		}
		return r
	})
)

func drawSelector(t *rapid.T, namespace string) policyv1alpha1.ResourceSelector {
	s := policyv1alpha1.ResourceSelector{
		APIVersion: "apps/v1", Kind: rapid.SampledFrom([]string{"Deployment", "StatefulSet"}).Draw(t, "kind"), Namespace: namespace,
	}
	if namespace == "" {
		s.Namespace = genNamespace.Draw(t, "selectorNamespace")
	}
	if rapid.IntRange(0, 2).Draw(t, "byName") == 0 {
		s.Name = genName.Draw(t, "selectorName")
	}
	if rapid.Bool().Draw(t, "byLabels") {
		s.LabelSelector = &metav1.LabelSelector{
			MatchLabels:      genLabels.Draw(t, "matchLabels"),
			MatchExpressions: rapid.SliceOfN(genRequired, 0, 2).Draw(t, "expressions"),
		}
	}
	return s
}

func drawPolicy(t *rapid.T) policyv1alpha1.Policy {
	namespace, name := genNamespace.Draw(t, "namespace"), genName.Draw(t, "name")
	var selectors []policyv1alpha1.ResourceSelector
	for range rapid.IntRange(1, 3).Draw(t, "selectors") {
		selectors = append(selectors, drawSelector(t, namespace))
	}
	level := rapid.Int32Range(0, 1).Draw(t, "priority")
	if namespace == "" {
		return priority(level, cpp(name, selectors...))
	}
	return priority(level, pp(namespace, name, selectors...))
}

func TestMatchEqualsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, policies := policy.NewCatalog(), map[policy.Key]policyv1alpha1.Policy{}
		for range rapid.IntRange(0, 25).Draw(t, "changes") {
			p := drawPolicy(t)
			if rapid.IntRange(0, 4).Draw(t, "delete") == 0 {
				c.Delete(policy.KeyOf(p))
				delete(policies, policy.KeyOf(p))
				continue
			}
			if err := c.Set(p); err != nil {
				t.Fatal(err)
			}
			policies[policy.KeyOf(p)] = p
		}
		obj := templatetest.Deployment(genNamespace.Draw(t, "objectNamespace"), genName.Draw(t, "objectName"), 1)
		obj.SetKind(rapid.SampledFrom([]string{"Deployment", "StatefulSet"}).Draw(t, "objectKind"))
		obj.SetLabels(genLabels.Draw(t, "objectLabels"))

		want, wantOK := bruteForce(t, policies, obj)
		got, _ := c.Match(obj)
		if (got != nil) != wantOK || got != nil && policy.KeyOf(got.Policy) != want {
			t.Fatalf("matched %v, want %v (%t)", got, want, wantOK)
		}
		for key, p := range policies {
			if key.Namespace != "" && key.Namespace != obj.GetNamespace() {
				continue
			}
			strength, err := policyv1alpha1.BestMatch(p.PropagationSpec().ResourceSelectors, obj.GroupVersionKind(), obj)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Selects(key, obj); got != (strength != policyv1alpha1.MatchNone) {
				t.Fatalf("Selects(%v) = %t", key, got)
			}
		}
	})
}

// manyPolicies fills a catalog with policies as a large platform has them: one for each application, by name, by label,
// and a few that select everything.
func manyPolicies(n int) *policy.Catalog {
	c := policy.NewCatalog()
	for i := range n {
		var p policyv1alpha1.Policy
		switch app := fmt.Sprintf("app-%d", i); i % 4 {
		case 0:
			p = pp("default", app, deployments(app))
		case 1:
			p = pp("default", app, labelled(deployments(""), "app", app))
		case 2:
			p = cpp(app, labelled(deployments(""), "app", app))
		default:
			p = pp("default", app, deployments(""))
		}
		if err := c.Set(p); err != nil {
			panic(err)
		}
	}
	return c
}

func TestMatchLooksAtFewPolicies(t *testing.T) {
	const most = 6
	for _, n := range []int{10, 1000, 10000} {
		c := manyPolicies(n)
		for _, name := range []string{"app-4", "app-5", "app-6", "unknown"} {
			if _, examined := c.Match(templatetest.Deployment("default", name, 1)); examined > most {
				t.Errorf("%d policies: matching %s looked at %d selectors, want at most %d", n, name, examined, most)
			}
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			c, obj := manyPolicies(n), templatetest.Deployment("default", "app-5", 1)
			b.ReportAllocs()
			for b.Loop() {
				if match, _ := c.Match(obj); match == nil || match.Policy.GetName() != "app-5" {
					b.Fatalf("matched %v", match)
				}
			}
		})
	}
}
