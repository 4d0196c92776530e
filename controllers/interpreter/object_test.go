package interpreter

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
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

// item is an aggregated status; an empty status is nil.
func item(cluster, status string) workv1alpha2.AggregatedStatusItem {
	result := workv1alpha2.AggregatedStatusItem{ClusterName: cluster, Applied: true}
	if status != "" {
		result.Status = &runtime.RawExtension{Raw: []byte(status)}
	}
	return result
}
