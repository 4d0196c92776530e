package loop

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/streaming"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	restwatch "k8s.io/client-go/rest/watch"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// event is what a watch delivers.
type event struct {
	Type   apiwatch.EventType
	Object runtime.Object
	Err    string
}

// readAll decodes a stream of events as a client does, until its end or an error.
func readAll(t testing.TB, codecs runtime.NegotiatedSerializer, stream string) []event {
	t.Helper()
	n := runtime.NewClientNegotiator(codecs, workv1alpha2.GroupVersion)
	objects, events, framer, err := n.StreamDecoder(runtime.ContentTypeJSON, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := restwatch.NewDecoder(streaming.NewDecoder(framer.NewFrameReader(io.NopCloser(strings.NewReader(stream))), events), objects)
	var out []event
	for {
		kind, object, err := d.Decode()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			return append(out, event{Err: "error"})
		}
		out = append(out, event{Type: kind, Object: object})
	}
}

// TestDirectCodecs makes sure that the short way leads where the long way leads, as far as scheduling goes.
func TestDirectCodecs(t *testing.T) {
	binding := `{"apiVersion":"work.karmada.io/v1alpha2","kind":"ResourceBinding","metadata":{"name":"a","namespace":"b","generation":2},"spec":{"replicas":3,"resource":{"apiVersion":"v1","kind":"Pod","name":"x}}"}}}`
	cluster := `{"apiVersion":"cluster.karmada.io/v1alpha1","kind":"Cluster","metadata":{"name":"m"},"spec":{"syncMode":"Push","zones":["a","b"]}}`
	status := `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old","reason":"Expired","code":410}`
	of := func(kind, object string) string { return `{"type":"` + kind + `","object":` + object + "}\n" }
	tests := []struct{ name, stream string }{
		{"all kinds", of("ADDED", binding) + of("MODIFIED", cluster) + of("DELETED", strings.Replace(binding, "Resource", "ClusterResource", 1))},
		{"a binding with everything", of("ADDED", everything(t))},
		{"nothing to share", of("ADDED", `{"apiVersion":"work.karmada.io/v1alpha2","kind":"ResourceBinding","metadata":{"name":"a","annotations":{}},"spec":{"placement":null,"replicaRequirements":{}},"status":{}}`)},
		{"bookmark", of("BOOKMARK", `{"apiVersion":"work.karmada.io/v1alpha2","kind":"ResourceBinding","metadata":{"resourceVersion":"5"}}`)},
		{"end of the first list", of("BOOKMARK", `{"apiVersion":"work.karmada.io/v1alpha2","kind":"ResourceBinding","metadata":{"resourceVersion":"5","annotations":{"k8s.io/initial-events-end":"true"}}}`)},
		{"error", of("ERROR", status)},
		{"another order", of("ADDED", `{"kind":"ResourceBinding","apiVersion":"work.karmada.io/v1alpha2","metadata":{"name":"a"}}`)},
		{"spaces", `{ "type": "ADDED", "object": ` + binding + ` }` + "\n" + of("ADDED", binding)},
		{"spaces in between", of("ADDED", binding) + `{"type":"ADDED",` + "\n" + `"object":` + binding + "}\n" + of("ADDED", binding)},
		{"no line ends", strings.ReplaceAll(of("ADDED", binding)+of("ADDED", cluster), "\n", "")},
		{"unknown type", of("RENAMED", binding)},
		{"unknown kind", of("ADDED", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}`)},
		{"wrong field", of("ADDED", strings.Replace(binding, `"replicas":3`, `"replicas":"three"`, 1))},
		{"cut off", of("ADDED", binding) + of("ADDED", binding)[:40]},
		{"empty object", of("ADDED", "{}")},
		{"grows", of("ADDED", strings.Replace(binding, `"a"`, `"`+strings.Repeat("a", 5000)+`"`, 1)) + of("ADDED", binding)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := readAll(t, generic, tt.stream)
			for _, e := range want {
				newPool().slim(e.Object)
			}
			if diff := cmp.Diff(want, readAll(t, directCodecs{generic, newPool()}, tt.stream)); diff != "" {
				t.Errorf("decoding directly differs (-generic +direct):\n%s", diff)
			}
		})
	}
}

// everything is a binding of which every field has a value.
func everything(t *testing.T) string {
	t.Helper()
	b := &workv1alpha2.ResourceBinding{}
	fill(reflect.ValueOf(b).Elem())
	b.APIVersion, b.Kind = workv1alpha2.GroupVersion.String(), "ResourceBinding"
	b.Annotations[workv1alpha2.AppliedPlacementAnnotation] = "{}"
	b.Labels[ownershipLabels[1]] = "id"
	b.Status.AggregatedStatus[0].Status = &runtime.RawExtension{Raw: []byte(`{"replicas":3,"readyReplicas":1}`)}
	return asServed(t, b)
}

// asServed returns the JSON as a server writes it that knows the kind from its CRD: the fields are in the order of their names.
func asServed(t testing.TB, o runtime.Object) string {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fill gives every field a value that is not zero.
func fill(v reflect.Value) {
	switch at := v.Addr().Interface().(type) {
	case *metav1.Time:
		*at = metav1.Unix(1_700_000_000, 0)
		return
	case *resource.Quantity:
		*at = resource.MustParse("3")
		return
	case *runtime.RawExtension:
		at.Raw = []byte("{}")
		return
	case *metav1.FieldsV1:
		*at = *metav1.NewFieldsV1(`{"f:a":{}}`)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(5)
	}
}

func BenchmarkWatch(b *testing.B) {
	binding := &workv1alpha2.ResourceBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: workv1alpha2.GroupVersion.String(), Kind: "ResourceBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "b", Annotations: map[string]string{workv1alpha2.AppliedPlacementAnnotation: strings.Repeat("placement ", 50)}},
		Spec:       workv1alpha2.ResourceBindingSpec{Replicas: 3, Clusters: make([]workv1alpha2.TargetCluster, 20)},
	}
	cluster := &clusterv1alpha1.Cluster{
		TypeMeta:   metav1.TypeMeta{APIVersion: clusterv1alpha1.GroupVersion.String(), Kind: "Cluster"},
		ObjectMeta: metav1.ObjectMeta{Name: "m"},
		Spec:       clusterv1alpha1.ClusterSpec{ResourceModels: clusterv1alpha1.DefaultResourceModels()},
	}
	for _, o := range []runtime.Object{binding, cluster} {
		text := asServed(b, o)
		const events = 100
		stream := strings.Repeat(`{"type":"MODIFIED","object":`+text+"}\n", events)
		for name, c := range map[string]runtime.NegotiatedSerializer{"generic": generic, "direct": directCodecs{generic, newPool()}} {
			b.Run("kind="+o.GetObjectKind().GroupVersionKind().Kind+"/codecs="+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if got := readAll(b, c, stream); len(got) != events || got[events-1].Err != "" {
						b.Fatalf("%d events", len(got))
					}
				}
			})
		}
	}
}
