package override

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// object decodes YAML as an API server's answer is decoded: whole numbers become int64.
func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	document, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("converting YAML: %v\n%s", err, text)
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(document); err != nil {
		t.Fatalf("decoding an object: %v\n%s", err, text)
	}
	return obj
}

func decode[T any](t testing.TB, text string) T {
	t.Helper()
	var value T
	if err := yaml.UnmarshalStrict([]byte(text), &value); err != nil {
		t.Fatalf("decoding YAML: %v\n%s", err, text)
	}
	return value
}

// clusterPolicy and namespacedPolicy make policies from the YAML of their specs; namespacedPolicy's is in namespace ns.
func clusterPolicy(t testing.TB, name, spec string) policyv1alpha1.Override {
	t.Helper()
	return &policyv1alpha1.ClusterOverridePolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: decode[policyv1alpha1.OverrideSpec](t, spec)}
}

func namespacedPolicy(t testing.TB, name, spec string) policyv1alpha1.Override {
	t.Helper()
	return &policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: decode[policyv1alpha1.OverrideSpec](t, spec)}
}

func cluster(name, region string) *clusterv1alpha1.Cluster {
	return &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: clusterv1alpha1.ClusterSpec{Region: region}}
}

// trace is a rule that appends a word to the annotation trace of every object, so that the order shows.
func trace(word string) string {
	return `{annotationsOverrider: [], fieldOverrider: [{fieldPath: /metadata/annotations/trace, json: [{subPath: /-, operator: add, value: ` + word + `}]}]}`
}

const traced = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: ns, labels: {app: web}, annotations: {trace: "[]"}}, spec: {replicas: 1}}`

func TestOrderOfPolicies(t *testing.T) {
	const (
		byName   = `{apiVersion: apps/v1, kind: Deployment, name: web}`
		byLabel  = `{apiVersion: apps/v1, kind: Deployment, labelSelector: {matchLabels: {app: web}}}`
		byKind   = `{apiVersion: apps/v1, kind: Deployment}`
		byOthers = `{apiVersion: v1, kind: Service}`
	)
	spec := func(selectors, word string) string {
		return `{resourceSelectors: [` + selectors + `], overrideRules: [{overriders: ` + trace(word) + `}]}`
	}
	tests := []struct {
		name     string
		policies []policyv1alpha1.Override
		want     string
	}{
		{
			"cluster policies first", []policyv1alpha1.Override{namespacedPolicy(t, "a", spec("", "ns")), clusterPolicy(t, "b", spec(byName, "cluster"))},
			`["cluster","ns"]`,
		},
		{
			"closer matches later, equals by name", []policyv1alpha1.Override{
				clusterPolicy(t, "a", spec(byName, "name")), clusterPolicy(t, "b", spec(byLabel, "label")), clusterPolicy(t, "d", spec(byKind, "kind")),
				clusterPolicy(t, "c", spec("", "empty")), clusterPolicy(t, "e", spec(byKind+","+byName, "both")), clusterPolicy(t, "f", spec(byOthers, "other")),
			},
			`["empty","kind","label","name","both"]`,
		},
		{
			"policies of other namespaces are left out", []policyv1alpha1.Override{
				namespacedPolicy(t, "a", spec("", "mine")),
				&policyv1alpha1.OverridePolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "b"}, Spec: decode[policyv1alpha1.OverrideSpec](t, spec("", "other"))},
			},
			`["mine"]`,
		},
		{
			"rules whose cluster matches, in order", []policyv1alpha1.Override{clusterPolicy(t, "a", `{overrideRules: [{targetCluster: {clusterNames: [m1]}, overriders: `+trace("first")+`},
{targetCluster: {exclude: [m1]}, overriders: `+trace("never")+`}, {targetCluster: {fieldSelector: {matchExpressions: [{key: region, operator: In, values: [eu]}]}}, overriders: `+trace("second")+`}]}`)},
			`["first","second"]`,
		},
		{
			"deprecated form", []policyv1alpha1.Override{
				clusterPolicy(t, "a", `{targetCluster: {clusterNames: [m1]}, overriders: `+trace("old")+`}`),
				clusterPolicy(t, "b", `{targetCluster: {clusterNames: [m2]}, overriders: `+trace("never")+`}`),
			},
			`["old"]`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			obj := object(t, traced)
			if _, err := Apply(obj, cluster("m1", "eu"), tt.policies); err != nil {
				t.Fatal(err)
			}
			if got := obj.GetAnnotations()["trace"]; got != tt.want {
				t.Errorf("trace = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestOrderInsideARule(t *testing.T) {
	// Each overrider reads what the one before wrote.
	rule := `{overrideRules: [{overriders: {
plaintext: [{path: /metadata/annotations/last, operator: replace, value: plaintext}],
fieldOverrider: [{fieldPath: /metadata/annotations/doc, json: [{subPath: /done, operator: replace, value: true}]}],
annotationsOverrider: [{operator: add, value: {doc: '{"done":false}', last: annotations}}],
labelsOverrider: [{operator: add, value: {l: x}}],
argsOverrider: [{containerName: c, operator: add, value: [-v]}],
commandOverrider: [{containerName: c, operator: add, value: [run]}],
imageOverrider: [{component: Tag, operator: replace, value: "2"}, {component: Tag, operator: add, value: -alpine}]}}]}`
	obj := object(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: ns}, spec: {replicas: 3, template: {spec: {initContainers: [{name: c, image: "nginx:1"}], containers: [{name: c, image: "nginx:1"}, {name: d}]}}}}`)
	if _, err := Apply(obj, cluster("m1", ""), []policyv1alpha1.Override{namespacedPolicy(t, "a", rule)}); err != nil {
		t.Fatal(err)
	}
	want := object(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: ns, labels: {l: x}, annotations: {doc: '{"done":true}', last: plaintext}},
