package binding_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/binding"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/override"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func cluster(name string) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"name": name}}}
}

func clusters(names ...string) []workv1alpha2.TargetCluster {
	var out []workv1alpha2.TargetCluster
	for i, name := range names {
		out = append(out, workv1alpha2.TargetCluster{Name: name, Replicas: int32(i + 1)})
	}
	return out
}

// readObject reads an object from testdata as a template that a server returned.
func readObject(t *testing.T, file string) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(asJSON); err != nil {
		t.Fatal(err)
	}
	return obj
}

func newBinding(template *unstructured.Unstructured, targets ...workv1alpha2.TargetCluster) *workv1alpha2.ResourceBinding {
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: template.GetNamespace(), Name: workv1alpha2.BindingName(template.GetName(), template.GetKind()),
			Labels: map[string]string{workv1alpha2.BindingPermanentIDLabel: "binding-id"},
		},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{
				APIVersion: template.GetAPIVersion(), Kind: template.GetKind(), Namespace: template.GetNamespace(), Name: template.GetName(),
			},
			Clusters: targets,
		},
	}
}

func builder(t testing.TB, b workv1alpha2.Binding, template *unstructured.Unstructured, policies ...policyv1alpha1.Override) *binding.Builder {
	t.Helper()
	matched, err := override.Match(template, policies)
	if err != nil {
		t.Fatal(err)
	}
	out, err := binding.NewBuilder(b, template, matched, interpreter.New())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func scaleOverride(namespace, name, target string, replicas string) policyv1alpha1.Override {
	spec := policyv1alpha1.OverrideSpec{OverrideRules: []policyv1alpha1.RuleWithCluster{{
		TargetCluster: &policyv1alpha1.ClusterAffinity{ClusterNames: []string{target}},
		Overriders: policyv1alpha1.Overriders{Plaintext: []policyv1alpha1.PlaintextOverrider{{
			Path: "/spec/replicas", Operator: "replace", Value: &apiextensionsv1.JSON{Raw: []byte(replicas)},
		}}},
	}}}
	return &policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec}
}

func TestManifestGolden(t *testing.T) {
	deployment, job, configMap := readObject(t, "deployment.yaml"), readObject(t, "job.yaml"), readObject(t, "configmap.yaml")
	workload := func(template *unstructured.Unstructured, edit func(*workv1alpha2.ResourceBindingSpec)) *workv1alpha2.ResourceBinding {
		b := newBinding(template, workv1alpha2.TargetCluster{Name: "member1", Replicas: 2}, workv1alpha2.TargetCluster{Name: "member2", Replicas: 1})
		b.Spec.Replicas = 3
		if edit != nil {
			edit(&b.Spec)
		}
		return b
	}
	tests := []struct {
		name      string
		template  *unstructured.Unstructured
		binding   *workv1alpha2.ResourceBinding
		overrides []policyv1alpha1.Override
	}{
		{name: "deployment", template: deployment, binding: workload(deployment, nil)},
		{name: "deployment-overridden", template: deployment,
			binding: workload(deployment, func(s *workv1alpha2.ResourceBindingSpec) {
				s.ConflictResolution = policyv1alpha1.ConflictOverwrite
			}),
			overrides: []policyv1alpha1.Override{scaleOverride("shop", "more", "member1", "7")}},
		{name: "job-divided", template: job, binding: workload(job, func(s *workv1alpha2.ResourceBindingSpec) {
			s.Placement = &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: policyv1alpha1.Divided}}
		})},
		{name: "configmap", template: configMap, binding: newBinding(configMap, clusters("member1")...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.template.DeepCopy()
			raw, _, err := builder(t, tt.binding, tt.template, tt.overrides...).Manifest(cluster("member1"), tt.binding.Spec.Clusters[0], "work-id")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before.Object, tt.template.Object); diff != "" {
				t.Errorf("the template was changed (-before +after):\n%s", diff)
			}
			golden(t, tt.name, raw)
		})
	}
}

func golden(t *testing.T, name string, raw []byte) {
	t.Helper()
	got, err := yaml.JSONToYAML(raw)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
}

// TestManifestsShareNothing proves that what is shared between clusters stays what it was.
func TestManifestsShareNothing(t *testing.T) {
	template := readObject(t, "deployment.yaml")
	b := newBinding(template, clusters("a", "b", "c")...)
	b.Spec.Replicas = 6
	shared := builder(t, b, template, scaleOverride("shop", "more", "b", "9"))
	for _, again := range []bool{false, true} {
		for _, target := range b.Spec.Clusters {
			got, _, err := shared.Manifest(cluster(target.Name), target, "id-"+target.Name)
			if err != nil {
				t.Fatal(err)
			}
			want, _, err := builder(t, b, template, scaleOverride("shop", "more", "b", "9")).Manifest(cluster(target.Name), target, "id-"+target.Name)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("cluster %s, again %t: a shared builder gives\n%s\nand one of its own\n%s", target.Name, again, got, want)
			}
		}
	}
}

