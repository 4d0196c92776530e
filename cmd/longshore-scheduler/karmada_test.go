package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/apis/crds"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/karmadatest"
)

// karmada is a control plane as Karmada's, with the scheduler in it as a process with its own account and the rights of deploy/.
type karmada struct {
	*karmadatest.ControlPlane
	client.Client
	// kubeconfig is the scheduler's, other that of another scheduler's account.
	kubeconfig, other string
}

const (
	ourAccount   = "longshore-scheduler"
	otherAccount = "karmada-scheduler"
)

func startKarmada(t *testing.T) *karmada {
	t.Helper()
	p, err := karmadatest.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, loss := range p.Losses() {
				t.Log(loss)
			}
		}
		if err := p.Kill(); err != nil {
			t.Errorf("ending the control plane: %v", err)
		}
	})
	p.Config.WarningHandler = rest.NoWarnings{} // One test writes fields that the server does not know.
	k := &karmada{ControlPlane: p, Client: newClient(t, p.Config)}
	k.kubectl(t, "apply", "-f", "../../deploy/scheduler.yaml")
	k.kubectl(t, "create", "serviceaccount", otherAccount, "--namespace", karmadatest.SystemNamespace)
	k.kubectl(t, "create", "clusterrolebinding", otherAccount, "--clusterrole", ourAccount, "--serviceaccount", karmadatest.SystemNamespace+":"+otherAccount)
	k.kubeconfig, k.other = kubeconfigOf(t, k.account(t, ourAccount)), kubeconfigOf(t, k.account(t, otherAccount))
	return k
}

func (k *karmada) kubectl(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "kubectl", append([]string{"--kubeconfig", k.Kubeconfig}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// account returns access with a token of the service account.
func (k *karmada) account(t *testing.T, name string) *rest.Config {
	t.Helper()
	typed, err := kubernetes.NewForConfig(k.Config)
	if err != nil {
		t.Fatal(err)
	}
	token, err := typed.CoreV1().ServiceAccounts(karmadatest.SystemNamespace).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(k.Config)
	config.BearerToken = token.Status.Token
	return config
}

// scheduler runs the program with the rights of its account.
func (k *karmada) scheduler(t *testing.T, args ...string) *program {
	t.Helper()
	return startProgram(t, append([]string{"--kubeconfig", k.kubeconfig, "--secure-port=0"}, args...)...)
}

// stop asks the program to end, which gives the lease back, and waits until it has.
func (p *program) stop(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("the scheduler ended with %v and said\n%s", err, &p.output)
	}
}

// workload is a binding as Karmada's controllers make it, of a Deployment that is divided by room over all members.
func workload(name string, replicas int32) *workv1alpha2.ResourceBinding {
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "default", Name: name, UID: "u"},
			Replicas: replicas, SchedulerName: "default-scheduler",
			ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1")}},
			Placement: &policyv1alpha1.Placement{ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{
				ReplicaSchedulingType: policyv1alpha1.Divided, ReplicaDivisionPreference: policyv1alpha1.Weighted,
				WeightPreference: &policyv1alpha1.ClusterPreferences{DynamicWeight: policyv1alpha1.DynamicWeightByAvailableReplicas},
			}},
		},
	}
}

// settings is a binding of a ConfigMap for all members.
func settings(name string) *workv1alpha2.ResourceBinding {
	b := workload(name, 0)
	b.Spec.Resource.APIVersion, b.Spec.Resource.Kind = "v1", "ConfigMap"
	b.Spec.Placement.ReplicaScheduling, b.Spec.ReplicaRequirements = nil, nil
	return b
}

