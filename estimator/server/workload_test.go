package server

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/estimator/proto/karmada/pb"
	"github.com/longshore-project/longshore/estimator/proto/karmada/service"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// TestWorkloads asks about what runs, and does not, in a member with all controllers and a scheduler: which replicas of each kind found no node,
// and what a quota leaves of the room.
func TestWorkloads(t *testing.T) {
	o := serveMembers(t)
	member := localtest.Member(t, localtest.Options{Name: "a", Nodes: []local.Node{{Name: "n", CPU: "8", Memory: "8Gi", Storage: "10Gi", Pods: 20}}})
	_, client := o.observe(t, member)
	o.untilKnown(t, "a", 1)
	create(t, client)
	for _, w := range []struct {
		version, kind, name string
		want                int32
	}{
		{"apps/v1", "Deployment", "lost", 2},
		{"apps/v1", "StatefulSet", "ordered", 1}, // The second pod is created when the first one is ready.
		{"apps/v1", "StatefulSet", "parallel", 2},
		{"apps/v1", "ReplicaSet", "lost", 2},
		{"batch/v1", "Job", "lost", 2},
		{"apps/v1", "Deployment", "runs", 0},
	} {
		t.Run(w.kind+" "+w.name, func(t *testing.T) {
			request := &pb.UnschedulableReplicasRequest{
				Cluster: "a", Resource: &pb.ObjectReference{ApiVersion: w.version, Kind: w.kind, Namespace: "default", Name: w.name},
			}
			o.eventually(t, "the member has its replicas", func() bool {
				response, err := service.NewEstimatorClient(o.conn).GetUnschedulableReplicas(o.ctx, request)
				return err == nil && response.GetUnschedulableReplicas() == w.want
			})
			workload := &estimatorv1.Workload{Member: "a", ApiVersion: w.version, Kind: w.kind, Namespace: "default", Name: w.name}
			response, err := o.Unschedulable(o.ctx, &estimatorv1.UnschedulableRequest{Workloads: []*estimatorv1.Workload{workload}})
			if err != nil {
				t.Fatal(err)
			}
			if answer := response.GetAnswers()[0]; answer.Replicas == nil || answer.GetReplicas() != w.want {
				t.Errorf("the batch service says %v, want %d", answer, w.want)
			}
			patient := &estimatorv1.UnschedulableRequest{Workloads: []*estimatorv1.Workload{workload}, Threshold: durationpb.New(time.Hour)}
			if response, err = o.Unschedulable(o.ctx, patient); err != nil || response.GetAnswers()[0].GetReplicas() != 0 {
				t.Errorf("of those that wait for an hour there are %v, %v, want none", response, err)
			}
		})
	}
	t.Run("unknown ones", func(t *testing.T) { o.askAboutUnknown(t) })
	t.Run("quota", func(t *testing.T) { o.askUnderQuota(t, client) })
}

// askAboutUnknown asks about what is not there, and what has no replicas.
func (o *observed) askAboutUnknown(t *testing.T) {
	for kind, want := range map[string]struct {
		code   codes.Code
		reason estimatorv1.Reason
	}{
		"Deployment": {codes.NotFound, estimatorv1.Reason_REASON_NOT_FOUND}, "DaemonSet": {codes.InvalidArgument, estimatorv1.Reason_REASON_INVALID},
	} {
		_, err := service.NewEstimatorClient(o.conn).GetUnschedulableReplicas(o.ctx, &pb.UnschedulableReplicasRequest{
			Cluster: "a", Resource: &pb.ObjectReference{ApiVersion: "apps/v1", Kind: kind, Namespace: "default", Name: "nobody"},
		})
		if status.Code(err) != want.code {
			t.Errorf("%s: Karmada's service says %v, want %v", kind, err, want.code)
		}
		response, err := o.Unschedulable(o.ctx, &estimatorv1.UnschedulableRequest{Workloads: []*estimatorv1.Workload{
			{Member: "a", ApiVersion: "apps/v1", Kind: kind, Namespace: "default", Name: "nobody"},
		}})
		if err != nil || response.GetAnswers()[0].GetUnknown() != want.reason || response.GetAnswers()[0].Replicas != nil {
			t.Errorf("%s: the batch service says %v, %v, want %v", kind, response, err, want.reason)
		}
	}
}

// askUnderQuota asks with and without the namespace of a quota that allows fewer pods than the node.
func (o *observed) askUnderQuota(t *testing.T, client kubernetes.Interface) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "compute"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"requests.cpu": resource.MustParse("500m")}},
	}
	if _, err := client.CoreV1().ResourceQuotas("team").Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	question := func(namespace string) *estimatorv1.Question {
		return &estimatorv1.Question{Namespace: namespace, Components: []*estimatorv1.Component{{
			Shape: &estimatorv1.Shape{Requests: map[string]int64{"cpu": 200}}, Replicas: 1,
		}}}
	}
	o.eventually(t, "the quota counts", func() bool {
		answer := o.ask(t, "a", question("team"))
		return answer.GetSets() == 2 && answer.GetLimitingQuota() == "compute"
	})
	if answer := o.ask(t, "a", question("default")); answer.GetSets() <= 2 || answer.GetLimitingQuota() != "" {
		t.Errorf("in another namespace the answer is %v, want what the node allows", answer)
	}
}

// eventually waits until the answers are so: a watcher is told that a member changed, not what.
func (o *observed) eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	err := wait.PollUntilContextCancel(o.ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) { return so(), nil })
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

// create creates a workload of each kind with two replicas that no node can hold, and one that runs.
func create(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	two := int32(2)
	template := func(name, cpu string, restart corev1.RestartPolicy) corev1.PodTemplateSpec {
		return corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}},
			Spec: corev1.PodSpec{RestartPolicy: restart, Containers: []corev1.Container{{
				Name: "c", Image: "pause", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu)}},
			}}},
		}
	}
	selector := func(name string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
	}
	deployment := func(name, cpu string) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
			Replicas: &two, Selector: selector(name), Template: template(name, cpu, corev1.RestartPolicyAlways),
		}}
	}
	stateful := func(name string, policy appsv1.PodManagementPolicyType) *appsv1.StatefulSet {
		return &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.StatefulSetSpec{
			Replicas: &two, Selector: selector(name), Template: template(name, "100", corev1.RestartPolicyAlways), PodManagementPolicy: policy,
		}}
	}
	apps, none := client.AppsV1(), metav1.CreateOptions{}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(apps.Deployments("default").Create(t.Context(), deployment("lost", "100"), none))
	must(apps.Deployments("default").Create(t.Context(), deployment("runs", "100m"), none))
	must(apps.StatefulSets("default").Create(t.Context(), stateful("ordered", appsv1.OrderedReadyPodManagement), none))
	must(apps.StatefulSets("default").Create(t.Context(), stateful("parallel", appsv1.ParallelPodManagement), none))
	must(apps.ReplicaSets("default").Create(t.Context(), &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Name: "lost"}, Spec: appsv1.ReplicaSetSpec{
		Replicas: &two, Selector: selector("set"), Template: template("set", "100", corev1.RestartPolicyAlways),
	}}, none))
	must(client.BatchV1().Jobs("default").Create(t.Context(), &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "lost"}, Spec: batchv1.JobSpec{
		Parallelism: &two, Completions: &two, Template: template("job", "100", corev1.RestartPolicyNever),
	}}, none))
}
