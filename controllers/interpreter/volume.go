package interpreter

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

var volumePhases = []string{"Failed", "Pending", "Available", "Bound", "Released"}

type volume struct{}

// retain keeps the claim to which the member bound the volume.
func (volume) retain(desired, observed *unstructured.Unstructured) error {
	return copyField(desired, observed, "spec", "claimRef")
}

func (volume) aggregate(_ *unstructured.Unstructured, members []member) (map[string]any, error) {
	return firstPhase(members, volumePhases)
}

type claim struct{}

// retain keeps the volume to which the member bound the claim.
func (claim) retain(desired, observed *unstructured.Unstructured) error {
	return copyField(desired, observed, "spec", "volumeName")
}

// aggregate is Lost if any member's claim is, else the first phase that is not Bound, else Bound.
func (claim) aggregate(_ *unstructured.Unstructured, members []member) (map[string]any, error) {
	worst := ""
	for _, m := range members {
		phase, err := m.string("phase")
		if err != nil {
			return nil, err
		}
		if phase == "Lost" || worst == "" || (worst == "Bound" && phase != "") {
			worst = phase
		}
		if worst == "Lost" {
			break
		}
	}
	if worst == "" {
		return nil, nil
	}
	return map[string]any{"phase": worst}, nil
}

func (claim) healthy(obj *unstructured.Unstructured) (bool, error) {
	phase, err := stringAt(obj.Object, "status", "phase")
	return phase == "Bound", err
}

// prune drops the node that the control plane's volume scheduling chose.
func (claim) prune(obj *unstructured.Unstructured) {
	removeAnnotations(obj, "volume.kubernetes.io/selected-node")
}