func (k *karmada) create(t *testing.T, b *workv1alpha2.ResourceBinding) *workv1alpha2.ResourceBinding {
	t.Helper()
	if err := k.Create(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return b
}

// placed waits until the binding is placed and returns where.
func (k *karmada) placed(t *testing.T, b *workv1alpha2.ResourceBinding) string {
	t.Helper()
	eventually(t, b.Name+" is placed", scheduledIn(k, b))
	return placement(b)
}

func placement(b *workv1alpha2.ResourceBinding) string {
	var parts []string
	for _, target := range b.Spec.Clusters {
		parts = append(parts, fmt.Sprintf("%s:%d", target.Name, target.Replicas))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// version reads the resource version of the binding.
func (k *karmada) version(t *testing.T, b *workv1alpha2.ResourceBinding) string {
	t.Helper()
	if err := k.Get(t.Context(), client.ObjectKeyFromObject(b), b); err != nil {
		t.Fatal(err)
	}
	return b.ResourceVersion
}

// asked returns the requests of the account that satisfy the condition.
func (k *karmada) asked(t *testing.T, account string, which func(*karmadatest.Request) bool) []string {
	t.Helper()
	all, err := k.Requests()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range all {
		if strings.HasSuffix(all[i].User.Username, ":"+account) && which(&all[i]) {
			out = append(out, all[i].String())
		}
	}
	return out
}

// writesOf returns the account's writes to the binding and its status.
func (k *karmada) writesOf(t *testing.T, account string, b *workv1alpha2.ResourceBinding) []string {
	t.Helper()
	return k.asked(t, account, func(r *karmadatest.Request) bool {
		return r.Writes() && r.Object.Resource == "resourcebindings" && r.Object.Name == b.Name
	})
}

// placeAsKarmada writes into the binding what Karmada's scheduler does: the clusters, the applied placement in its own words, and the status.
func placeAsKarmada(t *testing.T, c client.Client, b *workv1alpha2.ResourceBinding, applied string, targets ...workv1alpha2.TargetCluster) {
	t.Helper()
	before := b.DeepCopy()
	metav1.SetMetaDataAnnotation(&b.ObjectMeta, workv1alpha2.AppliedPlacementAnnotation, applied)
	b.Spec.Clusters = targets
	if err := c.Patch(t.Context(), b, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	before = b.DeepCopy()
	meta.SetStatusCondition(&b.Status.Conditions, metav1.Condition{
		Type: workv1alpha2.ConditionScheduled, Status: metav1.ConditionTrue, Reason: workv1alpha2.ReasonSuccess, Message: "as somebody else words it",
	})
	b.Status.SchedulerObservedGeneration, b.Status.LastScheduledTime = b.Generation, ptr.To(metav1.Now())
	if err := c.Status().Patch(t.Context(), b, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// TestAloneInAKarmadaControlPlane runs the scheduler where none of our other programs and none of our kinds are: clusters come from an
// aggregated API server, bindings pass through webhooks, and the rights are those of deploy/scheduler.yaml and nothing else.
func TestAloneInAKarmadaControlPlane(t *testing.T) {
	k := startKarmada(t)
	createMember(t, k, "east", 10)
	createMember(t, k, "west", 30)

	// What Karmada's scheduler has placed before ours is there, not as ours would.
	const dynamic = `{"replicaScheduling":{"weightPreference":{"dynamicWeight":"AvailableReplicas"},"replicaDivisionPreference":"Weighted","replicaSchedulingType":"Divided"}}`
	web, config := k.create(t, workload("web", 4)), k.create(t, settings("config"))
	placeAsKarmada(t, k, web, dynamic, workv1alpha2.TargetCluster{Name: "east", Replicas: 4})
	placeAsKarmada(t, k, config, `{"clusterTolerations":[]}`, workv1alpha2.TargetCluster{Name: "west"}, workv1alpha2.TargetCluster{Name: "east"})
	versions := k.version(t, web) + " " + k.version(t, config)
	port := freePort(t)
	scheduler := k.scheduler(t, fmt.Sprintf("--secure-port=%d", port))

	t.Run("places what names the default scheduler", func(t *testing.T) {
		b := k.create(t, workload("shop", 8))
		if got := k.placed(t, b); got != "east:1 west:7" {
			t.Errorf("placed %s, want east:1 west:7: there is room for 6 and 30", got)
		}
		if b.Labels["resourcebinding.karmada.io/permanent-id"] == "" || k.Webhooks.Calls() == 0 {
			t.Error("the binding did not pass through the webhooks")
		}
		if got := k.writesOf(t, ourAccount, b); len(got) != 2 {
			t.Errorf("the binding was written %d times, want 2: %v", len(got), got)
		}
		var lease coordinationv1.Lease
		if err := k.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "longshore-scheduler"}, &lease); err != nil {
			t.Errorf("reading the lease: %v", err)
		}
	})
	t.Run("leaves alone what Karmada's scheduler placed", func(t *testing.T) {
		if now := k.version(t, web) + " " + k.version(t, config); now != versions {
			t.Errorf("the versions were %s and are %s: %v %v", versions, now, k.writesOf(t, ourAccount, web), k.writesOf(t, ourAccount, config))
		}
	})
	t.Run("grows it from where it is", func(t *testing.T) {
		before := web.DeepCopy()
		web.Spec.Replicas = 6
		if err := k.Patch(t.Context(), web, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "two more replicas are placed", func(ctx context.Context) (bool, error) {
			err := k.Get(ctx, client.ObjectKeyFromObject(web), web)
			return placement(web) == "east:4 west:2" && web.Status.SchedulerObservedGeneration == web.Generation, err
		})
	})
	t.Run("a quota refuses and later allows", func(t *testing.T) { testQuota(t, k, port) })
	t.Run("clusters are away while it runs", func(t *testing.T) { testClustersAway(t, k, config) })
	scheduler.kill(t)
	if err := k.LoseClusters(); err != nil {
		t.Fatal(err)
	}
	scheduler = k.scheduler(t)
	t.Run("clusters are away when it starts", func(t *testing.T) { testStartWithoutClusters(t, k) })
	t.Run("an older release of the kinds", func(t *testing.T) { testOlderKinds(t, k) })
	scheduler.stop(t)
	t.Run("asks the estimators that Services name", func(t *testing.T) { testServices(t, k) })
	t.Run("beside another scheduler", func(t *testing.T) { testBeside(t, k) })
	if forbidden := k.asked(t, ourAccount, (*karmadatest.Request).Forbidden); len(forbidden) > 0 {
		t.Errorf("the scheduler asked for what its account may not do: %v", forbidden)
	}
}

// testQuota has the webhook refuse a result until its quota is raised. The scheduler serves its metrics on the port.
func testQuota(t *testing.T, k *karmada, port int) {
	quota := &policyv1alpha1.FederatedResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "team"},
		Spec:       policyv1alpha1.FederatedResourceQuotaSpec{Overall: corev1.ResourceList{"cpu": resource.MustParse("5")}},
	}
	if err := k.Create(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	k.Webhooks.SetQuota(5)
	b := k.create(t, workload("greedy", 6))
	refusals := func() float64 {
		return metric(t, port, `longshore_scheduler_commit_duration_seconds_count{result="quota_exceeded"}`)
	}
	woken := func() float64 {
		return metric(t, port, `karmada_scheduler_queue_incoming_bindings_total{event="Wake"}`)
	}
	eventually(t, "the refusal is told", func(ctx context.Context) (bool, error) {
		err := k.Get(ctx, client.ObjectKeyFromObject(b), b)
		c := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionScheduled)
		return c != nil && c.Reason == workv1alpha2.ReasonQuotaExceeded && strings.Contains(c.Message, "6 replicas exceed the quota of 5"), err
	})
	if len(b.Spec.Clusters) > 0 {
		t.Errorf("the refused result is %v", b.Spec.Clusters)
	}
	// After the fourth time the scheduler would wait for 8 seconds.
	eventually(t, "it was refused four times", func(context.Context) (bool, error) { return refusals() >= 4, nil })
	before := woken()
	k.Webhooks.SetQuota(-1)
	raised := quota.DeepCopy()
	raised.Spec.Overall["cpu"] = resource.MustParse("6")
	if err := k.Patch(t.Context(), raised, client.MergeFrom(quota)); err != nil {
		t.Fatal(err)
	}
	k.placed(t, b)
	if got := woken() - before; got != 1 {
		t.Errorf("%v bindings were woken by the raised quota, want 1", got)
	}
	if got := refusals(); got != 4 {
		t.Errorf("%v results were refused, want 4", got)
	}
}

// metric returns the value of that series, zero if there is none yet.
func metric(t *testing.T, port int, series string) float64 {
	t.Helper()
	_, body := ask(t, port, "/metrics")
	for line := range strings.Lines(body) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatalf("reading %s: %v", series, err)
			}
			return value
		}
	}
	return 0
}

