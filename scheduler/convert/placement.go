package convert

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Fingerprint returns the JSON of the placement, which is equal for equal placements. It is also the value of the applied-placement annotation.
func Fingerprint(p *policyv1alpha1.Placement) string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("convert: a placement is plain data, yet encoding it fails: %v", err))
	}
	return string(text)
}

// FromPlacement returns the placement in the scheduler's words. An enumeration with an unknown value is an error: it may mean anything, so it
// must not mean nothing.
func FromPlacement(p *policyv1alpha1.Placement) (*framework.Placement, error) {
	out := &framework.Placement{Fingerprint: Fingerprint(p), StrategyStated: p.ReplicaScheduling != nil}
	var err error
	if out.Terms, err = fromTerms(p); err != nil {
		return nil, err
	}
	if out.Tolerations, err = fromTolerations(p.ClusterTolerations); err != nil {
		return nil, err
	}
	if out.Spread, err = fromSpread(p.SpreadConstraints); err != nil {
		return nil, err
	}
	if out.Strategy, err = fromStrategy(p); err != nil {
		return nil, err
	}
	if out.Strategy == framework.StaticWeight {
		out.StaticWeights, err = fromWeights(p.ReplicaScheduling.WeightPreference)
	}
	return out, err
}

func fromTerms(p *policyv1alpha1.Placement) ([]framework.Term, error) {
	if len(p.ClusterAffinities) == 0 {
		affinity, err := fromAffinity(p.ClusterAffinity)
		return []framework.Term{{Affinity: affinity}}, err
	}
	out := make([]framework.Term, len(p.ClusterAffinities))
	for i := range p.ClusterAffinities {
		term := &p.ClusterAffinities[i]
		affinity, err := fromAffinity(&term.ClusterAffinity)
		if err != nil {
			return nil, fmt.Errorf("reading affinity %q: %w", term.AffinityName, err)
		}
		out[i] = framework.Term{Name: term.AffinityName, Affinity: affinity}
		for j := range term.OverflowAffinities {
			overflow, err := fromAffinity(&term.OverflowAffinities[j].ClusterAffinity)
			if err != nil {
				return nil, fmt.Errorf("reading overflow affinity %q: %w", term.OverflowAffinities[j].AffinityName, err)
			}
			out[i].Overflow = append(out[i].Overflow, overflow)
		}
	}
	return out, nil
}

// fromAffinity returns every cluster for nil.
func fromAffinity(a *policyv1alpha1.ClusterAffinity) (framework.Affinity, error) {
	if a == nil {
		return framework.Affinity{}, nil
	}
	out := framework.Affinity{Names: a.ClusterNames, Exclude: a.Exclude}
	var err error
	if out.Labels, err = fromLabelSelector(a.LabelSelector); err != nil {
		return out, err
	}
	if a.FieldSelector == nil {
		return out, nil
	}
	for _, e := range a.FieldSelector.MatchExpressions {
		r, err := fromFieldRequirement(e)
		if err != nil {
			return out, err
		}
		out.Fields = append(out.Fields, r)
	}
	return out, nil
}

func fromLabelSelector(s *metav1.LabelSelector) ([]framework.LabelRequirement, error) {
	if s == nil {
		return nil, nil
	}
	out := make([]framework.LabelRequirement, 0, len(s.MatchLabels)+len(s.MatchExpressions))
	for _, key := range slices.Sorted(maps.Keys(s.MatchLabels)) {
		out = append(out, framework.LabelRequirement{Key: key, Operator: framework.In, Values: []string{s.MatchLabels[key]}})
	}
	for _, e := range s.MatchExpressions {
		switch op := framework.Operator(e.Operator); op {
		case framework.In, framework.NotIn, framework.Exists, framework.DoesNotExist:
			out = append(out, framework.LabelRequirement{Key: e.Key, Operator: op, Values: e.Values})
		default:
			return nil, fmt.Errorf("label selector on %q: operator %q is not In, NotIn, Exists or DoesNotExist", e.Key, e.Operator)
		}
	}
	return out, nil
}

