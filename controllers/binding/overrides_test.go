package binding

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

// TestUnreadableOverrideBlocksWhatItMaySelect: without its override a template might do harm in a member.
func TestUnreadableOverrideBlocksWhatItMaySelect(t *testing.T) {
	broken := &policyv1alpha1.OverridePolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "broken"},
		Spec: policyv1alpha1.OverrideSpec{ResourceSelectors: []policyv1alpha1.ResourceSelector{
			{APIVersion: "apps/v1", Kind: "Deployment", LabelSelector: &metav1.LabelSelector{
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Around"}},
			}},
			{APIVersion: "v1", Kind: "ConfigMap", Namespace: "elsewhere"},
		}},
	}
	o := newOverrides()
	if err := o.set(broken); err == nil {
		t.Error("a selector that does not parse is accepted")
	}
	deployment := templatetest.Deployment("default", "web", 1)
	if _, err := o.matching(deployment); err == nil {
		t.Error("the Deployment is propagated without the override")
	}
	configMap := templatetest.Deployment("default", "web", 1)
	configMap.SetAPIVersion("v1")
	configMap.SetKind("ConfigMap")
	if matched, err := o.matching(configMap); err != nil || len(matched) != 0 {
		t.Errorf("the ConfigMap: %v, %v", matched, err)
	}
	o.delete(broken)
	if _, err := o.matching(deployment); err != nil || !o.empty() {
		t.Errorf("after deletion: %v", err)
	}
}
