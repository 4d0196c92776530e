package namespace

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
)

func newNamespace(name string, changes ...func(*corev1.Namespace)) *corev1.Namespace {
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, UID: "uid-1", ResourceVersion: "5"}, Spec: corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{"kubernetes"}}}
	for _, change := range changes {
		change(n)
	}
	return n
}

func TestPropagates(t *testing.T) {
	skip, err := ParseSkip(append([]string{"", "lab-[0-9]+"}, DefaultSkipped...))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		namespace *corev1.Namespace
		want      bool
	}{
		{newNamespace("team"), true},
		{newNamespace("default"), false},
		{newNamespace("kube-system"), false},
		{newNamespace("mykube-system"), true},
		{newNamespace("lab-12"), false},
		{newNamespace("lab-12b"), true},
		{newNamespace("karmada-system"), false},
		{newNamespace("karmada-es-member1"), false},
		{newNamespace("going", func(n *corev1.Namespace) { n.DeletionTimestamp = ptr.To(metav1.Unix(1, 0)) }), false},
		{newNamespace("private", func(n *corev1.Namespace) {
			n.Labels = map[string]string{policyv1alpha1.SkipAutoPropagationLabel: "true"}
		}), false},
	} {
		if got := skip.propagates(test.namespace); got != test.want {
			t.Errorf("%s: got %v, want %v", test.namespace.Name, got, test.want)
		}
	}
}

func TestParseSkipNamesTheBrokenPattern(t *testing.T) {
	if _, err := ParseSkip([]string{"ok", "(("}); err == nil || !strings.Contains(err.Error(), `"(("`) {
		t.Errorf("error is %v", err)
	}
}

func TestPlanWork(t *testing.T) {
	cluster := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "member1"}}
	team := newNamespace("team", func(n *corev1.Namespace) { n.Labels = map[string]string{"owner": "a"} })
	work, err := planWork(team, cluster, nil, "id-1")
	if err != nil {
		t.Fatal(err)
	}
	name := workv1alpha1.WorkName("", "team", "Namespace")
	want := `{"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":{` +
		`"resourcetemplate.karmada.io/managed-annotations":"resourcetemplate.karmada.io/managed-annotations,resourcetemplate.karmada.io/managed-labels,` +
		`resourcetemplate.karmada.io/uid,work.karmada.io/name,work.karmada.io/namespace",` +
		`"resourcetemplate.karmada.io/managed-labels":"karmada.io/managed,owner,work.karmada.io/permanent-id",` +
		`"resourcetemplate.karmada.io/uid":"uid-1","work.karmada.io/name":"` + name + `","work.karmada.io/namespace":"karmada-es-member1"},` +
		`"labels":{"karmada.io/managed":"true","owner":"a","work.karmada.io/permanent-id":"id-1"},"name":"team"}}`
	if diff := cmp.Diff(want, strings.TrimSpace(string(work.Spec.Workload.Manifests[0].Raw))); diff != "" {
		t.Errorf("manifest (-want +got):\n%s", diff)
	}
	if !metav1.IsControlledBy(work, team) || work.Finalizers[0] != workv1alpha1.WorkFinalizer {
		t.Errorf("metadata is %+v", work.ObjectMeta)
	}
	if _, changed := merge(work, work.DeepCopy()); changed {
		t.Error("the same plan changes the work")
	}
}
