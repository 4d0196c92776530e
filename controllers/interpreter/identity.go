package interpreter

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

type serviceAccount struct{}

// retain merges the secrets that the member's token controller and its users added.
func (serviceAccount) retain(desired, observed *unstructured.Unstructured) error {
	for _, list := range []string{"secrets", "imagePullSecrets"} {
		if err := mergeByName(desired, observed, list); err != nil {
			return err
		}
	}
	return nil
}

// mergeByName appends those entries of observed's list whose names desired's does not have.
func mergeByName(desired, observed *unstructured.Unstructured, list string) error {
	wanted, err := listAt(desired.Object, list)
	if err != nil {
		return err
	}
	present, err := listAt(observed.Object, list)
	if err != nil {
		return err
	}
	merged := slices.Clone(wanted)
	for _, entry := range present {
		if !slices.ContainsFunc(merged, func(other any) bool { return nameOf(other) == nameOf(entry) }) {
			merged = append(merged, runtime.DeepCopyJSONValue(entry))
		}
	}
	if len(merged) > len(wanted) {
		desired.Object[list] = merged
	}
	return nil
}

func nameOf(entry any) string {
	object, _ := entry.(map[string]any)
	name, _ := object["name"].(string)
	return name
}

// prune drops the token secrets that the control plane generated for the account: they do not exist in a member.
func (serviceAccount) prune(obj *unstructured.Unstructured) {
	secrets, err := listAt(obj.Object, "secrets")
	if err != nil || len(secrets) == 0 {
		return
	}
	prefix := obj.GetName() + "-token-"
	kept := slices.DeleteFunc(slices.Clone(secrets), func(entry any) bool { return strings.HasPrefix(nameOf(entry), prefix) })
	obj.Object["secrets"] = kept
	removeEmpty(obj.Object, "secrets")
}

const serviceAccountTokenType = "kubernetes.io/service-account-token"

type secret struct{}

func isServiceAccountToken(obj *unstructured.Unstructured) bool {
	return obj.Object["type"] == serviceAccountTokenType
}

// retain keeps the token that the member issued.
func (secret) retain(desired, observed *unstructured.Unstructured) error {
	if !isServiceAccountToken(desired) {
		return nil
	}
	return copyField(desired, observed, "data")
}

// prune drops the control plane's token and the UID of its account: the member fills in its own.
func (secret) prune(obj *unstructured.Unstructured) {
	if !isServiceAccountToken(obj) {
		return
	}
	delete(obj.Object, "data")
	removeAnnotations(obj, "kubernetes.io/service-account.uid")
}
