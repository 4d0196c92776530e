package loop

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// Recorder takes events about objects. It writes them in its own time, shortened to what the API server accepts, and drops what is too much. It must
// be safe for concurrent use.
type Recorder interface {
	// Event takes an event of a kind, which is Normal or Warning.
	Event(object runtime.Object, kind, reason, message string)
}

// events tells the users of a binding and of its template what became of it.
type events struct{ recorder Recorder }

func (e events) succeeded(b workv1alpha2.Binding, got *result) {
	message := "Binding has been scheduled to " + framework.FormatTargets(convert.FromTargets(got.clusters))
	if got.caveat != "" {
		message += ", " + got.caveat
	}
	e.send(b, corev1.EventTypeNormal, workv1alpha2.EventScheduleBindingSucceed, message)
}

func (e events) failed(b workv1alpha2.Binding, message string) {
	e.send(b, corev1.EventTypeWarning, workv1alpha2.EventScheduleBindingFailed, message)
}

// mostFallen bounds the terms of one decision that have events of their own: a placement may have many, and each is
// told of twice.
const mostFallen = 5

// fallenTerms says why terms failed: all that were tried before the one that is used or, if none is, all after the first, which the decision's own
// message is about.
func fallenTerms(d *framework.Decision) []string {
	if len(d.Attempts) < 2 {
		return nil
	}
	failed := d.Attempts[1:]
	if d.Outcome == framework.Placed {
		failed = d.Attempts[:len(d.Attempts)-1]
	}
	var out []string
	for i := range failed {
		if i == mostFallen {
			return append(out, fmt.Sprintf("%d more affinity terms failed", len(failed)-mostFallen))
		}
		out = append(out, fmt.Sprintf("affinity term %s failed: %s", failed[i].Term, failed[i].Status.Message()))
	}
	return out
}

func (e events) send(b workv1alpha2.Binding, kind, reason, message string) {
	if e.recorder == nil {
		return
	}
	e.recorder.Event(bindingReference(b), kind, reason, message)
	e.recorder.Event(templateReference(b), kind, reason, message)
}

// bindingReference is made by hand because objects from a watch do not carry their kind.
func bindingReference(b workv1alpha2.Binding) *corev1.ObjectReference {
	kind := "ResourceBinding"
	if b.GetNamespace() == "" {
		kind = "ClusterResourceBinding"
	}
	return &corev1.ObjectReference{
		APIVersion: workv1alpha2.GroupVersion.String(), Kind: kind, Namespace: b.GetNamespace(), Name: b.GetName(), UID: b.GetUID(),
	}
}

func templateReference(b workv1alpha2.Binding) *corev1.ObjectReference {
	t := b.BindingSpec().Resource
	return &corev1.ObjectReference{APIVersion: t.APIVersion, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name, UID: t.UID}
}

// keyOf names the binding in the queue.
func keyOf(b workv1alpha2.Binding) queue.Key {
	return queue.Key{Namespace: b.GetNamespace(), Name: b.GetName()}
}