// testClustersAway loses the aggregated API server under the running scheduler. Follows is a binding that is on all members.
func testClustersAway(t *testing.T, k *karmada, follows *workv1alpha2.ResourceBinding) {
	version := k.version(t, follows)
	if err := k.LoseClusters(); err != nil {
		t.Fatal(err)
	}
	var list clusterv1alpha1.ClusterList
	if err := k.List(t.Context(), &list); err == nil {
		t.Fatal("clusters are served although their server is gone")
	}
	if got := k.placed(t, k.create(t, settings("while-away"))); got != "east:0 west:0" {
		t.Errorf("placed %s, want the fleet that was known last", got)
	}
	if now := k.version(t, follows); now != version {
		t.Errorf("%s was written when the clusters went away: %v", follows.Name, k.writesOf(t, ourAccount, follows))
	}
	if err := k.RegainClusters(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "clusters are served again", func(ctx context.Context) (bool, error) { return k.List(ctx, &list) == nil, nil })
	if now := k.version(t, follows); now != version {
		t.Errorf("%s was written when the clusters came back: %v", follows.Name, k.writesOf(t, ourAccount, follows))
	}
	createMember(t, k, "north", 10)
	eventually(t, "a member that joins afterwards is noticed", func(ctx context.Context) (bool, error) {
		err := k.Get(ctx, client.ObjectKeyFromObject(follows), follows)
		return placement(follows) == "east:0 north:0 west:0", err
	})
}