func TestTargets(t *testing.T) {
	spec := &workv1alpha2.ResourceBindingSpec{
		Clusters:   clusters("a", "b"),
		RequiredBy: []workv1alpha2.BindingSnapshot{{Name: "p", Clusters: []workv1alpha2.TargetCluster{{Name: "b", Replicas: 9}, {Name: "c", Replicas: 9}}}, {Name: "q", Clusters: clusters("c")}},
		GracefulEvictionTasks: []workv1alpha2.GracefulEvictionTask{
			{FromCluster: "d", PurgeMode: policyv1alpha1.PurgeGracefully}, {FromCluster: "e", PurgeMode: policyv1alpha1.PurgeDirectly}, {FromCluster: "f"},
		},
	}
	want := []workv1alpha2.TargetCluster{{Name: "a", Replicas: 1}, {Name: "b", Replicas: 2}, {Name: "c", Replicas: 9}}
	if diff := cmp.Diff(want, binding.Targets(spec)); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "f"}, slices.Sorted(maps.Keys(binding.Expected(spec)))); diff != "" {
		t.Errorf("expected clusters (-want +got):\n%s", diff)
	}
}

// worksOf returns the Works that the plan for the binding creates.
func worksOf(t *testing.T, b *workv1alpha2.ResourceBinding, template *unstructured.Unstructured) []workv1alpha1.Work {
	t.Helper()
	plan := binding.PlanWorks(builder(t, b, template), nil, cluster)
	if len(plan.Failed) > 0 {
		t.Fatal(plan.Failed)
	}
	var out []workv1alpha1.Work
	for _, work := range plan.Create {
		out = append(out, *work)
	}
	return out
}

