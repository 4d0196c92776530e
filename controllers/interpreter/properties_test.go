package interpreter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// kinds are those with rules and one without, in a fixed order.
func kinds() []schema.GroupKind {
	all := []schema.GroupKind{{Kind: "ConfigMap"}}
	for kind := range native {
		all = append(all, kind)
	}
	slices.SortFunc(all, func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
	return all
}

func newObject(kind schema.GroupKind) *unstructured.Unstructured {
	obj := &unstructured.Unstructured{Object: map[string]any{}}
	obj.SetGroupVersionKind(kind.WithVersion("v1"))
	obj.SetName("a")
	return obj
}

var (
	count = rapid.Int64Range(0, 9)
	key   = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	when  = rapid.SampledFrom([]string{"2026-01-01T00:00:00Z", "2026-01-01T00:00:07Z", "2026-01-02T00:00:00Z"})
)

// statusGenerators draw values for the status fields of all kinds; a kind ignores the fields of others.
var statusGenerators = map[string]func(*rapid.T) any{
	"phase": func(t *rapid.T) any {
		return rapid.SampledFrom(append(volumePhases, "Running", "Lost", "")).Draw(t, "phase")
	},
	"startTime":                 func(t *rapid.T) any { return when.Draw(t, "startTime") },
	"completionTime":            func(t *rapid.T) any { return when.Draw(t, "completionTime") },
	"lastScheduleTime":          func(t *rapid.T) any { return when.Draw(t, "lastScheduleTime") },
	"containerStatuses":         func(t *rapid.T) any { return []any{map[string]any{"name": key.Draw(t, "container")}} },
	"active":                    func(t *rapid.T) any { return count.Draw(t, "active") },
	"disruptedPods":             func(t *rapid.T) any { return map[string]any{key.Draw(t, "pod"): when.Draw(t, "since")} },
	"loadBalancer":              func(t *rapid.T) any { return map[string]any{"ingress": []any{map[string]any{"ip": key.Draw(t, "ip")}}} },
	"conditions":                drawConditions,
	generationField:             func(t *rapid.T) any { return count.Draw(t, "generation") },
	observedGenerationField:     func(t *rapid.T) any { return count.Draw(t, "observed") },
	templateGenerationField:     func(t *rapid.T) any { return count.Draw(t, "template") },
	"replicas":                  func(t *rapid.T) any { return count.Draw(t, "replicas") },
	"succeeded":                 func(t *rapid.T) any { return count.Draw(t, "succeeded") },
	"failed":                    func(t *rapid.T) any { return count.Draw(t, "failed") },
	"currentHealthy":            func(t *rapid.T) any { return count.Draw(t, "currentHealthy") },
	"numberReady":               func(t *rapid.T) any { return count.Draw(t, "numberReady") },
	"desiredReplicas":           func(t *rapid.T) any { return count.Draw(t, "desiredReplicas") },
	"somethingNobodyHeardOfYet": func(t *rapid.T) any { return count.Draw(t, "unknown") },
}

func drawConditions(t *rapid.T) any {
	return []any{map[string]any{
		"type":               rapid.SampledFrom([]string{jobFailed, jobComplete, "Suspended"}).Draw(t, "type"),
		"status":             rapid.SampledFrom([]string{"True", "False"}).Draw(t, "status"),
		"lastTransitionTime": when.Draw(t, "transition"),
	}}
}

// drawStatus draws a status for a kind. CronJob's active is a list where Job's is a number.
func drawStatus(t *rapid.T, kind schema.GroupKind) map[string]any {
	status := map[string]any{}
	names := make([]string, 0, len(statusGenerators))
	for name := range statusGenerators {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if rapid.Bool().Draw(t, "has "+name) {
			status[name] = statusGenerators[name](t)
		}
	}
	if _, ok := status["active"]; ok && kind == cronJobKind {
		status["active"] = []any{map[string]any{"name": key.Draw(t, "job")}}
	}
	return status
}

func drawItems(t *rapid.T, kind schema.GroupKind) []workv1alpha2.AggregatedStatusItem {
	var items []workv1alpha2.AggregatedStatusItem
	for i := range rapid.IntRange(0, 4).Draw(t, "members") {
		one := workv1alpha2.AggregatedStatusItem{ClusterName: fmt.Sprintf("m%d", i)}
		if rapid.IntRange(0, 3).Draw(t, "reported") > 0 {
			raw, err := json.Marshal(drawStatus(t, kind))
			if err != nil {
				t.Fatal(err)
			}
			one.Status = &runtime.RawExtension{Raw: raw}
		}
		items = append(items, one)
	}
	return items
}

// Aggregate does not depend on the order of items, tells the truth about changes, and changes nothing the second time.
func TestAggregateProperties(t *testing.T) {
	all := kinds()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(all).Draw(t, "kind")
		template := newObject(kind)
		template.SetGeneration(count.Draw(t, "template generation"))
		if kind == serviceKind {
			template.Object["spec"] = map[string]any{"type": "LoadBalancer"}
		}
		if rapid.Bool().Draw(t, "has status") {
			template.Object["status"] = drawStatus(t, kind)
		}
		items := drawItems(t, kind)

		once := template.DeepCopy()
		changed, err := New().Aggregate(once, items)
		if err != nil {
			t.Fatal(err)
		}
		if differs := !cmp.Equal(template, once); differs != changed {
			t.Fatalf("changed = %t, but the template (-before +after):\n%s", changed, cmp.Diff(template, once))
		}
		shuffled := template.DeepCopy()
		if _, err := New().Aggregate(shuffled, rapid.Permutation(items).Draw(t, "order")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(once, shuffled); diff != "" {
			t.Fatalf("the order of items matters:\n%s", diff)
		}
		if changed, err := New().Aggregate(once, items); changed || err != nil {
			t.Fatalf("second Aggregate() = %t, %v, want false, nil", changed, err)
		}
	})
}