// testStartWithoutClusters has the scheduler begin while clusters have no server.
func testStartWithoutClusters(t *testing.T, k *karmada) {
	b := k.create(t, settings("too-early"))
	refused := func() int {
		return len(k.asked(t, ourAccount, func(r *karmadatest.Request) bool {
			return r.Object.Resource == "clusters" && r.Verb == "list" && r.Response.Code == 503
		}))
	}
	before := refused()
	eventually(t, "the scheduler asks for clusters in vain", func(context.Context) (bool, error) { return refused() > before, nil })
	if writes := k.writesOf(t, ourAccount, b); len(writes) > 0 {
		t.Errorf("without knowing any cluster the scheduler wrote %v", writes)
	}
	if err := k.RegainClusters(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := k.placed(t, b); got != "east:0 north:0 west:0" {
		t.Errorf("placed %s, want all members", got)
	}
}

// testOlderKinds takes fields away that older releases of Karmada do not have.
func testOlderKinds(t *testing.T, k *karmada) {
	older, err := karmadatest.Definitions([]string{"spec", "components"}, []string{"spec", "schedulePriority"}, []string{"spec", "suspension"},
		[]string{"spec", "workloadAffinityGroups"}, []string{"status", "lastScheduledTime"}, []string{"status", "schedulerObservingAffinityName"})
	if err != nil {
		t.Fatal(err)
	}
	older = slices.DeleteFunc(older, func(d *apiextensionsv1.CustomResourceDefinition) bool {
		return d.Spec.Group != workv1alpha2.GroupVersion.Group
	})
	if err := crds.InstallThese(t.Context(), k.Config, older); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server forgets the fields", func(ctx context.Context) (bool, error) {
		probe := workload("probe", 1)
		probe.Spec.SchedulerName, probe.Spec.SchedulePriority = "nobody", &workv1alpha2.SchedulePriority{Priority: 1}
		err := k.Create(ctx, probe, client.DryRunAll)
		return probe.Spec.SchedulePriority == nil, err
	})
	b := k.create(t, workload("older", 3))
	if got := k.placed(t, b); got == "" {
		t.Error("placed nowhere")
	}
	if b.Status.LastScheduledTime != nil {
		t.Error("the kinds still have the fields")
	}
	// A later binding is placed after whatever the scheduler still had to say about the first one.
	k.placed(t, k.create(t, workload("older-still", 3)))
	if writes := k.writesOf(t, ourAccount, b); len(writes) != 2 {
		t.Errorf("the binding was written %d times, want 2: %v", len(writes), writes)
	}
}

// testBeside runs the scheduler under a name of its own while another one has the default name.
func testBeside(t *testing.T, k *karmada) {
	k.scheduler(t, "--scheduler-name=longshore")
	theirs := k.create(t, workload("theirs", 2))
	ours := workload("ours", 2)
	ours.Spec.SchedulerName = "longshore"
	k.placed(t, k.create(t, ours))
	if writes := k.writesOf(t, ourAccount, theirs); len(writes) > 0 {
		t.Errorf("the scheduler touched what names another one: %v", writes)
	}
	placeAsKarmada(t, newClient(t, k.account(t, otherAccount)), theirs, `{"replicaScheduling":{"replicaSchedulingType":"Divided"}}`, workv1alpha2.TargetCluster{Name: "north", Replicas: 2})
	version := k.version(t, theirs)
	second := workload("ours-too", 2)
	second.Spec.SchedulerName = "longshore"
	k.placed(t, k.create(t, second))
	if now := k.version(t, theirs); now != version {
		t.Errorf("the scheduler touched what another one placed: %v", k.writesOf(t, ourAccount, theirs))
	}
	if writes := k.writesOf(t, otherAccount, ours); len(writes) > 0 {
		t.Errorf("the other scheduler wrote %v", writes)
	}
}
