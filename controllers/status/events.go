package status

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/controllers/announce"
)

// announcer tells of failures on binding and template, once each, and of success only after a failure: that status
// flows is seen in the status.
type announcer struct {
	recorder events.EventRecorder
	failures announce.Failures[client.ObjectKey]
}

func newAnnouncer(recorder events.EventRecorder) *announcer {
	return &announcer{recorder: announce.Bounded(recorder)}
}

func (a *announcer) failed(b workv1alpha2.Binding, template *unstructured.Unstructured, err error) {
	if a.failures.News(client.ObjectKeyFromObject(b), err.Error()) {
		a.emit(b, template, corev1.EventTypeWarning, workv1alpha2.EventAggregateStatusFailed, err.Error())
	}
}

func (a *announcer) succeeded(b workv1alpha2.Binding, template *unstructured.Unstructured) {
	if a.failures.Forget(client.ObjectKeyFromObject(b)) {
		a.emit(b, template, corev1.EventTypeNormal, workv1alpha2.EventAggregateStatusSucceed, "the status of every member is aggregated")
	}
}

func (a *announcer) emit(b workv1alpha2.Binding, template *unstructured.Unstructured, kind, reason, note string) {
	a.recorder.Eventf(b.DeepCopyObject(), nil, kind, reason, "AggregateStatus", "%s", note)
	a.recorder.Eventf(template.DeepCopy(), nil, kind, reason, "AggregateStatus", "%s", note)
}