func TestPlanWorks(t *testing.T) {
	template := readObject(t, "configmap.yaml")
	type names struct{ Create, Update, Delete, Failed []string }
	now := metav1.Now()
	tests := []struct {
		name    string
		before  []workv1alpha2.TargetCluster
		edit    func(*workv1alpha2.ResourceBindingSpec)
		touch   func([]workv1alpha1.Work)
		cluster func(string) *clusterv1alpha1.Cluster
		want    names
	}{
		{name: "first", edit: func(s *workv1alpha2.ResourceBindingSpec) { s.Clusters = clusters("a", "b") }, want: names{Create: []string{"a", "b"}}},
		{name: "steady", before: clusters("a", "b")},
		{name: "one more", before: clusters("a"), edit: func(s *workv1alpha2.ResourceBindingSpec) { s.Clusters = clusters("a", "b") }, want: names{Create: []string{"b"}}},
		{name: "one less", before: clusters("a", "b"), edit: func(s *workv1alpha2.ResourceBindingSpec) { s.Clusters = clusters("a") }, want: names{Delete: []string{"b"}}},
		{name: "orphan already going", before: clusters("a", "b"), edit: func(s *workv1alpha2.ResourceBindingSpec) { s.Clusters = clusters("a") },
			touch: func(works []workv1alpha1.Work) { works[1].DeletionTimestamp = &now }},
		{name: "a graceful eviction keeps the old Work", before: clusters("a"), edit: func(s *workv1alpha2.ResourceBindingSpec) {
			s.Clusters = clusters("b")
			s.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "a", PurgeMode: policyv1alpha1.PurgeGracefully}}
		}, want: names{Create: []string{"b"}}},
		{name: "a direct eviction goes first", before: clusters("a"), edit: func(s *workv1alpha2.ResourceBindingSpec) {
			s.Clusters = clusters("b")
			s.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "a", PurgeMode: policyv1alpha1.PurgeDirectly}}
		}, want: names{Delete: []string{"a"}}},
		{name: "a direct eviction that is done", edit: func(s *workv1alpha2.ResourceBindingSpec) {
			s.Clusters = clusters("b")
			s.GracefulEvictionTasks = []workv1alpha2.GracefulEvictionTask{{FromCluster: "a", PurgeMode: policyv1alpha1.PurgeDirectly}}
		}, want: names{Create: []string{"b"}}},
		{name: "suspended everywhere", before: clusters("a", "b"), edit: func(s *workv1alpha2.ResourceBindingSpec) {
			s.Suspension = &workv1alpha2.Suspension{Suspension: policyv1alpha1.Suspension{Dispatching: ptr.To(true)}}
		}, want: names{Update: []string{"a", "b"}}},
		{name: "suspended in one cluster", before: clusters("a", "b"), edit: func(s *workv1alpha2.ResourceBindingSpec) {
			s.Suspension = &workv1alpha2.Suspension{Suspension: policyv1alpha1.Suspension{DispatchingOnClusters: &policyv1alpha1.SuspendClusters{ClusterNames: []string{"b"}}}}
		}, want: names{Update: []string{"b"}}},
		{name: "preserve", before: clusters("a"), edit: func(s *workv1alpha2.ResourceBindingSpec) { s.PreserveResourcesOnDeletion = ptr.To(true) }, want: names{Update: []string{"a"}}},
		{name: "tampered manifest", before: clusters("a", "b"), touch: func(works []workv1alpha1.Work) {
			works[0].Spec.Workload.Manifests = []runtime.RawExtension{{Raw: []byte(`{"kind":"ConfigMap"}`)}}
		}, want: names{Update: []string{"a"}}},
		{name: "same manifest in another notation", before: clusters("a"), touch: func(works []workv1alpha1.Work) {
			var content map[string]any
			_ = json.Unmarshal(works[0].Spec.Workload.Manifests[0].Raw, &content)
			raw, _ := json.MarshalIndent(content, "", "  ")
			works[0].Spec.Workload.Manifests = []runtime.RawExtension{{Raw: raw}}
		}},
		{name: "labels of others stay and cost nothing", before: clusters("a"), touch: func(works []workv1alpha1.Work) { works[0].Labels["note"] = "mine" }},
		{name: "lost finalizer", before: clusters("a"), touch: func(works []workv1alpha1.Work) { works[0].Finalizers = nil }, want: names{Update: []string{"a"}}},
		{name: "a cluster that is not joined", edit: func(s *workv1alpha2.ResourceBindingSpec) { s.Clusters = clusters("a", "ghost") },
			want: names{Create: []string{"a"}, Failed: []string{"ghost"}}},
		{name: "a cluster that is leaving", edit: func(s *workv1alpha2.ResourceBindingSpec) { s.Clusters = clusters("a", "leaving") }, want: names{Create: []string{"a"}}},
		{name: "a target whose old Work is going", before: clusters("a"), touch: func(works []workv1alpha1.Work) { works[0].DeletionTimestamp = &now }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBinding(template, tt.before...)
			works := worksOf(t, b, template)
			if tt.touch != nil {
				tt.touch(works)
			}
			if tt.edit != nil {
				tt.edit(&b.Spec)
			}
			plan := binding.PlanWorks(builder(t, b, template), works, func(name string) *clusterv1alpha1.Cluster {
				c := cluster(name)
				switch name {
				case "ghost":
					return nil
				case "leaving":
					c.DeletionTimestamp = &now
				}
				return c
			})
			var got names
			for _, work := range plan.Create {
				got.Create = append(got.Create, memberOf(work))
			}
			for _, u := range plan.Update {
				got.Update = append(got.Update, memberOf(u.To))
			}
			for _, work := range plan.Delete {
				got.Delete = append(got.Delete, memberOf(work))
			}
			got.Failed = slices.Sorted(maps.Keys(plan.Failed))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func memberOf(work *workv1alpha1.Work) string {
	name, _ := workv1alpha1.ClusterOf(work.Namespace)
	return name
}

func TestWorkIsComplete(t *testing.T) {
	template := readObject(t, "configmap.yaml")
	b := newBinding(template, clusters("member1")...)
	work := worksOf(t, b, template)[0]
	id := work.Labels[workv1alpha1.PermanentIDLabel]
	if id == "" {
		t.Error("no permanent id")
	}
	want := metav1.ObjectMeta{
		Namespace: "karmada-es-member1", Name: workv1alpha1.WorkName("shop", "settings", "ConfigMap"),
		Finalizers: []string{workv1alpha1.WorkFinalizer},
		Labels:     map[string]string{workv1alpha2.BindingPermanentIDLabel: "binding-id", workv1alpha1.PermanentIDLabel: id},
		Annotations: map[string]string{
			workv1alpha2.BindingNamespaceAnnotation: "shop", workv1alpha2.BindingNameAnnotation: "settings-configmap",
			workv1alpha1.ConflictResolutionAnnotation: "abort",
		},
	}
	if diff := cmp.Diff(want, work.ObjectMeta); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func BenchmarkPlanWorks(b *testing.B) {
	data, err := os.ReadFile(filepath.Join("testdata", "deployment.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	template := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &template.Object); err != nil {
		b.Fatal(err)
	}
	targets := make([]workv1alpha2.TargetCluster, 1000)
	for i := range targets {
		targets[i] = workv1alpha2.TargetCluster{Name: "member" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)), Replicas: 2}
	}
	rb := newBinding(template, targets...)
	rb.Spec.Replicas = 2
	b.ReportAllocs()
	for b.Loop() {
		plan := binding.PlanWorks(builder(b, rb, template), nil, cluster)
		if len(plan.Create) != len(targets) {
			b.Fatalf("%d Works", len(plan.Create))
		}
	}
}
