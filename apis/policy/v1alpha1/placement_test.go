package v1alpha1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"
)

func TestEffectiveScheduling(t *testing.T) {
	tests := []struct {
		name           string
		placement      *Placement
		wantType       ReplicaSchedulingType
		wantPreference ReplicaDivisionPreference
		wantDivided    bool
	}{
		{name: "nil", wantType: Duplicated},
		{name: "no strategy", placement: &Placement{}, wantType: Duplicated},
		{name: "empty strategy", placement: strategy("", ""), wantType: Divided, wantPreference: Weighted, wantDivided: true},
		{name: "divided", placement: strategy(Divided, ""), wantType: Divided, wantPreference: Weighted, wantDivided: true},
		{name: "aggregated", placement: strategy(Divided, Aggregated), wantType: Divided, wantPreference: Aggregated, wantDivided: true},
		{name: "duplicated ignores the preference", placement: strategy(Duplicated, Aggregated), wantType: Duplicated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.placement.ReplicaSchedulingType(); got != tt.wantType {
				t.Errorf("ReplicaSchedulingType() = %q, want %q", got, tt.wantType)
			}
			if got, ok := tt.placement.DivisionPreference(); got != tt.wantPreference || ok != tt.wantDivided {
				t.Errorf("DivisionPreference() = %q, %t, want %q, %t", got, ok, tt.wantPreference, tt.wantDivided)
			}
		})
	}
}

func TestEffectiveSpreadConstraint(t *testing.T) {
	tests := []struct {
		name        string
		constraint  SpreadConstraint
		wantField   SpreadField
		wantMin     int
		wantMax     int
		wantBounded bool
	}{
		{name: "zero", wantField: SpreadByCluster, wantMin: 1},
		{name: "field", constraint: SpreadConstraint{SpreadByField: SpreadByZone, MinGroups: 2, MaxGroups: 3},
			wantField: SpreadByZone, wantMin: 2, wantMax: 3, wantBounded: true},
		{name: "label", constraint: SpreadConstraint{SpreadByLabel: "rack"}, wantMin: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.constraint.EffectiveField(); got != tt.wantField {
				t.Errorf("EffectiveField() = %q, want %q", got, tt.wantField)
			}
			if got := tt.constraint.EffectiveMinGroups(); got != tt.wantMin {
				t.Errorf("EffectiveMinGroups() = %d, want %d", got, tt.wantMin)
			}
			if got, ok := tt.constraint.EffectiveMaxGroups(); got != tt.wantMax || ok != tt.wantBounded {
				t.Errorf("EffectiveMaxGroups() = %d, %t, want %d, %t", got, ok, tt.wantMax, tt.wantBounded)
			}
		})
	}
}

func TestPropagatesDependencies(t *testing.T) {
	serviceImport := ResourceSelector{APIVersion: "multicluster.x-k8s.io/v1alpha1", Kind: "ServiceImport"}
	tests := []struct {
		name string
		spec PropagationSpec
		want bool
	}{
		{name: "not asked for", spec: PropagationSpec{ResourceSelectors: []ResourceSelector{*ofDeployments(ResourceSelector{})}}},
		{name: "asked for", spec: PropagationSpec{PropagateDeps: true}, want: true},
		{name: "implied by a ServiceImport", spec: PropagationSpec{ResourceSelectors: []ResourceSelector{
			*ofDeployments(ResourceSelector{}), serviceImport}}, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.spec.PropagatesDependencies(); got != tt.want {
				t.Errorf("PropagatesDependencies() = %t, want %t", got, tt.want)
			}
		})
	}
}

func TestEffectiveGracePeriodSeconds(t *testing.T) {
	tests := []struct {
		name     string
		behavior ApplicationFailoverBehavior
		want     int32
		wantOK   bool
	}{
		{name: "nothing said", want: DefaultGracePeriodSeconds, wantOK: true},
		{name: "graceful", behavior: ApplicationFailoverBehavior{PurgeMode: PurgeGracefully, GracePeriodSeconds: ptr.To[int32](5)}, want: 5, wantOK: true},
		{name: "direct", behavior: ApplicationFailoverBehavior{PurgeMode: PurgeDirectly}},
		{name: "never", behavior: ApplicationFailoverBehavior{PurgeMode: PurgeNever}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := tt.behavior.EffectiveGracePeriodSeconds(); got != tt.want || ok != tt.wantOK {
				t.Errorf("EffectiveGracePeriodSeconds() = %d, %t, want %d, %t", got, ok, tt.want, tt.wantOK)
			}
		})
	}
}

func TestEffectiveRules(t *testing.T) {
	target := &ClusterAffinity{ClusterNames: []string{"member1"}}
	overriders := Overriders{Plaintext: []PlaintextOverrider{{Path: "/a", Operator: OverriderRemove}}}
	rules := []RuleWithCluster{{TargetCluster: target, Overriders: overriders}}
	tests := []struct {
		name string
		spec OverrideSpec
		want []RuleWithCluster
	}{
		{name: "nothing"},
		{name: "rules", spec: OverrideSpec{OverrideRules: rules}, want: rules},
		{name: "deprecated form", spec: OverrideSpec{TargetCluster: target, Overriders: &overriders}, want: rules},
		{name: "rules beside empty overriders", spec: OverrideSpec{OverrideRules: rules, Overriders: &Overriders{}}, want: rules},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.spec.EffectiveRules()); diff != "" {
				t.Errorf("EffectiveRules() (-want +got):\n%s", diff)
			}
		})
	}
}

func strategy(kind ReplicaSchedulingType, preference ReplicaDivisionPreference) *Placement {
	return &Placement{ReplicaScheduling: &ReplicaSchedulingStrategy{ReplicaSchedulingType: kind, ReplicaDivisionPreference: preference}}
}
