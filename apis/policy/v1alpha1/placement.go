package v1alpha1

// serviceImportAPIVersion and serviceImportKind name the one kind that is useless without what it depends on.
const (
	serviceImportAPIVersion = "multicluster.x-k8s.io/v1alpha1"
	serviceImportKind       = "ServiceImport"
)

// PropagatesDependencies reports whether the objects that a template refers to are shipped too: PropagateDeps, or true if a selector
// targets ServiceImport.
func (s *PropagationSpec) PropagatesDependencies() bool {
	if s.PropagateDeps {
		return true
	}
	for i := range s.ResourceSelectors {
		if r := &s.ResourceSelectors[i]; r.APIVersion == serviceImportAPIVersion && r.Kind == serviceImportKind {
			return true
		}
	}
	return false
}

// ReplicaSchedulingType returns the type in force: Duplicated without ReplicaScheduling, Divided if that leaves it empty. A nil Placement
// means Duplicated.
func (p *Placement) ReplicaSchedulingType() ReplicaSchedulingType {
	switch {
	case p == nil || p.ReplicaScheduling == nil:
		return Duplicated
	case p.ReplicaScheduling.ReplicaSchedulingType == "":
		return Divided
	default:
		return p.ReplicaScheduling.ReplicaSchedulingType
	}
}

// DivisionPreference returns how replicas are divided, Weighted if nothing is said, and whether they are divided at all.
func (p *Placement) DivisionPreference() (preference ReplicaDivisionPreference, ok bool) {
	switch {
	case p.ReplicaSchedulingType() != Divided:
		return "", false
	case p.ReplicaScheduling.ReplicaDivisionPreference == "":
		return Weighted, true
	default:
		return p.ReplicaScheduling.ReplicaDivisionPreference, true
	}
}

// EffectiveField returns the field that groups clusters: SpreadByCluster if neither field nor label is given, empty if a label is.
func (c *SpreadConstraint) EffectiveField() SpreadField {
	if c.SpreadByField == "" && c.SpreadByLabel == "" {
		return SpreadByCluster
	}
	return c.SpreadByField
}

// EffectiveMinGroups returns the least number of groups, at least 1.
func (c *SpreadConstraint) EffectiveMinGroups() int {
	return max(c.MinGroups, 1)
}

// EffectiveMaxGroups returns the greatest number of groups, and false if there is no upper bound.
func (c *SpreadConstraint) EffectiveMaxGroups() (groups int, ok bool) {
	return c.MaxGroups, c.MaxGroups > 0
}

// EffectiveRules returns the rules in their order: OverrideRules, or else the deprecated single rule. Rules share memory with s.
func (s *OverrideSpec) EffectiveRules() []RuleWithCluster {
	if len(s.OverrideRules) > 0 || s.Overriders == nil {
		return s.OverrideRules
	}
	return []RuleWithCluster{{TargetCluster: s.TargetCluster, Overriders: *s.Overriders}}
}
