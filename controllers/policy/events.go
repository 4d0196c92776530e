package policy

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
)

// notice is one event to be.
type notice struct {
	kind, reason, note string
}

func applied(p policyv1alpha1.Policy) notice {
	return notice{kind: corev1.EventTypeNormal, reason: policyv1alpha1.EventApplyPolicySucceed,
		note: fmt.Sprintf("%s %s claims the template", policyKind(p), KeyOf(p))}
}

func applyFailed(err error) notice {
	return notice{kind: corev1.EventTypeWarning, reason: policyv1alpha1.EventApplyPolicyFailed, note: err.Error()}
}

func replicasFailed(err error) notice {
	return notice{kind: corev1.EventTypeWarning, reason: policyv1alpha1.EventGetReplicasFailed, note: err.Error()}
}

func preempted(p policyv1alpha1.Policy, from Key) notice {
	return notice{kind: corev1.EventTypeNormal, reason: policyv1alpha1.EventPreemptPolicySucceed,
		note: fmt.Sprintf("%s %s takes the template from policy %s", policyKind(p), KeyOf(p), from)}
}

func policyKind(p policyv1alpha1.Policy) string {
	if p.GetNamespace() == "" {
		return "ClusterPropagationPolicy"
	}
	return "PropagationPolicy"
}

// announcer emits warnings only when they differ from what the object was last told, so that retries are silent.
type announcer[K comparable] struct {
	recorder events.EventRecorder
	mu       sync.Mutex
	warned   map[K]notice
}

func newAnnouncer[K comparable](recorder events.EventRecorder) *announcer[K] {
	return &announcer[K]{recorder: recorder, warned: map[K]notice{}}
}

// warn emits a warning unless it was the last one for the key.
func (a *announcer[K]) warn(key K, about runtime.Object, n notice) {
	a.mu.Lock()
	repeated := a.warned[key] == n
	a.warned[key] = n
	a.mu.Unlock()
	if !repeated {
		a.emit(about, n)
	}
}

// expect makes the next settle report news although there was no warning.
func (a *announcer[K]) expect(key K) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, warned := a.warned[key]; !warned {
		a.warned[key] = notice{}
	}
}

// settle forgets the last warning and reports whether there was one, or news is expected.
func (a *announcer[K]) settle(key K) (news bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, news = a.warned[key]
	delete(a.warned, key)
	return news
}

func (a *announcer[K]) emit(about runtime.Object, n notice) {
	if obj, ok := about.(*unstructured.Unstructured); ok {
		about = referable(obj)
	}
	a.recorder.Eventf(about, nil, n.kind, n.reason, "ApplyPolicy", "%s", n.note)
}

// referable returns what an event needs to name the object, and nothing that is shared with a cache.
func referable(obj *unstructured.Unstructured) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetGroupVersionKind(obj.GroupVersionKind())
	out.SetNamespace(obj.GetNamespace())
	out.SetName(obj.GetName())
	out.SetUID(obj.GetUID())
	return out
}