// drawObject draws an object of a kind with the fields that retention and pruning look at.
func drawObject(t *rapid.T, kind schema.GroupKind) *unstructured.Unstructured {
	obj := newObject(kind)
	keys := rapid.MapOf(key, rapid.SampledFrom([]string{"1", "2"}))
	obj.SetLabels(keys.Draw(t, "labels"))
	annotations := keys.Draw(t, "annotations")
	annotations[workv1alpha1.ManagedLabelsAnnotation] = ManagedKeys(keys.Draw(t, "managed labels"))
	annotations[workv1alpha1.ManagedAnnotationsAnnotation] = ManagedKeys(keys.Draw(t, "managed annotations"))
	obj.SetAnnotations(annotations)
	spec := map[string]any{}
	for _, field := range []string{"clusterIP", "nodeName", "volumeName", "serviceAccountName"} {
		if rapid.Bool().Draw(t, "has "+field) {
			spec[field] = rapid.SampledFrom([]string{"None", "x"}).Draw(t, field)
		}
	}
	if rapid.Bool().Draw(t, "has selector") {
		spec["selector"] = map[string]any{"matchLabels": map[string]any{"controller-uid": "u"}}
		spec["template"] = map[string]any{"metadata": map[string]any{"labels": map[string]any{"controller-uid": "u"}}}
	}
	obj.Object["spec"] = spec
	if rapid.Bool().Draw(t, "has server fields") {
		obj.SetUID("u")
		obj.SetResourceVersion("7")
		obj.SetFinalizers([]string{"f"})
		obj.Object["status"] = map[string]any{"x": int64(1)}
		obj.Object["secrets"] = []any{map[string]any{"name": "a-token-x"}, map[string]any{"name": key.Draw(t, "secret")}}
		obj.Object["type"] = serviceAccountTokenType
		obj.Object["data"] = map[string]any{"token": "eA=="}
	}
	return obj
}

func TestPruneIsIdempotent(t *testing.T) {
	all := kinds()
	rapid.Check(t, func(t *rapid.T) {
		once := drawObject(t, rapid.SampledFrom(all).Draw(t, "kind"))
		Prune(once)
		twice := once.DeepCopy()
		Prune(twice)
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Fatalf("pruning twice (-once +twice):\n%s", diff)
		}
	})
}

// Once the retained object has been written, retaining again gives what is there, so that nothing need be written.
func TestRetainIsAFixedPoint(t *testing.T) {
	all := kinds()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(all).Draw(t, "kind")
		desired, observed := drawObject(t, kind), drawObject(t, kind)
		Prune(desired)
		ownKeys(desired)
		written := desired.DeepCopy()
		if err := New().Retain(written, observed); err != nil {
			t.Fatal(err)
		}
		again := desired.DeepCopy()
		if err := New().Retain(again, written); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(written, again); diff != "" {
			t.Fatalf("retaining again (-written +again):\n%s", diff)
		}
	})
}

// ownKeys lists the object's own labels and annotations as managed, which is what a manifest carries.
func ownKeys(obj *unstructured.Unstructured) {
	annotations := obj.GetAnnotations()
	annotations[workv1alpha1.ManagedLabelsAnnotation] = ManagedKeys(obj.GetLabels())
	annotations[workv1alpha1.ManagedAnnotationsAnnotation] = ManagedKeys(annotations)
	obj.SetAnnotations(annotations)
}
