package policy_test

import (
	"testing"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/controllers/policy"
	"github.com/longshore-project/longshore/controllers/template/templatetest"
)

// admitted gives a policy its permanent id.
func admitted[P policyv1alpha1.Policy](p P) P {
	label := policyv1alpha1.PropagationPolicyPermanentIDLabel
	if p.GetNamespace() == "" {
		label = policyv1alpha1.ClusterPropagationPolicyPermanentIDLabel
	}
	p.SetLabels(map[string]string{label: "id-" + p.GetName()})
	return p
}

func always[P policyv1alpha1.Policy](p P) P {
	p.PropagationSpec().Preemption = policyv1alpha1.PreemptAlways
	return p
}

func TestDecide(t *testing.T) {
	broken := admitted(pp("default", "mine", policyv1alpha1.ResourceSelector{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "elsewhere"}))
	mine := policy.Key{Namespace: "default", Name: "mine"}
	type want struct {
		action    policy.Action
		policy    policy.Key
		waits     bool
		preempted policy.Key
	}
	tests := []struct {
		name       string
		claim      policy.Key // zero: unclaimed
		policies   []policyv1alpha1.Policy
		trigger    policy.Trigger
		preemption bool
		want       want
	}{
		{name: "unclaimed and no policy", want: want{action: policy.Release, waits: true}},
		{name: "unclaimed and a match", policies: []policyv1alpha1.Policy{admitted(pp("default", "a", deployments("")))},
			want: want{action: policy.Apply, policy: policy.Key{Namespace: "default", Name: "a"}}},
		{name: "the match has no id yet, although another has", policies: []policyv1alpha1.Policy{pp("default", "a", deployments("web")), admitted(cpp("c", deployments("")))},
			want: want{action: policy.Hold, waits: true}},
		{name: "a claim is kept beside better policies", claim: mine,
			policies: []policyv1alpha1.Policy{admitted(pp("default", "mine", deployments(""))), priority(9, admitted(pp("default", "a", deployments("web"))))},
			trigger:  policy.PolicyChanged | policy.TemplateChanged, want: want{action: policy.Apply, policy: mine}},
		{name: "a cluster policy's claim is kept beside propagation policies", claim: policy.Key{Name: "c"},
			policies: []policyv1alpha1.Policy{admitted(cpp("c", deployments(""))), admitted(pp("default", "a", deployments("web")))},
			want:     want{action: policy.Apply, policy: policy.Key{Name: "c"}}},
		{name: "the policy is gone", claim: mine, want: want{action: policy.Release, waits: true}},
		{name: "the policy is gone and another matches", claim: mine, policies: []policyv1alpha1.Policy{admitted(cpp("c", deployments("")))},
			want: want{action: policy.Apply, policy: policy.Key{Name: "c"}}},
		{name: "the policy is being deleted", claim: mine, policies: []policyv1alpha1.Policy{deleting(admitted(pp("default", "mine", deployments(""))))},
			want: want{action: policy.Release, waits: true}},
		{name: "the template left the policy", claim: mine, policies: []policyv1alpha1.Policy{admitted(pp("default", "mine", deployments("db")))},
			trigger: policy.TemplateChanged, want: want{action: policy.Hold}},
		{name: "the policy left the template", claim: mine, policies: []policyv1alpha1.Policy{admitted(pp("default", "mine", deployments("db")))},
			trigger: policy.PolicyChanged, want: want{action: policy.Release, waits: true}},
		{name: "the policy became invalid", claim: mine, policies: []policyv1alpha1.Policy{broken}, trigger: policy.PolicyChanged,
			want: want{action: policy.Hold}},
		{name: "preemption needs the gate", claim: mine,
			policies: []policyv1alpha1.Policy{admitted(pp("default", "mine", deployments(""))), always(priority(1, admitted(pp("default", "a", deployments("web")))))},
			want:     want{action: policy.Apply, policy: mine}},
		{name: "a higher priority preempts", claim: mine, preemption: true,
			policies: []policyv1alpha1.Policy{admitted(pp("default", "mine", deployments(""))), always(priority(1, admitted(pp("default", "a", deployments("web")))))},
			want:     want{action: policy.Apply, policy: policy.Key{Namespace: "default", Name: "a"}, preempted: mine}},
		{name: "an equal priority does not preempt", claim: mine, preemption: true,
			policies: []policyv1alpha1.Policy{admitted(pp("default", "mine", deployments(""))), always(admitted(pp("default", "a", deployments("web"))))},
			want:     want{action: policy.Apply, policy: mine}},
		{name: "a cluster policy never preempts a propagation policy", claim: mine, preemption: true,
			policies: []policyv1alpha1.Policy{admitted(pp("default", "mine", deployments(""))), always(priority(9, admitted(cpp("c", deployments("web")))))},
			want:     want{action: policy.Apply, policy: mine}},
		{name: "a propagation policy preempts any cluster policy", claim: policy.Key{Name: "c"}, preemption: true,
			policies: []policyv1alpha1.Policy{priority(9, admitted(cpp("c", deployments("")))), always(admitted(pp("default", "a", deployments("web"))))},
			want:     want{action: policy.Apply, policy: policy.Key{Namespace: "default", Name: "a"}, preempted: policy.Key{Name: "c"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := policy.NewCatalog()
			for _, p := range tt.policies {
				_ = c.Set(p) // one case holds an invalid policy on purpose
			}
			obj := templatetest.Deployment("default", "web", 1)
			setClaim(obj, tt.claim)
			d := c.Decide(obj, tt.trigger, tt.preemption)
			got := want{action: d.Action, waits: d.Waits, preempted: d.Preempted}
			if d.Policy != nil {
				got.policy = policy.KeyOf(d.Policy)
			}
			if got != tt.want {
				t.Errorf("decided %+v, want %+v", got, tt.want)
			}
		})
	}
}