spec: {replicas: 3, template: {spec: {initContainers: [{name: c, image: "nginx:1"}], containers: [{name: c, image: "nginx:2-alpine", command: [run], args: [-v]}, {name: d}]}}}}`)
	if diff := cmp.Diff(want, obj); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOverriders(t *testing.T) {
	pod := func(container string) string {
		return `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [` + container + `]}}`
	}
	tests := []struct{ name, overriders, object, want string }{
		{
			"image by path, of any kind", `{imageOverrider: [{predicate: {path: /spec/images/1}, component: Registry, operator: add, value: "r.io"}]}`,
			`{apiVersion: x/v1, kind: Thing, metadata: {name: a}, spec: {images: [a, b]}}`, `{apiVersion: x/v1, kind: Thing, metadata: {name: a}, spec: {images: [a, r.io/b]}}`,
		},
		{
			"image of a kind without containers", `{imageOverrider: [{component: Registry, operator: add, value: "r.io"}]}`,
			`{apiVersion: x/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {containers: [{image: a}]}}}}`,
			`{apiVersion: x/v1, kind: Deployment, metadata: {name: a}, spec: {template: {spec: {containers: [{image: a}]}}}}`,
		},
		{
			"image of a job", `{imageOverrider: [{component: Repository, operator: replace, value: "b"}]}`,
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {containers: [{image: "a:1"}]}}}}`,
			`{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {containers: [{image: "b:1"}]}}}}`,
		},
		{"add to a list", `{argsOverrider: [{containerName: c, operator: add, value: [b, b]}]}`, pod(`{name: c, args: [a]}, {name: d, args: [a]}`), pod(`{name: c, args: [a, b, b]}, {name: d, args: [a]}`)},
		{"remove every equal element", `{commandOverrider: [{containerName: c, operator: remove, value: [a, x]}]}`, pod(`{name: c, command: [a, b, a]}`), pod(`{name: c, command: [b]}`)},
		{"remove all", `{commandOverrider: [{containerName: c, operator: remove, value: [a]}]}`, pod(`{name: c, command: [a]}`), pod(`{name: c}`)},
		{
			"labels", `{labelsOverrider: [{operator: replace, value: {a: "2", absent: "2"}}, {operator: remove, value: {b: "", absent: ""}}, {operator: add, value: {a: "3", d: "4"}}]}`,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {a: "1", b: "1", c: "1"}}}`, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {a: "3", c: "1", d: "4"}}}`,
		},
		{
			"last annotation", `{annotationsOverrider: [{operator: remove, value: {a: ""}}]}`,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {a: "1"}}}`, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`,
		},
		{
			"document in a field whose name holds a slash", `{fieldOverrider: [{fieldPath: /data/a~1b~0c, json: [{subPath: /list/0, operator: remove}, {subPath: /x, operator: add, value: {sub: [1]}}]}]}`,
			`{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a/b~c: '{"list":["<a>","<b>"],"k":1}'}}`, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a/b~c: '{"list":["<b>"],"k":1,"x":{"sub":[1]}}'}}`,
		},
		{
			"YAML document", `{fieldOverrider: [{fieldPath: /data/config, yaml: [{subPath: /db/host, operator: replace, value: db.eu}]}]}`,
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  config: |\n    db:\n      port: 5432\n      host: db.us\n",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  config: |\n    db:\n      host: db.eu\n      port: 5432\n",
		},
		{
			"YAML document behind a marker", `{fieldOverrider: [{fieldPath: /data/config, yaml: [{subPath: /a, operator: remove}]}]}`,
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  config: |\n    ---\n    a: 1\n    b: 2\n",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  config: |\n    b: 2\n",
		},
		{
			"plaintext", `{plaintext: [{path: /spec/replicas, operator: replace, value: 7}, {path: /spec/list/1, operator: add, value: {z: null}}, {path: /spec/gone, operator: remove}, {path: /spec/none, operator: add}]}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 1, list: [1, 3], gone: x}}`,
			`{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 7, list: [1, {"z": null}, 3], none: null}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			obj := object(t, tt.object)
			applied, err := Apply(obj, cluster("m1", ""), []policyv1alpha1.Override{clusterPolicy(t, "p", `{overrideRules: [{overriders: `+tt.overriders+`}]}`)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(object(t, tt.want), obj); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(applied.Cluster) != 1 || len(applied.Namespaced) != 0 {
				t.Errorf("applied = %+v, want one record of a cluster policy", applied)
			}
		})
	}
}

