package binding

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// maxNote is the longest note that the events API takes, less room for an ellipsis.
const maxNote = 1000

// announcer tells of failures on binding and template, and of success only after a failure: a template that simply
// works costs no event here.
type announcer struct {
	recorder events.EventRecorder
	mu       sync.Mutex
	failures map[types.NamespacedName]string
}

func newAnnouncer(recorder events.EventRecorder) *announcer {
	return &announcer{recorder: recorder, failures: map[types.NamespacedName]string{}}
}

func (a *announcer) failed(b workv1alpha2.Binding, template *unstructured.Unstructured, err error) {
	if a.remember(b, err.Error()) {
		a.emit(b, template, corev1.EventTypeWarning, workv1alpha2.EventSyncWorkFailed, err.Error())
	}
}

func (a *announcer) succeeded(b workv1alpha2.Binding, template *unstructured.Unstructured) {
	if a.forget(types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()}) {
		a.emit(b, template, corev1.EventTypeNormal, workv1alpha2.EventSyncWorkSucceed, "every Work is as it should be")
	}
}

func (a *announcer) cleanupFailed(b workv1alpha2.Binding, err error) {
	if a.remember(b, err.Error()) {
		a.emit(b, nil, corev1.EventTypeWarning, workv1alpha2.EventCleanupWorkFailed, err.Error())
	}
}

// invalid tells of an override policy with selectors that cannot be used.
func (a *announcer) invalid(policy runtime.Object, err error) {
	a.recorder.Eventf(policy.DeepCopyObject(), nil, corev1.EventTypeWarning, policyv1alpha1.EventApplyOverridePolicyFailed, "ApplyOverridePolicy", "%s", err.Error())
}

// remember reports whether the failure is news.
func (a *announcer) remember(b workv1alpha2.Binding, failure string) bool {
	key := types.NamespacedName{Namespace: b.GetNamespace(), Name: b.GetName()}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failures[key] == failure {
		return false
	}
	a.failures[key] = failure
	return true
}

// forget drops the last failure of a binding and reports whether there was one.
func (a *announcer) forget(key types.NamespacedName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, had := a.failures[key]
	delete(a.failures, key)
	return had
}

func (a *announcer) emit(b workv1alpha2.Binding, template *unstructured.Unstructured, kind, reason, note string) {
	if len(note) > maxNote {
		note = note[:maxNote] + " …"
	}
	a.recorder.Eventf(b.DeepCopyObject(), nil, kind, reason, "SyncWork", "%s", note)
	if template != nil {
		var about runtime.Object = template.DeepCopy()
		a.recorder.Eventf(about, nil, kind, reason, "SyncWork", "%s", note)
	}
}
