package loop

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// TestScanUnderstands makes sure that the short way is taken for bindings, and leads where encoding/json leads.
func TestScanUnderstands(t *testing.T) {
	tests := []struct{ name, raw string }{
		{"with everything", everything(t)},
		{"empty", `{}`},
		{"spread out", "{ \"metadata\" : {\n\t\"name\" : \"a\" , \"generation\" : 2 } ,\r\n \"spec\" : { \"clusters\" : [ { \"name\" : \"m\" , \"replicas\" : 1 } , { } ] } }\n"},
		{"brackets and quotes in text", `{"metadata":{"name":"a}]\\\"{["},"spec":{"schedulerName":"\\","requiredBy":[{"name":"}\\\\"}],"resource":{"name":"\u00e9"}}}`},
		{"fields of a later version", `{"later":[1,{}],"metadata":{"later":null},"spec":{"later":-1.5e3,"resource":{"later":true},"clusters":[{"later":[]}]},"status":{"later":{},"conditions":[{"later":0}],"aggregatedStatus":[{"later":0}]}}`},
		{"empty lists", `{"metadata":{"labels":{},"annotations":{}},"spec":{"clusters":[]},"status":{"aggregatedStatus":[ ]}}`},
		{"annotations of others", `{"metadata":{"annotations":{"a":"b"},"labels":{"a":"b"}}}`},
		{"annotations of others after the record", `{"metadata":{"annotations":{"policy.karmada.io/applied-placement":"{\"a\":1}","z":"b"}}}`},
		{"what is not set", `{"spec":{"placement":null,"replicaRequirements":null}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !sameAsUnmarshal(t, tt.raw) {
				t.Error("it is not understood")
			}
		})
	}
}

// TestScanLeaves makes sure that what is unusual or wrong is left to encoding/json.
func TestScanLeaves(t *testing.T) {
	for _, raw := range []string{
		``, ` `, `null`, `[]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a":,}`, `{"a" 1}`, `{a:1}`, `{"a":1]`, `{"a":1}}`, `{"a":"b`, `{"a":"b\"}`, `{"a":[{}`, `{"a":1 2}`, `{,}`, `{:}`,
		`{"metadata":{"name":1}}`, `{"metadata":{"name":null}}`, `{"metadata":{"name":"\x"}}`, `{"metadata":{"generation":"1"}}`, `{"metadata":{"deletionTimestamp":null}}`,
		`{"metadata":{"deletionTimestamp":"soon"}}`, `{"metadata":{"labels":null}}`, `{"metadata":{"annotations":{"policy.karmada.io/applied-placement":1}}}`,
		`{"spec":null}`, `{"spec":{"replicas":2147483648}}`, `{"spec":{"replicas":1.5}}`, `{"spec":{"clusters":{}}}`, `{"spec":{"clusters":[1]}}`, `{"spec":{"placement":[]}}`, `{"spec":{"suspension":1}}`,
		`{"status":{"conditions":[{"lastTransitionTime":null}]}}`, `{"status":{"aggregatedStatus":null}}`,
	} {
		s := scan{pool: newPool()}
		if s.binding([]byte(raw)) {
			t.Errorf("%s is understood", raw)
		}
		got, want := &workv1alpha2.ResourceBinding{}, &workv1alpha2.ResourceBinding{}
		gotErr, wantErr := newPool().decodeBinding([]byte(raw), got), newPool().unmarshalBinding([]byte(raw), want)
		if (gotErr == nil) != (wantErr == nil) {
			t.Errorf("%s: error %v, want %v", raw, gotErr, wantErr)
		}
		if diff := cmp.Diff(want, got); wantErr == nil && diff != "" {
			t.Errorf("%s (-encoding/json +decoded):\n%s", raw, diff)
		}
	}
}

// sameAsUnmarshal compares the short way with encoding/json, and reports whether it was taken.
func sameAsUnmarshal(t *testing.T, raw string) bool {
	t.Helper()
	p, want := newPool(), &workv1alpha2.ResourceBinding{}
	if err := p.unmarshalBinding([]byte(raw), want); err != nil {
		t.Fatal(err)
	}
	for range 2 { // What the pool knows already is found in another way.
		s := scan{pool: p}
		if !s.binding([]byte(raw)) {
			return false
		}
		got := &workv1alpha2.ResourceBinding{ObjectMeta: s.meta, Spec: s.spec, Status: s.status}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-encoding/json +scan):\n%s", diff)
		}
	}
	return true
}

// FuzzScan writes bindings as a server would, of any content.
func FuzzScan(f *testing.F) {
	f.Add("name", "Error", "m", int64(3), int32(7), uint8(0xff))
	f.Add(`\"}`, "\u2028\n<&>", "[{", int64(-1), int32(-1), uint8(0x55))
	f.Add("", "", "", int64(0), int32(0), uint8(0))
	f.Fuzz(func(t *testing.T, name, message, cluster string, generation int64, replicas int32, parts uint8) {
		for _, s := range []*string{&name, &message, &cluster} {
			*s = strings.ToValidUTF8(*s, "?") // A server stores nothing else.
		}
		b := &workv1alpha2.ResourceBinding{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: cluster, UID: types.UID(message), Generation: generation}}
		has := func(part int) bool { return parts>>part&1 == 1 }
		if has(0) {
			b.Annotations = map[string]string{workv1alpha2.AppliedPlacementAnnotation: message, name: cluster}
		}
		if has(1) {
			b.Labels = map[string]string{workv1alpha2.ManagedByLabel: cluster, message: name}
		}
		if has(2) {
			b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: cluster, Replicas: replicas}, {Name: name}}
		}
		if has(3) {
			b.Spec.Placement = &policyv1alpha1.Placement{ClusterAffinity: &policyv1alpha1.ClusterAffinity{ClusterNames: []string{cluster, name}}}
		}
		if has(4) {
			b.Spec.Suspension = &workv1alpha2.Suspension{}
			b.Spec.RequiredBy = []workv1alpha2.BindingSnapshot{{Name: name, Namespace: message}}
		}
		if has(5) {
			b.Status.Conditions = []metav1.Condition{{Type: name, Reason: cluster, Message: message, ObservedGeneration: generation, LastTransitionTime: metav1.Unix(generation&0xffffffff, 0)}}
		}
		if has(6) {
			b.Status.AggregatedStatus = []workv1alpha2.AggregatedStatusItem{{ClusterName: cluster, Status: &runtime.RawExtension{Raw: []byte(`{"replicas":3}`)}}, {ClusterName: name}}
		}
		b.Spec.Resource.Name, b.Spec.SchedulerName, b.Spec.Replicas = message, cluster, replicas
		if !sameAsUnmarshal(t, asServed(t, b)) && !has(5) { // A condition without a time has null.
			t.Error("it is not understood")
		}
	})
}
