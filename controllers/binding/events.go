package binding

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/announce"
)

// announcer tells of failures on binding and template, once each, and of success only after a failure: a template that
// simply works costs no event here.
type announcer struct {
	recorder events.EventRecorder
	failures announce.Failures[client.ObjectKey]
	// cleanups are failures to remove Works. They have a memory of their own, because both can fail in one pass.
	cleanups announce.Failures[client.ObjectKey]
}

func newAnnouncer(recorder events.EventRecorder) *announcer {
	return &announcer{recorder: announce.Bounded(recorder)}
}

func (a *announcer) failed(b workv1alpha2.Binding, template *unstructured.Unstructured, err error) {
	if a.failures.News(client.ObjectKeyFromObject(b), err.Error()) {
		a.emit(b, template, corev1.EventTypeWarning, workv1alpha2.EventSyncWorkFailed, err.Error())
	}
}

func (a *announcer) succeeded(b workv1alpha2.Binding, template *unstructured.Unstructured) {
	if a.failures.Forget(client.ObjectKeyFromObject(b)) {
		a.emit(b, template, corev1.EventTypeNormal, workv1alpha2.EventSyncWorkSucceed, "every Work is as it should be")
	}
}

// cleanedUp tells nothing unless something could not be removed.
func (a *announcer) cleanedUp(b workv1alpha2.Binding, err error) {
	if err == nil {
		a.cleanups.Forget(client.ObjectKeyFromObject(b))
		return
	}
	if a.cleanups.News(client.ObjectKeyFromObject(b), err.Error()) {
		a.emit(b, nil, corev1.EventTypeWarning, workv1alpha2.EventCleanupWorkFailed, err.Error())
	}
}

// forget drops what is remembered of a binding that is gone.
func (a *announcer) forget(key client.ObjectKey) {
	a.failures.Forget(key)
	a.cleanups.Forget(key)
}

// invalid tells of an override policy with selectors that cannot be used.
func (a *announcer) invalid(policy runtime.Object, err error) {
	a.recorder.Eventf(policy.DeepCopyObject(), nil, corev1.EventTypeWarning, policyv1alpha1.EventApplyOverridePolicyFailed, "ApplyOverridePolicy", "%s", err.Error())
}

func (a *announcer) emit(b workv1alpha2.Binding, template *unstructured.Unstructured, kind, reason, note string) {
	a.recorder.Eventf(b.DeepCopyObject(), nil, kind, reason, "SyncWork", "%s", note)
	if template != nil {
		var about runtime.Object = template.DeepCopy()
		a.recorder.Eventf(about, nil, kind, reason, "SyncWork", "%s", note)
	}
}