func TestRefusedOverriders(t *testing.T) {
	const target = `{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {l: x}}, spec: {containers: [{name: c, image: "nginx:1", args: text}], doc: "{", yaml: "{a: [}", documents: "---\nx: 1\n---\nx: 2\n", number: 5, list: [x]}}`
	tests := []struct{ name, overriders, wantErr string }{
		{"removing what is absent", `{plaintext: [{path: /spec/absent, operator: remove}]}`, "applying plaintext"},
		{"replacing what is absent", `{plaintext: [{path: /spec/absent, operator: replace, value: 1}]}`, "applying plaintext"},
		{"adding below what is absent", `{plaintext: [{path: /spec/absent/x, operator: add, value: 1}]}`, "applying plaintext"},
		{"counting from the end", `{plaintext: [{path: /spec/list/-1, operator: remove}]}`, "applying plaintext"},
		{"unknown operation", `{plaintext: [{path: /spec/x, operator: move}]}`, `operator "move" is unknown`},
		{"nothing left", `{plaintext: [{path: "", operator: replace, value: text}]}`, "applying plaintext"},
		{"invalid image", `{imageOverrider: [{component: Tag, operator: add, value: " x"}]}`, `applying imageOverrider[0]: changing the image of container "c": applying operator add with value " x" to the Tag of image "nginx:1"`},
		{"unknown component", `{imageOverrider: [{component: Host, operator: add}]}`, `component "Host" is unknown`},
		{"unknown operator on an image", `{imageOverrider: [{component: Tag, operator: move}]}`, `operator "move" is unknown`},
		{"image path that leads nowhere", `{imageOverrider: [{predicate: {path: /spec/images/0}, component: Tag, operator: remove}]}`, `there is no field "images"`},
		{"image path without slash", `{imageOverrider: [{predicate: {path: spec}, component: Tag, operator: remove}]}`, "a path begins with a slash"},
		{"image path outside a list", `{imageOverrider: [{predicate: {path: /spec/list/1}, component: Tag, operator: remove}]}`, `there is no element "1" in a list of 1`},
		{"image path below text", `{imageOverrider: [{predicate: {path: /kind/x}, component: Tag, operator: remove}]}`, "there is nothing below string"},
		{"arguments that are no list", `{argsOverrider: [{containerName: c, operator: add, value: [x]}]}`, `reading args of container "c"`},
		{"replaced arguments", `{commandOverrider: [{containerName: c, operator: replace, value: [x]}]}`, `operator "replace" is unknown`},
		{"unknown operator on labels", `{labelsOverrider: [{operator: move, value: {a: b}}]}`, `operator "move" is unknown`},
		{"field that is no text", `{fieldOverrider: [{fieldPath: /spec/number, json: [{subPath: /x, operator: remove}]}]}`, "expected a string, found int64"},
		{"field that is no JSON", `{fieldOverrider: [{fieldPath: /spec/doc, json: [{subPath: /x, operator: remove}]}]}`, "patching the document"},
		{"field that is no YAML", `{fieldOverrider: [{fieldPath: /spec/yaml, yaml: [{subPath: /x, operator: remove}]}]}`, "decoding the document"},
		{"several YAML documents", `{fieldOverrider: [{fieldPath: /spec/documents, yaml: [{subPath: /x, operator: remove}]}]}`, "it holds several documents"},
		{"both forms", `{fieldOverrider: [{fieldPath: /spec/doc, json: [{subPath: /x, operator: remove}], yaml: [{subPath: /x, operator: remove}]}]}`, "set exactly one of json and yaml"},
		{"add without value", `{fieldOverrider: [{fieldPath: /spec/doc, json: [{subPath: /x, operator: add}]}]}`, "add and replace need a value"},
		{"remove with value", `{fieldOverrider: [{fieldPath: /spec/doc, json: [{subPath: /x, operator: remove, value: 1}]}]}`, "remove takes none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			applied, err := Apply(object(t, target), cluster("m1", ""), []policyv1alpha1.Override{clusterPolicy(t, "p", `{overrideRules: [{targetCluster: {exclude: [m1]}, overriders: {}}, {overriders: `+tt.overriders+`}]}`)})
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) || !strings.Contains(err.Error(), `applying rule 1 of ClusterOverridePolicy p for cluster "m1"`) {
				t.Errorf("Apply() error = %v, want %q and the policy, rule and cluster in it", err, tt.wantErr)
			}
			if diff := cmp.Diff(Applied{}, applied); diff != "" {
				t.Errorf("applied after an error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInvalidSelectors(t *testing.T) {
	bad := `{labelSelector: {matchExpressions: [{key: a, operator: Like}]}}`
	if _, err := Match(object(t, traced), []policyv1alpha1.Override{namespacedPolicy(t, "p", `{resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, labelSelector: {matchExpressions: [{key: a, operator: Like}]}}]}`)}); err == nil || !strings.Contains(err.Error(), "matching OverridePolicy ns/p") {
		t.Errorf("Match() error = %v, want the policy in it", err)
	}
	matched, err := Match(object(t, traced), []policyv1alpha1.Override{namespacedPolicy(t, "p", `{overrideRules: [{targetCluster: `+bad+`, overriders: {}}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	const want = `applying rule 0 of OverridePolicy ns/p for cluster "m1"`
	if _, err := matched.Touches(cluster("m1", "")); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Touches() error = %v, want %q in it", err, want)
	}
	if _, err := matched.Apply(object(t, traced), cluster("m1", "")); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Apply() error = %v, want %q in it", err, want)
	}
}

func TestTouches(t *testing.T) {
	matched, err := Match(object(t, traced), []policyv1alpha1.Override{
		clusterPolicy(t, "a", `{overrideRules: [{targetCluster: {clusterNames: [m1]}, overriders: {}}]}`),
		clusterPolicy(t, "b", `{resourceSelectors: [{apiVersion: v1, kind: Service}], overrideRules: [{overriders: {}}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"m1": true, "m2": false} {
		if got, err := matched.Touches(cluster(name, "")); got != want || err != nil {
			t.Errorf("Touches(%s) = %t, %v, want %t, nil", name, got, err, want)
		}
	}
}

// An object that nothing touches costs no copy: Apply allocates nothing.
func TestUntouchedObjectIsNotCopied(t *testing.T) {
	obj := object(t, traced)
	matched, err := Match(obj, []policyv1alpha1.Override{clusterPolicy(t, "a", `{overrideRules: [{targetCluster: {clusterNames: [m1]}, overriders: `+trace("x")+`}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	other := cluster("m2", "")
	if got := testing.AllocsPerRun(10, func() { _, _ = matched.Apply(obj, other) }); got != 0 {
		t.Errorf("Apply allocates %v times for a cluster that no rule matches, want 0", got)
	}
}

func TestAnnotations(t *testing.T) {
	const labels = `{labelsOverrider: [{operator: add, value: {a: b}}]}`
	policies := []policyv1alpha1.Override{
		clusterPolicy(t, "z", `{overrideRules: [{overriders: `+labels+`}, {targetCluster: {clusterNames: [m1]}, overriders: {imageOverrider: [{component: Tag, operator: remove}]}}]}`),
		clusterPolicy(t, "a", `{resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: web}], overrideRules: [{overriders: `+labels+`}]}`),
		namespacedPolicy(t, "n", `{overrideRules: [{targetCluster: {clusterNames: [m2]}, overriders: `+labels+`}]}`),
	}
	tests := []struct {
		cluster string
		want    map[string]string
	}{
		{"m1", map[string]string{
			"policy.karmada.io/applied-cluster-overrides": `[{"policyName":"a","overriders":{"labelsOverrider":[{"operator":"add","value":{"a":"b"}}]}},` +
				`{"policyName":"z","overriders":{"labelsOverrider":[{"operator":"add","value":{"a":"b"}}]}},{"policyName":"z","overriders":{"imageOverrider":[{"component":"Tag","operator":"remove"}]}}]`,
		}},
		{"m2", map[string]string{
			"policy.karmada.io/applied-cluster-overrides": `[{"policyName":"a","overriders":{"labelsOverrider":[{"operator":"add","value":{"a":"b"}}]}},` +
				`{"policyName":"z","overriders":{"labelsOverrider":[{"operator":"add","value":{"a":"b"}}]}}]`,
			"policy.karmada.io/applied-overrides": `[{"policyName":"n","overriders":{"labelsOverrider":[{"operator":"add","value":{"a":"b"}}]}}]`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.cluster, func(t *testing.T) {
			applied, err := Apply(object(t, traced), cluster(tt.cluster, ""), policies)
			if err != nil {
				t.Fatal(err)
			}
			got, err := applied.Annotations()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got, err := (Applied{}).Annotations(); got != nil || err != nil {
		t.Errorf("Annotations() of nothing = %v, %v, want nil, nil", got, err)
	}
}
