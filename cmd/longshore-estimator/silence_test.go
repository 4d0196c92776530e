package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/apis/crds"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

// What is said about each of three members: so many processors on its node, which its estimator sees, and far more in its summary.
const (
	coresOnNode    = 40
	coresInSummary = 4000
)

var threeMembers = []string{"member1", "member2", "member3"}

// silence is three members with an estimator each, and a scheduler that asks them: every one of them a process.
type silence struct {
	controlPlane *localtest.Cluster
	client       client.Client
	keys         string
	commands     [3][]string // the arguments of each estimator
	estimators   [3]*process
	ports        [3]int // of gRPC
	scheduler    int    // its secure port
	placed       int
}

// TestOneHungOneKilled stops one of three estimators and kills another. Placement goes on: their members, and no others, are judged by their
// summaries, which condition and metrics say with the cause. Once the two are back their numbers count again.
func TestOneHungOneKilled(t *testing.T) {
	s := startSilence(t)
	evenly := map[string]int32{"member1": 2, "member2": 2, "member3": 2}
	s.eventuallyPlaces(t, "by what all three estimators say", evenly)

	s.estimators[1].signal(t, syscall.SIGSTOP)
	s.estimators[2].kill()
	s.eventuallyUp(t, 1, 0, 0)
	message := s.eventuallyPlaces(t, "by the summaries of two members", map[string]int32{"member2": 3, "member3": 3})
	for member, cause := range map[int]string{1: "no answer within 3s", 2: "cannot be reached"} {
		if want := fmt.Sprintf("the room of %s from summary (%s: %s)", threeMembers[member], s.name(member), cause); !strings.Contains(message, want) {
			t.Errorf("the condition says %q, want %q in it", message, want)
		}
	}
	if strings.Contains(message, threeMembers[0]) {
		t.Errorf("the condition says %q, but the estimator of member1 answers", message)
	}
	const missing = "\nlongshore_estimator_client_answers_total{result=\"missing\"} "
	if metrics := scrape(t.Context(), s.scheduler, "/metrics"); !strings.Contains(metrics, missing) || strings.Contains(metrics, missing+"0\n") {
		t.Error("the metrics count no missing answer")
	}

	s.estimators[1].signal(t, syscall.SIGCONT)
	s.estimators[2] = start(t, program(t.Context(), s.commands[2]...))
	s.eventuallyUp(t, 1, 1, 1)
	s.eventuallyPlaces(t, "by what all three estimators say again", evenly)
}

func startSilence(t *testing.T) *silence {
	s := &silence{
		controlPlane: apiServer(t, localtest.Options{Name: "control-plane", Prepare: crds.Install}),
		keys:         certificates(t, t.TempDir()), scheduler: freePort(t),
	}
	known := apis.NewScheme()
	if err := scheme.AddToScheme(known); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.client, err = client.New(s.controlPlane.Config, client.Options{Scheme: known}); err != nil {
		t.Fatal(err)
	}
	for i, name := range threeMembers {
		member := apiServer(t, localtest.Options{Name: name})
		addNode(t, clientsOf(t, member), "node", coresOnNode)
		s.register(t, name)
		s.ports[i] = freePort(t)
		s.commands[i] = append(servingFlags(s.keys, s.ports[i], freePort(t)), "--cluster-name="+name, "--kubeconfig="+member.Kubeconfig)
		s.estimators[i] = start(t, program(t.Context(), s.commands[i]...))
	}
	s.startScheduler(t)
	s.eventuallyUp(t, 1, 1, 1)
	return s
}

// register creates the member in the control plane, with its summary.
func (s *silence) register(t *testing.T, name string) {
	t.Helper()
	cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Push}}
	if err := s.client.Create(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	cluster.Status.APIEnablements = []clusterv1alpha1.APIEnablement{
		{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}},
	}
	cores := *resource.NewQuantity(coresInSummary, resource.DecimalSI)
	cluster.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{Allocatable: corev1.ResourceList{"cpu": cores, "pods": cores}}
	if err := s.client.Status().Update(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
}

// startScheduler builds the scheduler and runs it with a profile that asks the three estimators.
func (s *silence) startScheduler(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	binary, file := filepath.Join(dir, "longshore-scheduler"), filepath.Join(dir, "scheduler.yaml")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../longshore-scheduler").CombinedOutput(); err != nil {
		t.Fatalf("building the scheduler: %v\n%s", err, out)
	}
	config := "apiVersion: scheduler.longshore.dev/v1alpha1\nkind: SchedulerConfiguration\nprofiles:\n- schedulerName: default-scheduler\n  estimators:\n    servers:\n"
	for i, name := range threeMembers {
		config += fmt.Sprintf("    - address: dns:///127.0.0.1:%d\n      members: [%s]\n      tls: {caFile: %q, certFile: %q, keyFile: %q}\n", s.ports[i], name,
			filepath.Join(s.keys, "ca.crt"), filepath.Join(s.keys, "client.crt"), filepath.Join(s.keys, "client.key"))
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, exec.CommandContext(t.Context(), binary, "--kubeconfig", s.controlPlane.Kubeconfig, "--config", file,
		fmt.Sprintf("--secure-port=%d", s.scheduler), "--leader-elect=false"))
}

// name is what the scheduler calls the estimator of a member.
func (s *silence) name(member int) string {
	return fmt.Sprintf("estimator dns:///127.0.0.1:%d", s.ports[member])
}

// eventuallyUp waits until the scheduler's metrics say of each estimator whether it answers.
func (s *silence) eventuallyUp(t *testing.T, up ...int) {
	t.Helper()
	for i, value := range up {
		line := fmt.Sprintf("longshore_estimator_client_up{server=%q} %d", s.name(i), value)
		eventually(t, "the scheduler says "+line, shows(s.scheduler, line))
	}
}

// eventuallyPlaces creates one binding of 6 replicas after the other, which are divided by free room, until one is divided as wanted, and returns
// what its condition says. Each asks for a little more than the last, so that no old answer serves; each that is placed is deleted.
func (s *silence) eventuallyPlaces(t *testing.T, how string, want map[string]int32) (message string) {
	t.Helper()
	defer func() { t.Logf("the condition of web-%d says %q", s.placed, message) }()
	eventually(t, "a binding is divided "+how, func(ctx context.Context) (bool, error) {
		b := s.binding()
		if err := s.client.Create(ctx, b); err != nil {
			return false, err
		}
		eventually(t, "the binding is scheduled", func(ctx context.Context) (bool, error) {
			err := s.client.Get(ctx, client.ObjectKeyFromObject(b), b)
			if c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionScheduled); c != nil {
				message = c.Message
			}
			return meta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.ConditionScheduled), err
		})
		got := map[string]int32{}
		for _, target := range b.Spec.Clusters {
			got[target.Name] = target.Replicas
		}
		return fmt.Sprint(got) == fmt.Sprint(want), s.client.Delete(ctx, b)
	})
	return message
}

func (s *silence) binding() *workv1alpha2.ResourceBinding {
	s.placed++
	name := fmt.Sprintf("web-%d", s.placed)
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: name},
			Replicas: 6,
			ReplicaRequirements: &workv1alpha2.ReplicaRequirements{
				ResourceRequest: corev1.ResourceList{"cpu": *resource.NewMilliQuantity(1000+int64(s.placed), resource.DecimalSI)},
			},
			Placement: &policyv1alpha1.Placement{
				ClusterAffinity: &policyv1alpha1.ClusterAffinity{ClusterNames: threeMembers},
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
					ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Weighted,
					WeightPreference: &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
				},
			},
		},
	}
}
