package crds

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
)

// TestServerAccepts runs what an API server runs when a definition is created. That includes the estimated cost of each CEL rule and of
// all rules together.
func TestServerAccepts(t *testing.T) {
	for _, crd := range loadAll(t) {
		t.Run(crd.Name, func(t *testing.T) {
			internal := toInternal(t, crd)
			internal.Status.StoredVersions = []string{crd.Spec.Versions[0].Name} // Set by the server before it validates.
			if errs := validation.ValidateCustomResourceDefinition(t.Context(), internal); len(errs) > 0 {
				t.Error(errs.ToAggregate())
			}
		})
	}
}

// shape is what kubectl users see of a definition.
type shape struct {
	Kind       string
	ShortNames []string
	Categories []string
	Scope      apiextensionsv1.ResourceScope
	Version    string
	Status     bool
	Columns    []string
	Wide       []string
}

func TestShapes(t *testing.T) {
	const namespaced, cluster = apiextensionsv1.NamespaceScoped, apiextensionsv1.ClusterScoped
	karmadaIO := []string{"karmada-io"}
	policyColumns := []string{"CONFLICT-RESOLUTION=.spec.conflictResolution", "PRIORITY=.spec.priority", age("AGE")}
	bindingColumns := []string{"SCHEDULED=" + condition("Scheduled"), "FULLYAPPLIED=" + condition("FullyApplied"), age("AGE")}

	want := map[string]shape{
		"propagationpolicies.policy.karmada.io": {Kind: "PropagationPolicy", ShortNames: []string{"pp"}, Categories: karmadaIO,
			Scope: namespaced, Version: "v1alpha1", Columns: policyColumns},
		"clusterpropagationpolicies.policy.karmada.io": {Kind: "ClusterPropagationPolicy", ShortNames: []string{"cpp"}, Categories: karmadaIO,
			Scope: cluster, Version: "v1alpha1", Columns: policyColumns},
		"overridepolicies.policy.karmada.io": {Kind: "OverridePolicy", ShortNames: []string{"op"}, Categories: karmadaIO,
			Scope: namespaced, Version: "v1alpha1"},
		"clusteroverridepolicies.policy.karmada.io": {Kind: "ClusterOverridePolicy", ShortNames: []string{"cop"}, Categories: karmadaIO,
			Scope: cluster, Version: "v1alpha1"},
		"federatedresourcequotas.policy.karmada.io": {Kind: "FederatedResourceQuota", Categories: karmadaIO, Scope: namespaced,
			Version: "v1alpha1", Status: true, Columns: []string{"OVERALL=.status.overall", "OVERALL_USED=.status.overallUsed"}},
		"clustertaintpolicies.policy.karmada.io": {Kind: "ClusterTaintPolicy", Scope: cluster, Version: "v1alpha1"},
		"resourcebindings.work.karmada.io": {Kind: "ResourceBinding", ShortNames: []string{"rb"}, Categories: karmadaIO,
			Scope: namespaced, Version: "v1alpha2", Status: true, Columns: bindingColumns},
		"clusterresourcebindings.work.karmada.io": {Kind: "ClusterResourceBinding", ShortNames: []string{"crb"}, Categories: karmadaIO,
			Scope: cluster, Version: "v1alpha2", Status: true, Columns: bindingColumns},
		"works.work.karmada.io": {Kind: "Work", ShortNames: []string{"wk"}, Categories: karmadaIO, Scope: namespaced, Version: "v1alpha1",
			Status:  true,
			Columns: []string{"WORKLOAD-KIND=.spec.workload.manifests[*].kind", "APPLIED=" + condition("Applied"), age("AGE")}},
		"clusters.cluster.karmada.io": {Kind: "Cluster", Categories: karmadaIO, Scope: cluster, Version: "v1alpha1", Status: true,
			Columns: []string{"Version=.status.kubernetesVersion", "Mode=.spec.syncMode", "Ready=" + condition("Ready"), age("Age")},
			Wide: []string{"Zones=.spec.zones", "Region=.spec.region", "Provider=.spec.provider", "API-Endpoint=.spec.apiEndpoint",
				"Proxy-URL=.spec.proxyURL"}},
		"workloadrebalancers.apps.karmada.io": {Kind: "WorkloadRebalancer", Scope: cluster, Version: "v1alpha1", Status: true},
		"resourceinterpretercustomizations.config.karmada.io": {Kind: "ResourceInterpreterCustomization", ShortNames: []string{"ric"},
			Categories: karmadaIO, Scope: cluster, Version: "v1alpha1",
			Columns: []string{"TARGET-API-VERSION=.spec.target.apiVersion", "TARGET-KIND=.spec.target.kind", age("AGE")}},
	}
	got := map[string]shape{}
	for _, crd := range loadAll(t) {
		got[crd.Name] = shapeOf(crd)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("definitions (-want +got):\n%s", diff)
	}
}

func TestAllIsSorted(t *testing.T) {
	names := []string{}
	for _, crd := range loadAll(t) {
		names = append(names, crd.Spec.Group+"/"+crd.Spec.Names.Plural)
	}
	if !slices.IsSorted(names) {
		t.Errorf("All() is not sorted by group and plural: %v", names)
	}
}

func age(name string) string { return name + "=.metadata.creationTimestamp" }

func condition(name string) string { return `.status.conditions[?(@.type=="` + name + `")].status` }

func shapeOf(crd *apiextensionsv1.CustomResourceDefinition) shape {
	version := crd.Spec.Versions[0]
	s := shape{
		Kind:       crd.Spec.Names.Kind,
		ShortNames: crd.Spec.Names.ShortNames,
		Categories: crd.Spec.Names.Categories,
		Scope:      crd.Spec.Scope,
		Version:    version.Name,
		Status:     version.Subresources != nil && version.Subresources.Status != nil,
	}
	for _, column := range version.AdditionalPrinterColumns {
		entry := column.Name + "=" + column.JSONPath
		if column.Priority == 0 {
			s.Columns = append(s.Columns, entry)
		} else {
			s.Wide = append(s.Wide, entry)
		}
	}
	return s
}

func loadAll(t *testing.T) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func toInternal(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition) *apiextensions.CustomResourceDefinition {
	t.Helper()
	defaulted := crd.DeepCopy()
	apiextensionsv1.SetObjectDefaults_CustomResourceDefinition(defaulted)
	internal := &apiextensions.CustomResourceDefinition{}
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(defaulted, internal, nil); err != nil {
		t.Fatal(err)
	}
	return internal
}
