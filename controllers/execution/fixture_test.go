package execution_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/controllers/execution"
	"github.com/longshore-project/longshore/controllers/interpreter"
	"github.com/longshore-project/longshore/controllers/member"
	"github.com/longshore-project/longshore/controllers/member/membertest"
)

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localtest.Options{Prepare: membertest.InstallCRDs}))
}

// fixture is one control plane with the execution controller and one member, which every test joins under a name of its own.
type fixture struct {
	control client.Client
	member  *localtest.Cluster
	writes  *membertest.Writes // to the control plane, by the controllers
}

func newFixture(t *testing.T) *fixture {
	control := localtest.ControlPlane(t)
	f := &fixture{control: membertest.Client(t, control), writes: &membertest.Writes{}}
	f.member = localtest.Member(t, localtest.Options{Controllers: []string{}, Nodes: []local.Node{}})
	membertest.Run(t, f.writes.Count(control), func(ctx context.Context, mgr ctrl.Manager) error {
		// One worker: Works are handled in the order of their events, so that a later Work proves that an earlier one was looked at.
		works := &execution.Controller{Client: mgr.GetClient(), Interpreter: interpreter.New(), Events: mgr.GetEventRecorder("execution"), Workers: 1}
		fleet := member.NewFleet(member.Options{Timeout: 5 * time.Second}, works)
		if err := works.SetupWithManager(ctx, mgr); err != nil {
			return err
		}
		return (&member.Controller{Client: mgr.GetClient(), Fleet: fleet}).SetupWithManager(ctx, mgr)
	})
	return f
}

// place is a joined cluster with a namespace of the test in the member.
type place struct {
	*fixture
	cluster   *clusterv1alpha1.Cluster
	gateway   *membertest.Gateway
	member    client.Client // with all rights, past the gateway
	namespace string
}

// join makes a ready cluster for the test.
func (f *fixture) join(t *testing.T) *place {
	t.Helper()
	name := strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
	p := &place{fixture: f, gateway: membertest.NewGateway(t, f.member.Config), member: membertest.Client(t, f.member.Config), namespace: name}
	if err := p.member.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Fatalf("creating a namespace in the member: %v", err)
	}
	token := membertest.Grant(t, f.member.Config, name)
	p.cluster = membertest.Join(t, f.control, name, p.gateway.URL, token, p.gateway.CABundle)
	p.setReady(t, metav1.ConditionTrue)
	return p
}

// setReady plays the part of status collection.
func (p *place) setReady(t *testing.T, status metav1.ConditionStatus) {
	t.Helper()
	setReady(t, p.control, p.cluster, status)
}

func setReady(t *testing.T, control client.Client, cluster *clusterv1alpha1.Cluster, status metav1.ConditionStatus) {
	t.Helper()
	before := cluster.DeepCopy()
	meta.SetStatusCondition(&cluster.Status.Conditions, metav1.Condition{Type: clusterv1alpha1.ConditionReady, Status: status, Reason: "Test"})
	if err := control.Status().Patch(t.Context(), cluster, client.MergeFrom(before)); err != nil {
		t.Fatalf("setting condition Ready: %v", err)
	}
}

// configMap returns a manifest with one entry.
func (p *place) configMap(name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace, Name: name},
		Data:       map[string]string{"key": value},
	}
}

// newWork returns the Work that the binding controller would write for object, under the object's name.
func (p *place) newWork(t *testing.T, object client.Object) *workv1alpha1.Work {
	t.Helper()
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace:  workv1alpha1.ExecutionNamespace(p.cluster.Name),
		Name:       object.GetName(),
		Finalizers: []string{workv1alpha1.WorkFinalizer},
	}}
	setManifest(t, work, object)
	return work
}

func setManifest(t *testing.T, work *workv1alpha1.Work, object client.Object) {
	t.Helper()
	labels, annotations := object.GetLabels(), object.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	labels[workv1alpha1.ManagedLabel] = workv1alpha1.True
	annotations[workv1alpha1.NamespaceAnnotation], annotations[workv1alpha1.NameAnnotation] = work.Namespace, work.Name
	annotations[workv1alpha1.ManagedLabelsAnnotation] = interpreter.ManagedKeys(labels)
	annotations[workv1alpha1.ManagedAnnotationsAnnotation] = ""
	annotations[workv1alpha1.ManagedAnnotationsAnnotation] = interpreter.ManagedKeys(annotations)
	object.SetLabels(labels)
	object.SetAnnotations(annotations)
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatalf("encoding a manifest: %v", err)
	}
	work.Spec.Workload.Manifests = []runtime.RawExtension{{Raw: raw}}
}

func (p *place) create(t *testing.T, work *workv1alpha1.Work) *workv1alpha1.Work {
	t.Helper()
	if err := p.control.Create(t.Context(), work); err != nil {
		t.Fatalf("creating a work: %v", err)
	}
	return work
}

// change edits a Work as another controller would.
func (p *place) change(t *testing.T, work *workv1alpha1.Work, edit func(*workv1alpha1.Work)) {
	t.Helper()
	if err := p.control.Get(t.Context(), client.ObjectKeyFromObject(work), work); err != nil {
		t.Fatalf("reading a work: %v", err)
	}
	before := work.DeepCopy()
	edit(work)
	if err := p.control.Patch(t.Context(), work, client.MergeFrom(before)); err != nil {
		t.Fatalf("changing a work: %v", err)
	}
}

// awaitCondition waits until a condition of work has the status, and returns its message.
func (p *place) awaitCondition(t *testing.T, work *workv1alpha1.Work, kind string, status metav1.ConditionStatus) string {
	t.Helper()
	message := ""
	membertest.Eventually(t, fmt.Sprintf("%s of work %s is %s", kind, work.Name, status), func(ctx context.Context) error {
		if err := p.control.Get(ctx, client.ObjectKeyFromObject(work), work); err != nil {
			return err
		}
		c := meta.FindStatusCondition(work.Status.Conditions, kind)
		if c == nil || c.Status != status {
			return fmt.Errorf("conditions are %+v", work.Status.Conditions)
		}
		message = c.Message
		return nil
	})
	return message
}

func (p *place) awaitApplied(t *testing.T, work *workv1alpha1.Work) {
	t.Helper()
	p.awaitCondition(t, work, workv1alpha1.ConditionApplied, metav1.ConditionTrue)
}

// awaitMember waits until the member's object passes check.
func (p *place) awaitMember(t *testing.T, what string, object client.Object, check func() bool) {
	t.Helper()
	membertest.Eventually(t, what, func(ctx context.Context) error {
		if err := p.member.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		if !check() {
			return fmt.Errorf("the member has %+v", object)
		}
		return nil
	})
}

// awaitGone waits until object no longer exists behind c.
func awaitGone(t *testing.T, c client.Client, object client.Object) {
	t.Helper()
	membertest.Eventually(t, object.GetName()+" is gone", func(ctx context.Context) error {
		err := c.Get(ctx, client.ObjectKeyFromObject(object), object)
		if err == nil {
			return fmt.Errorf("it is still there: %+v", object)
		}
		return client.IgnoreNotFound(err)
	})
}

// settle returns when every event until now has been handled: the one worker takes Works in order.
func (p *place) settle(t *testing.T, name string) {
	t.Helper()
	p.awaitApplied(t, p.create(t, p.newWork(t, p.configMap(name, "barrier"))))
}

func matching(lines []string, part string) []string {
	var result []string
	for _, line := range lines {
		if strings.Contains(line, part) {
			result = append(result, line)
		}
	}
	return result
}
