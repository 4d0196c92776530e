package loop

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/plugins/builtin"
	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
)

var update = flag.Bool("update", false, "write the tables of docs/scheduler-triggers.md again")

// scene is a loop that is fed by hand: a member "a" (env=prod) and bindings for members with env=prod, all decided already.
//
//	divided      runs divided on a        waits for nothing
//	duplicated   runs on a, follows the fleet
//	noroom       asks for more than there is
//	noapi        is of a kind that no member serves
//	tainted      means the member "t", which has a taint
//	nowhere      means members with env=test, of which there is none
//	apart        is in an anti-affinity group with divided, which has taken the only member
//	unpriced     could not be decided: a plugin was away
//	unpaid       was refused by a quota of its namespace
type scene struct {
	t        *testing.T
	loop     *Loop
	bindings map[string]*workv1alpha2.ResourceBinding
	members  map[string]*clusterv1alpha1.Cluster
}

func newScene(t *testing.T) *scene {
	t.Helper()
	withPrices := builtin.Profile()
	withPrices.Filters = append(withPrices.Filters, &prices{of: "ns/unpriced", away: true})
	l, err := New(&rest.Config{Host: "https://127.0.0.1:1"}, Options{
		Profiles: []Profile{{Pipeline: withPrices}}, Absent: func(error) string { return "prices" }, Clock: clocktesting.NewFakeClock(time.Unix(1e9, 0)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, loop: l, bindings: map[string]*workv1alpha2.ResourceBinding{}, members: map[string]*clusterv1alpha1.Cluster{}}
	s.member("a", func(*clusterv1alpha1.Cluster) {})
	s.member("t", func(c *clusterv1alpha1.Cluster) {
		c.Labels = map[string]string{"env": "tainted"}
		c.Spec.Taints = []corev1.Taint{{Key: "hold", Effect: corev1.TaintEffectNoSchedule}}
	})
	runs := func(b *workv1alpha2.ResourceBinding) {
		b.Spec.Clusters = []workv1alpha2.TargetCluster{{Name: "a", Replicas: 2}}
	}
	inGroup := func(s *workv1alpha2.ResourceBindingSpec) {
		divided(true)(s)
		s.WorkloadAffinityGroups = &workv1alpha2.WorkloadAffinityGroups{AntiAffinityGroup: "app=db"}
	}
	s.binding("divided", "prod", inGroup, runs)
	s.binding("duplicated", "prod", nil, runs)
	s.binding("noroom", "prod", divided(true), func(b *workv1alpha2.ResourceBinding) { b.Spec.Replicas = 50 })
	s.binding("noapi", "prod", divided(true), func(b *workv1alpha2.ResourceBinding) { b.Spec.Resource.Kind = "StatefulSet" })
	s.binding("tainted", "tainted", divided(true), nil)
	s.binding("nowhere", "test", divided(true), nil)
	s.binding("apart", "prod", inGroup, nil)
	s.binding("unpriced", "prod", divided(true), nil)
	s.quota("9", "8")
	s.binding(unpaid, "prod", divided(true), nil)
	s.settle()
	return s
}

// unpaid is the binding that the admission always refuses.
const unpaid = "unpaid"

// quota is a new state of a quota: so much CPU is allowed, and so much is used.
func (s *scene) quota(overall, used string) {
	s.t.Helper()
	q := quotaObject("ns", "quota", overall)
	q.Status.OverallUsed = corev1.ResourceList{"cpu": resource.MustParse(used)}
	if err := s.loop.quotas.intake.Add(q); err != nil {
		s.t.Fatal(err)
	}
}

// prices is a filter that breaks upon the binding of that name while it is away.
type prices struct {
	of   string
	away bool
}

func (*prices) Name() string { return "prices" }

func (p *prices) Filter(_ context.Context, q *framework.Query, _ framework.Bitset) ([]framework.Rejection, error) {
	if p.away && q.Request.Key == p.of {
		return nil, errors.New("it does not run")
	}
	return nil, nil
}

// member adds a member or changes one.
func (s *scene) member(name string, change func(*clusterv1alpha1.Cluster)) {
	c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"env": "prod"}}}
	c.Status.APIEnablements = []clusterv1alpha1.APIEnablement{{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}}}
	c.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{Allocatable: corev1.ResourceList{"cpu": resource.MustParse("10"), "pods": resource.MustParse("100")}}
	if known, ok := s.members[name]; ok {
		c = known.DeepCopy()
	}
	change(c)
	s.members[name] = c
	s.loop.clusterSeen(convert.FromCluster(c))
}