func fromFieldRequirement(e policyv1alpha1.FieldRequirement) (framework.FieldRequirement, error) {
	out := framework.FieldRequirement{Field: framework.Field(e.Key), Operator: framework.Operator(e.Operator), Values: e.Values}
	switch out.Field {
	case framework.FieldProvider, framework.FieldRegion, framework.FieldZone:
	default:
		return out, fmt.Errorf("field selector: key %q is not provider, region or zone", e.Key)
	}
	if out.Operator != framework.In && out.Operator != framework.NotIn {
		return out, fmt.Errorf("field selector on %q: operator %q is not In or NotIn", e.Key, e.Operator)
	}
	return out, nil
}

func fromTolerations(tolerations []corev1.Toleration) ([]framework.Toleration, error) {
	var out []framework.Toleration
	for _, t := range tolerations {
		switch t.Operator {
		case corev1.TolerationOpExists, corev1.TolerationOpEqual, "":
		default:
			return nil, fmt.Errorf("toleration of %q: operator %q is not Exists or Equal", t.Key, t.Operator)
		}
		out = append(out, framework.Toleration{
			Key: t.Key, Value: t.Value, Effect: string(t.Effect), Exists: t.Operator == corev1.TolerationOpExists,
		})
	}
	return out, nil
}

func fromSpread(constraints []policyv1alpha1.SpreadConstraint) ([]framework.SpreadConstraint, error) {
	var out []framework.SpreadConstraint
	for i := range constraints {
		c := &constraints[i]
		s := framework.SpreadConstraint{Key: framework.SpreadKey(c.EffectiveField()), Label: c.SpreadByLabel, MinGroups: int64(c.EffectiveMinGroups())}
		if groups, ok := c.EffectiveMaxGroups(); ok {
			s.MaxGroups = int64(groups)
		}
		switch {
		case s.Key != "" && s.Label != "":
			return nil, fmt.Errorf("spread constraint %d names both field %q and label %q: state one of them", i, s.Key, s.Label)
		case s.Key == "" || s.Key == framework.SpreadByCluster || s.Key == framework.SpreadByRegion ||
			s.Key == framework.SpreadByZone || s.Key == framework.SpreadByProvider:
		default:
			return nil, fmt.Errorf("spread constraint %d: field %q is not cluster, region, zone or provider", i, s.Key)
		}
		if s.MinGroups > s.Max() {
			return nil, fmt.Errorf("spread constraint %d: minGroups %d exceeds maxGroups %d", i, s.MinGroups, s.MaxGroups)
		}
		out = append(out, s)
	}
	return out, nil
}

func fromStrategy(p *policyv1alpha1.Placement) (framework.Strategy, error) {
	switch kind := p.ReplicaSchedulingType(); kind {
	case policyv1alpha1.Duplicated:
		return framework.Duplicated, nil
	case policyv1alpha1.Divided:
	default:
		return 0, fmt.Errorf("replicaSchedulingType %q is not Duplicated or Divided", kind)
	}
	switch preference, _ := p.DivisionPreference(); preference {
	case policyv1alpha1.Aggregated:
		return framework.Aggregated, nil
	case policyv1alpha1.Weighted:
		return fromWeightPreference(p.ReplicaScheduling.WeightPreference)
	default:
		return 0, fmt.Errorf("replicaDivisionPreference %q is not Aggregated or Weighted", preference)
	}
}

func fromWeightPreference(w *policyv1alpha1.ClusterPreferences) (framework.Strategy, error) {
	switch {
	case w == nil || w.DynamicWeight == "":
		return framework.StaticWeight, nil
	case w.DynamicWeight == policyv1alpha1.DynamicWeightByAvailableReplicas:
		return framework.DynamicWeight, nil
	default:
		return 0, fmt.Errorf("dynamicWeight %q is not %s", w.DynamicWeight, policyv1alpha1.DynamicWeightByAvailableReplicas)
	}
}

func fromWeights(w *policyv1alpha1.ClusterPreferences) ([]framework.WeightedAffinity, error) {
	if w == nil {
		return nil, nil
	}
	out := make([]framework.WeightedAffinity, 0, len(w.StaticWeightList))
	for i := range w.StaticWeightList {
		affinity, err := fromAffinity(&w.StaticWeightList[i].TargetCluster)
		if err != nil {
			return nil, fmt.Errorf("reading static weight %d: %w", i, err)
		}
		out = append(out, framework.WeightedAffinity{Affinity: affinity, Weight: w.StaticWeightList[i].Weight})
	}
	return out, nil
}
