package server

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/api/resource"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/longshore-project/longshore/estimator/proto/karmada/pb"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// heardOf returns members of which a has one node of 4 cpus and complete lists, and b has told nothing yet.
func heardOf(t *testing.T) *Members {
	t.Helper()
	members := NewMembers(time.Minute)
	a := newMember("a", time.Minute)
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}, Status: corev1.NodeStatus{
		Allocatable: corev1.ResourceList{"cpu": resource.MustParse("4"), "pods": resource.MustParse("9")},
		Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
	}}
	for _, s := range a.streams {
		objects := []any{}
		if s.resource == "nodes" {
			objects = append(objects, node)
		}
		if err := s.Replace(objects, "1"); err != nil {
			t.Fatal(err)
		}
	}
	members.put(a)
	members.put(newMember("b", time.Minute))
	return members
}

func TestKarmada(t *testing.T) {
	k := &karmada{members: heardOf(t)}
	cpu := resource.MustParse("1500m")
	encoded, err := cpu.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for cluster, want := range map[string]codes.Code{"a": codes.OK, "b": codes.Unavailable, "c": codes.InvalidArgument} {
		response, err := k.MaxAvailableReplicas(t.Context(), &pb.MaxAvailableReplicasRequest{
			Cluster: cluster, ReplicaRequirements: &pb.ReplicaRequirements{ResourceRequestBytes: map[string][]byte{"cpu": encoded}},
		})
		if status.Code(err) != want || err == nil && response.GetMaxReplicas() != 2 {
			t.Errorf("%s: %v, %v; want code %v, and 2 replicas of a", cluster, response, err, want)
		}
	}
}

// Members that are unknown do not spoil the answer about the one that is known, and are unknown each for its reason.
func TestEstimateBesideUnknown(t *testing.T) {
	members := heardOf(t)
	broken := newMember("broken", time.Minute)
	broken.err = errors.New("no credentials")
	members.put(broken)
	b := &batch{members: members}
	response, err := b.Estimate(t.Context(), &estimatorv1.EstimateRequest{
		Members: []string{"c", "b", "a", "broken"},
		Questions: []*estimatorv1.Question{
			{}, {Components: []*estimatorv1.Component{{Shape: &estimatorv1.Shape{Requests: map[string]int64{"cpu": 1000}}, Replicas: 1}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []estimatorv1.Reason{
		estimatorv1.Reason_REASON_NOT_SERVED, estimatorv1.Reason_REASON_NOT_SYNCED, estimatorv1.Reason_REASON_UNSPECIFIED, estimatorv1.Reason_REASON_NOT_SYNCED,
	} {
		answer := response.GetMembers()[i].GetAnswers()[1]
		if answer.GetUnknown() != want || (answer.Sets != nil) != (want == estimatorv1.Reason_REASON_UNSPECIFIED) {
			t.Errorf("member %d: %v, want reason %v", i, answer, want)
		}
	}
	known := response.GetMembers()[2].GetAnswers()
	if known[1].GetSets() != 4 || known[0].GetUnknown() != estimatorv1.Reason_REASON_INVALID {
		t.Errorf("answers are %v, want one invalid and 4 sets", known)
	}
}

func TestStale(t *testing.T) {
	members := heardOf(t)
	a, _ := members.member("a")
	state := &estimatorv1.MemberState{}
	a.judge(state, time.Now().Add(2*time.Minute))
	if state.GetUnknown() != estimatorv1.Reason_REASON_STALE || state.GetAge().AsDuration() < time.Minute {
		t.Errorf("after two silent minutes: %v", state)
	}
}