// binding adds a binding of two replicas that means members of an environment; one that runs has been decided upon.
func (s *scene) binding(name, env string, strategy func(*workv1alpha2.ResourceBindingSpec), change func(*workv1alpha2.ResourceBinding)) {
	b := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, UID: "u", Generation: 1, Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource: workv1alpha2.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment"}, Replicas: 2,
			ReplicaRequirements: &workv1alpha2.ReplicaRequirements{ResourceRequest: corev1.ResourceList{"cpu": resource.MustParse("1")}},
			Placement: &policyv1alpha1.Placement{
				ClusterAffinity:   &policyv1alpha1.ClusterAffinity{LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": env}}},
				ReplicaScheduling: &policyv1alpha1.ReplicaSchedulingStrategy{ReplicaSchedulingType: policyv1alpha1.Duplicated},
			},
		},
	}
	if strategy != nil {
		strategy(&b.Spec)
	}
	if change != nil {
		change(b)
	}
	if len(b.Spec.Clusters) > 0 {
		b.Annotations = map[string]string{workv1alpha2.AppliedPlacementAnnotation: convert.Fingerprint(b.Spec.Placement)}
	}
	s.bindings[name] = b
	s.loop.bindingSeen(b)
}

// change brings a new state of a binding, with a new generation if its spec is different.
func (s *scene) change(name string, f func(*workv1alpha2.ResourceBinding)) {
	old := s.bindings[name]
	b := old.DeepCopy()
	f(b)
	s.bindings[name] = b
	s.loop.bindingSeen(b)
}

// settle decides whatever is queued, without writing, and returns what that was.
func (s *scene) settle() []string {
	s.t.Helper()
	var decided []string
	for s.loop.queue.Depth().Active > 0 {
		it, err := s.loop.queue.Pop(context.Background())
		if err != nil {
			s.t.Fatal(err)
		}
		decided = append(decided, it.Key.Name)
		if c := s.loop.decide(context.Background(), it); c != nil {
			if it.Key.Name == unpaid {
				s.loop.release(c)
				c.refused(errQuota)
			}
			s.loop.fleet.Confirm(c.ticket)
			s.loop.land(context.Background(), c, c.entry.binding.GetGeneration(), nil)
		}
	}
	slices.Sort(decided)
	return slices.Compact(decided)
}

// happening is one row of the table of events: what happens, and which bindings are decided again because of it.
type happening struct {
	what, whom, label string
	do                func(s *scene)
	want              []string
}

const nobody = "nobody"

