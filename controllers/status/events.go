package status

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// announcer tells of failures on binding and template, once each, and of success only after a failure: that status
// flows is seen in the status.
type announcer struct {
	recorder events.EventRecorder
	mu       sync.Mutex
	failures map[types.NamespacedName]string
}

func newAnnouncer(recorder events.EventRecorder) *announcer {
	return &announcer{recorder: recorder, failures: map[types.NamespacedName]string{}}
}

func (a *announcer) failed(b workv1alpha2.Binding, template *unstructured.Unstructured, err error) {
	key := types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()}
	a.mu.Lock()
	repeated := a.failures[key] == err.Error()
	a.failures[key] = err.Error()
	a.mu.Unlock()
	if !repeated {
		a.emit(b, template, corev1.EventTypeWarning, workv1alpha2.EventAggregateStatusFailed, err.Error())
	}
}

func (a *announcer) succeeded(b workv1alpha2.Binding, template *unstructured.Unstructured) {
	if a.forget(types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()}) {
		a.emit(b, template, corev1.EventTypeNormal, workv1alpha2.EventAggregateStatusSucceed, "the status of every member is aggregated")
	}
}

// forget drops the last failure of a binding and reports whether there was one.
func (a *announcer) forget(key client.ObjectKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, had := a.failures[key]
	delete(a.failures, key)
	return had
}

func (a *announcer) emit(b workv1alpha2.Binding, template *unstructured.Unstructured, kind, reason, note string) {
	a.recorder.Eventf(b.DeepCopyObject(), nil, kind, reason, "AggregateStatus", "%s", note)
	a.recorder.Eventf(template.DeepCopy(), nil, kind, reason, "AggregateStatus", "%s", note)
}
