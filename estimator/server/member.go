package server

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	appsv1client "k8s.io/client-go/kubernetes/typed/apps/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/longshore-project/longshore/estimator/census"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// Access reads one member. Its clients have no timeout, since watches last.
type Access struct {
	// Core reads nodes, pods and resource quotas.
	Core corev1client.CoreV1Interface
	// Apps reads ReplicaSets.
	Apps appsv1client.AppsV1Interface
}

// probeEvery is how often a member is asked for a sign of life, and how long it may take to give one. A watch in which nothing happens says as
// little as a dead one.
const probeEvery = 5 * time.Second

// instances numbers observations.
var instances atomic.Uint64

// member is one observation of a member.
type member struct {
	name     string
	instance uint64
	census   *census.Census
	streams  []*stream
	err      error // why there is no access; nothing is ever observed then
	patience time.Duration
}

// newMember returns an observation that has seen nothing.
func newMember(name string, patience time.Duration) *member {
	c := census.New()
	m := &member{name: name, instance: uint64(time.Now().UnixNano()) + instances.Add(1), census: c, patience: patience}
	m.streams = []*stream{
		{
			resource: "nodes", put: func(o any) { c.SetNode(o.(*census.Node)) }, retain: c.RetainNodes,
			remove: func(_, name string) { c.RemoveNode(name) },
		},
		{resource: "pods", put: func(o any) { c.SetPod(o.(*census.Pod)) }, retain: c.RetainPods, remove: c.RemovePod},
		{
			resource: "replicasets", put: func(o any) { c.SetReplicaSet(o.(*census.ReplicaSet)) }, retain: c.RetainReplicaSets,
			remove: c.RemoveReplicaSet,
		},
		{resource: "resourcequotas", put: func(o any) { c.SetQuota(o.(*census.Quota)) }, retain: c.RetainQuotas, remove: c.RemoveQuota},
	}
	return m
}

// activePods leaves out pods that have ended; the server reports a pod that ends as deleted.
var activePods = fields.AndSelectors(
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)),
	fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed)),
).String()

// observe watches the member until ctx ends.
func (m *member) observe(ctx context.Context, access Access) {
	all := metav1.NamespaceAll
	sources := []source{
		{
			list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return access.Core.Nodes().List(ctx, o)
			},
			watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return access.Core.Nodes().Watch(ctx, o)
			},
			client: access.Core, object: &corev1.Node{},
		},
		{
			list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				o.FieldSelector = activePods
				return access.Core.Pods(all).List(ctx, o)
			},
			watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				o.FieldSelector = activePods
				return access.Core.Pods(all).Watch(ctx, o)
			},
			client: access.Core, object: &corev1.Pod{},
		},
		{
			list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return access.Apps.ReplicaSets(all).List(ctx, o)
			},
			watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return access.Apps.ReplicaSets(all).Watch(ctx, o)
			},
			client: access.Apps, object: &appsv1.ReplicaSet{},
		},
		{
			list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return access.Core.ResourceQuotas(all).List(ctx, o)
			},
			watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
				return access.Core.ResourceQuotas(all).Watch(ctx, o)
			},
			client: access.Core, object: &corev1.ResourceQuota{},
		},
	}
	done := make(chan struct{}, len(sources))
	for i := range sources {
		go func() {
			m.streams[i].run(ctx, sources[i])
			done <- struct{}{}
		}()
	}
	m.probe(ctx, access.Core.RESTClient())
	for range sources {
		<-done
	}
}

// probe asks for a sign of life again and again, until ctx ends.
func (m *member) probe(ctx context.Context, client rest.Interface) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		if answers(ctx, client) {
			for _, s := range m.streams {
				s.alive()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// answers reports whether the API server answers and does not say that it is broken. One that hides /readyz answers, too.
func answers(ctx context.Context, client rest.Interface) bool {
	ctx, cancel := context.WithTimeout(ctx, probeEvery)
	defer cancel()
	err := client.Get().AbsPath("/readyz").Do(ctx).Error()
	if err == nil {
		return true
	}
	code := apierrors.ReasonForError(err)
	return code == metav1.StatusReasonForbidden || code == metav1.StatusReasonUnauthorized || code == metav1.StatusReasonNotFound
}

// state says what is known about the member at this moment.
func (m *member) state() *estimatorv1.MemberState {
	summary := m.census.Summary()
	state := &estimatorv1.MemberState{
		Member: m.name, Instance: m.instance, Generation: summary.Generation,
		Nodes: int32(summary.Nodes), UsableNodes: int32(summary.UsableNodes),
	}
	if m.err != nil {
		state.Unknown, state.Message = estimatorv1.Reason_REASON_NOT_SYNCED, m.err.Error()
		return state
	}
	m.judge(state, time.Now())
	return state
}

// judge adds how old the oldest of the streams is, and why nothing is known if so.
func (m *member) judge(state *estimatorv1.MemberState, now time.Time) {
	oldest := now
	var waiting, failing error
	for _, s := range m.streams {
		is := s.state()
		if is.err != nil && failing == nil {
			failing = is.err
		}
		if !is.complete && waiting == nil {
			waiting = is.err
			if waiting == nil {
				waiting = fmt.Errorf("the first list of %s is under way", s.resource)
			}
		}
		if is.heard.Before(oldest) {
			oldest = is.heard
		}
	}
	if !oldest.IsZero() {
		state.Age = durationpb.New(now.Sub(oldest))
	}
	silent := now.Sub(oldest)
	switch {
	case waiting != nil:
		state.Unknown, state.Message = estimatorv1.Reason_REASON_NOT_SYNCED, waiting.Error()
	case silent > m.patience:
		state.Unknown = estimatorv1.Reason_REASON_STALE
		state.Message = fmt.Sprintf("the member was last heard %s ago", silent.Round(time.Second))
		if failing != nil {
			state.Message += ": " + failing.Error()
		}
	}
}

// settled reports whether every list is complete or was refused at least once.
func (m *member) settled() bool {
	if m.err != nil {
		return true
	}
	for _, s := range m.streams {
		if is := s.state(); !is.complete && is.err == nil {
			return false
		}
	}
	return true
}