func eventTable() []happening {
	spec := func(f func(*workv1alpha2.ResourceBinding)) func(*workv1alpha2.ResourceBinding) {
		return func(b *workv1alpha2.ResourceBinding) { b.Generation++; f(b) }
	}
	beginDeletion := func(c *clusterv1alpha1.Cluster) { c.DeletionTimestamp = ptr.To(metav1.NewTime(time.Unix(1, 0))) }
	return []happening{
		{"A binding appears, or the scheduler starts", "that binding", eventBindingAdd,
			func(s *scene) { s.binding("new", "prod", divided(true), nil) }, []string{"new"}},
		{"The spec of a binding changes: its template, placement, replicas, requirements, priority or rescheduleTriggeredAt", "that binding", eventBindingUpdate,
			func(s *scene) {
				s.change("divided", spec(func(b *workv1alpha2.ResourceBinding) { b.Spec.Replicas = 3 }))
			}, []string{"divided"}},
		{"Scheduling of a binding is resumed, or it is given to this scheduler", "that binding", eventBindingAdd,
			func(s *scene) {
				s.change("divided", spec(func(b *workv1alpha2.ResourceBinding) { b.Spec.SchedulerName = "other" }))
				s.settle()
				s.change("divided", spec(func(b *workv1alpha2.ResourceBinding) { b.Spec.SchedulerName = "" }))
			}, []string{"divided"}},
		{"Labels, annotations or the status of a binding change", nobody, "",
			func(s *scene) {
				s.change("divided", func(b *workv1alpha2.ResourceBinding) { b.Labels["x"], b.Status.LastScheduledTime = "y", &metav1.Time{} })
			}, nil},
		{"A member joins", "those that follow the fleet and mean the member; every parked one", eventClusterAdd,
			func(s *scene) { s.member("new", func(*clusterv1alpha1.Cluster) {}) }, []string{"apart", "duplicated", "noapi", "noroom", "nowhere", "tainted"}},
		{"The deletion of a member begins", "those that run there; those that follow the fleet and mean the member; every parked one", eventClusterUpdate,
			func(s *scene) { s.member("a", beginDeletion) }, []string{"apart", "divided", "duplicated", "noapi", "noroom", "nowhere", "tainted"}},
		{"A member is gone", "those that run there", eventClusterDelete,
			func(s *scene) { s.loop.clusterDeleted("a") }, []string{"apart", "divided", "duplicated"}}, // One of them leaves its group's member.
		{"Labels of a member change", "those that follow the fleet and mean the member, as it was or is; those parked because of labels", eventClusterUpdate,
			func(s *scene) { s.member("a", func(c *clusterv1alpha1.Cluster) { c.Labels["x"] = "y" }) }, []string{"apart", "duplicated", "noapi", "noroom", "nowhere", "tainted"}},
		{"Provider, region or zones of a member change", "those that follow the fleet and mean the member; those parked because of topology", eventClusterUpdate,
			func(s *scene) { s.member("a", func(c *clusterv1alpha1.Cluster) { c.Spec.Region = "r" }) }, []string{"duplicated"}},
		{"A member gets a taint", "those that follow the fleet and mean the member", eventClusterUpdate,
			func(s *scene) {
				s.member("a", func(c *clusterv1alpha1.Cluster) {
					c.Spec.Taints = []corev1.Taint{{Key: "new", Effect: corev1.TaintEffectNoSchedule}}
				})
			}, []string{"duplicated"}},
		{"A taint of a member goes", "those that follow the fleet and mean the member; those parked of whose refused members one has a taint with that key", eventWake,
			func(s *scene) { s.member("t", func(c *clusterv1alpha1.Cluster) { c.Spec.Taints = nil }) }, []string{"apart", "noapi", "noroom", "nowhere", "tainted"}},
		{"A member serves a new kind", "those of that kind that follow the fleet and mean the member; those parked because that kind is missing", eventWake,
			func(s *scene) {
				s.member("a", func(c *clusterv1alpha1.Cluster) {
					c.Status.APIEnablements = append(c.Status.APIEnablements[:1:1], clusterv1alpha1.APIEnablement{
						GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "statefulsets", Kind: "StatefulSet"}},
					})
				})
			}, []string{"noapi"}},
		{"A member has more room: nodes were added, pods ended, or reserved room turned out not to be used", "those parked for lack of room", eventWake,
			func(s *scene) {
				s.member("a", func(c *clusterv1alpha1.Cluster) {
					c.Status.ResourceSummary.Allocatable["cpu"] = resource.MustParse("20")
				})
			}, []string{"noroom"}},
		{"A member has less room", nobody, "",
			func(s *scene) {
				s.member("a", func(c *clusterv1alpha1.Cluster) {
					c.Status.ResourceSummary.Allocated = corev1.ResourceList{"cpu": resource.MustParse("1")}
				})
			}, nil},
		{"A heartbeat of a member, or a change of its conditions", nobody, "",
			func(s *scene) {
				s.member("a", func(c *clusterv1alpha1.Cluster) {
					c.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue}}
				})
			}, nil},
		{"A scheduled member of an affinity group, or of an anti-affinity group, moves or goes", "those of the group that were parked because of it", eventWake,
			func(s *scene) {
				s.change("divided", spec(func(b *workv1alpha2.ResourceBinding) { b.Spec.Clusters[0].Name = "t" }))
			}, []string{"apart", "divided"}},
		{"A binding with reservations is deleted, or its result could not be written", "those parked for lack of room, in the second case since it was decided", eventWake,
			func(s *scene) {
				s.loop.fleet.Assume("ns/divided", []cache.Reservation{{Cluster: "a", Resources: framework.NewResources(map[string]int64{"cpu": 1})}})
				s.loop.bindingDeleted(keyOf(s.bindings["divided"]))
			}, []string{"apart", "divided", "noroom"}},
		{"An estimator says that more fits into a member than was known", "those parked for lack of room", eventWake,
			func(s *scene) { s.loop.EstimatesChanged([]string{"a"}, true) }, []string{"noroom"}},
		{"A plugin in a process of its own, whose absence decisions do not bear, answers again", "those whose decision failed because of it", eventWake,
			func(s *scene) { s.loop.Returned(DefaultSchedulerName, "prices") }, []string{"unpriced"}},
		{"A quota of a namespace allows more, or is deleted", "those whose result the admission refused for lack of quota in that namespace", eventWake,
			func(s *scene) { s.quota("10", "8") }, []string{unpaid}},
		{"Less of a quota is used than before (once in 10 seconds for each quota)", "those whose result the admission refused for lack of quota in that namespace", eventWake,
			func(s *scene) { s.quota("9", "7") }, []string{unpaid}},
		{"A quota appears, allows less, is used more, or changes otherwise", nobody, "",
			func(s *scene) { s.quota("8", "8") }, nil},
		{"The configuration of the scheduler is changed", "every parked one; those that name a profile which is new (`BindingAdd`)", eventWake,
			func(s *scene) {
				if err := s.loop.SetProfiles([]Profile{{Pipeline: builtin.Profile()}}); err != nil {
					s.t.Fatal(err)
				}
			}, []string{"apart", "noapi", "noroom", "nowhere", "tainted"}},
	}
}

