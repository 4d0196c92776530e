package loop

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		if err == io.EOF {
			return out
		}
		if err != nil {
			return append(out, event{Err: "error"})
		}
		out = append(out, event{Type: kind, Object: object})
	}
}

// TestDirectCodecs makes sure that the short way leads where the long way leads.
func TestDirectCodecs(t *testing.T) {
	binding := `{"apiVersion":"work.karmada.io/v1alpha2","kind":"ResourceBinding","metadata":{"name":"a","namespace":"b","generation":2},"spec":{"replicas":3,"resource":{"apiVersion":"v1","kind":"Pod","name":"x}}"}}}`
	cluster := `{"apiVersion":"cluster.karmada.io/v1alpha1","kind":"Cluster","metadata":{"name":"m"},"spec":{"syncMode":"Push","zones":["a","b"]}}`
	status := `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old","reason":"Expired","code":410}`
	of := func(kind, object string) string { return `{"type":"` + kind + `","object":` + object + "}\n" }
	tests := []struct{ name, stream string }{
		{"all kinds", of("ADDED", binding) + of("MODIFIED", cluster) + of("DELETED", strings.Replace(binding, "Resource", "ClusterResource", 1))},
		{"bookmark", of("BOOKMARK", `{"apiVersion":"work.karmada.io/v1alpha2","kind":"ResourceBinding","metadata":{"resourceVersion":"5"}}`)},
		{"error", of("ERROR", status)},
		{"another order", of("ADDED", `{"kind":"ResourceBinding","apiVersion":"work.karmada.io/v1alpha2","metadata":{"name":"a"}}`)},
		{"spaces", `{ "type": "ADDED", "object": ` + binding + ` }` + "\n" + of("ADDED", binding)},
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
			want := readAll(t, codecs.NegotiatedSerializer, tt.stream)
			if diff := cmp.Diff(want, readAll(t, codecs, tt.stream)); diff != "" {
				t.Errorf("decoding directly differs (-generic +direct):\n%s", diff)
			}
		})
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
		text, err := json.Marshal(o)
		if err != nil {
			b.Fatal(err)
		}
		const events = 100
		stream := strings.Repeat(`{"type":"MODIFIED","object":`+string(text)+"}\n", events)
		for name, c := range map[string]runtime.NegotiatedSerializer{"generic": codecs.NegotiatedSerializer, "direct": codecs} {
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