// reason is one row of the table of reasons for a decision.
type reason struct {
	trigger trigger
	holds   string
	mode    string
}

func reasons() []reason {
	const steady = "Steady: replicas stay where they are as far as they may"
	return []reason{
		{placementChanged, "The placement is not the one that was applied last. Of several cluster affinities only the term in use counts, and workload affinity does not.", steady},
		{replicasChanged, "The replicas given out are not those that are asked for, and the placement states a strategy.", steady},
		{rescheduleRequested, "rescheduleTriggeredAt is later than the last time of scheduling.", "Fresh: divided as if nothing ran yet"},
		{followsFleet, "The template is no workload, or it is duplicated: it belongs on every member that is meant.", "All members that pass"},
		{targetLost, "A member in the result is gone or being deleted.", steady},
	}
}

// TestEvents lets each event of the table happen and looks at what is decided because of it.
func TestEvents(t *testing.T) {
	for _, e := range eventTable() {
		t.Run(e.what, func(t *testing.T) {
			s := newScene(t)
			before := map[string]float64{}
			for name, n := range gather(t, s.loop.metrics) {
				before[name] = n
			}
			e.do(s)
			var labels []string
			for _, label := range labelValues["event"] {
				name := "karmada_scheduler_queue_incoming_bindings_total " + label
				if gather(t, s.loop.metrics)[name] > before[name] {
					labels = append(labels, label)
				}
			}
			if e.label != "" && !slices.Contains(labels, e.label) || e.label == "" && len(labels) > 0 {
				t.Errorf("counted as %v, want %q", labels, e.label)
			}
			if diff := cmp.Diff(e.want, s.settle()); diff != "" {
				t.Errorf("decided again (-want +got):\n%s", diff)
			}
			if (e.whom == nobody) != (e.want == nil) {
				t.Error("the table does not say what the test expects")
			}
		})
	}
}

// TestTriggersAreDocumented compares the tables in the documentation with the code.
func TestTriggersAreDocumented(t *testing.T) {
	const path = "../../docs/scheduler-triggers.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	var rows strings.Builder
	rows.WriteString("| What happens | Who is decided again | `event` |\n|---|---|---|\n")
	for _, e := range eventTable() {
		label := "–"
		if e.label != "" {
			label = "`" + e.label + "`"
		}
		fmt.Fprintf(&rows, "| %s | %s | %s |\n", e.what, e.whom, label)
	}
	want = between(t, want, "events", rows.String())
	rows.Reset()
	rows.WriteString("| `schedule_type` | Holds if | How |\n|---|---|---|\n")
	var documented []string
	for _, r := range reasons() {
		fmt.Fprintf(&rows, "| `%s` | %s | %s |\n", r.trigger, r.holds, r.mode)
		documented = append(documented, string(r.trigger))
	}
	want = between(t, want, "reasons", rows.String())
	if diff := cmp.Diff(labelValues["schedule_type"], documented); diff != "" {
		t.Errorf("reasons (-code +documentation):\n%s", diff)
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is stale, run this test with -update (-want +got):\n%s", path, diff)
	}
}

// between replaces what stands between the two marks of that name.
func between(t *testing.T, text, name, content string) string {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	head, rest, ok := strings.Cut(text, begin)
	_, tail, okToo := strings.Cut(rest, end)
	if !ok || !okToo {
		t.Fatalf("the marks of %s are missing", name)
	}
	return head + begin + content + end + tail
}
