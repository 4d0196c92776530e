package join_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
)

func TestJoin(t *testing.T) {
	f := newFleet(t)

	t.Run("dry run writes nothing", func(t *testing.T) {
		before := f.member.inventory(t)
		f.mustRun(t, f.join("dry", "--dry-run"), "kind: Cluster\n", "kind: ServiceAccount\n", "# in the member")
		f.member.eventually(t, before)
		if !isGone(t, f.controlPlane, &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "dry"}}) {
			t.Error("the Cluster was created")
		}
	})

	t.Run("creates a cluster whose credentials work", func(t *testing.T) {
		f.leave(t, "new")
		f.mustRun(t, f.join("new", "--cluster-provider", "aws", "--cluster-region", "eu", "--cluster-zones", "a,b"), "cluster new joined\n")
		system := &corev1.Namespace{}
		if err := f.member.Get(t.Context(), client.ObjectKey{Name: "kube-system"}, system); err != nil {
			t.Fatal(err)
		}
		want := clusterv1alpha1.ClusterSpec{
			ID: string(system.UID), SyncMode: clusterv1alpha1.Push, APIEndpoint: f.member.config.Host,
			SecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: "new"},
			Provider:  "aws", Region: "eu", Zones: []string{"a", "b"},
		}
		if diff := cmp.Diff(want, f.cluster(t, "new").Spec); diff != "" {
			t.Errorf("spec (-want +got):\n%s", diff)
		}
		agent := f.agent(t, "new")
		mustCreate(t, agent,
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "propagated"}},
			&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "propagated"}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}})
	})

	t.Run("again says so and changes nothing", func(t *testing.T) {
		f.leave(t, "again")
		f.mustRun(t, f.join("again", "--cluster-region", "eu"))
		before := f.cluster(t, "again").ResourceVersion
		f.mustRun(t, f.join("again"), "cluster again is joined already, nothing to do\n")
		if after := f.cluster(t, "again"); after.ResourceVersion != before || after.Spec.Region != "eu" {
			t.Errorf("the Cluster was written again: %v", after)
		}
	})

	t.Run("again repairs what is missing", func(t *testing.T) {
		f.leave(t, "broken")
		f.mustRun(t, f.join("broken"))
		for _, gone := range []struct {
			in  *side
			obj client.Object
		}{
			{f.member, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "karmada-broken"}}},
			{f.member, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "karmada-broken"}}},
			{f.controlPlane, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "karmada-cluster", Name: "broken"}}},
		} {
			if err := gone.in.Delete(t.Context(), gone.obj, client.PropagationPolicy("Orphan")); err != nil {
				t.Fatal(err)
			}
		}
		f.mustRun(t, f.join("broken", "--cluster-region", "us"), "clusterrole/karmada-broken created", "secret/broken", "cluster broken was joined already, repaired\n")
		if region := f.cluster(t, "broken").Spec.Region; region != "us" {
			t.Errorf("region is %q", region)
		}
		// An API server learns of roles through a watch: it may honour the old ones a little longer, and then for a moment none.
		agent := f.agent(t, "broken")
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
			return agent.List(ctx, &corev1.NodeList{}) == nil, nil
		})
		if err != nil {
			t.Errorf("the repaired account may not list nodes: %v", err)
		}
	})

	t.Run("refuses the same member under another name", func(t *testing.T) {
		f.leave(t, "first")
		f.mustRun(t, f.join("first"))
		before := f.member.inventory(t)
		f.mustFail(t, f.join("second"), "joined already", `"first"`, string(f.cluster(t, "first").Spec.ID))
		f.member.eventually(t, before)
	})

	t.Run("refuses the control plane as its own member", func(t *testing.T) {
		f.mustFail(t, []string{"join", "self", "--cluster-kubeconfig", f.controlPlane.kubeconfig}, "control plane itself")
	})

	t.Run("removes what it made when it fails", func(t *testing.T) {
		before := f.member.inventory(t)
		taken := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "half"}}
		mustCreate(t, f.controlPlane, taken)
		t.Cleanup(func() { _ = f.controlPlane.Delete(context.WithoutCancel(t.Context()), taken) })
		out := f.mustFail(t, f.join("half", "--cluster-namespace", "default"), "joining half", "secret/half in namespace default", "delete it")
		if !strings.Contains(out, "clusterrole/karmada-half removed again") {
			t.Errorf("does not say what was removed:\n%s", out)
		}
		f.member.eventually(t, before)
	})
}

func TestJoinExplainsWhatIsWrong(t *testing.T) {
	f := newFleet(t)
	unknown := connecttest.Kubeconfig(t, &rest.Config{Host: f.member.config.Host, BearerToken: "x", TLSClientConfig: rest.TLSClientConfig{CAData: f.member.config.CAData}})
	strange := connecttest.Kubeconfig(t, &rest.Config{Host: f.member.config.Host, BearerToken: "x", TLSClientConfig: rest.TLSClientConfig{CAData: f.controlPlane.config.CAData}})
	dead := connecttest.Kubeconfig(t, &rest.Config{Host: "https://127.0.0.1:1", BearerToken: "x"})
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"member unreachable", []string{"--cluster-kubeconfig", dead}, []string{"no answer from the member", "127.0.0.1:1", "--cluster-kubeconfig"}},
		{"unknown credentials", []string{"--cluster-kubeconfig", unknown}, []string{"member refuses the credentials"}},
		{"wrong CA", []string{"--cluster-kubeconfig", strange}, []string{"certificate that is not trusted", "certificate-authority-data"}},
		{"no permission", []string{"--cluster-kubeconfig", f.reader(t)}, []string{"no permission in the member", "administrator"}},
		{"missing context", []string{"--cluster-kubeconfig", f.member.kubeconfig, "--cluster-context", "x"}, []string{`no context "x"`, "it has main"}},
		{"missing file", []string{"--cluster-kubeconfig", "/nonexistent"}, []string{"/nonexistent of the member does not exist"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := f.member.inventory(t)
			f.mustFail(t, append([]string{"join", "wrong"}, test.args...), test.want...)
			f.member.eventually(t, before)
		})
	}
}

func TestJoinWithoutCRDs(t *testing.T) {
	member := localtest.Member(t, localtest.Options{Nodes: []local.Node{}, Controllers: local.ControlPlaneControllers})
	bare := newSide(t, member.Config)
	f := &fleet{controlPlane: bare, member: newSide(t, localtest.ControlPlane(t))}
	f.mustFail(t, f.join("member1"), "does not serve the kinds of Longshore", "kubectl apply --server-side -f apis/crds")
}

// agent is what the controllers see of the member: the Cluster and its Secret and nothing else.
func (f *fleet) agent(t *testing.T, name string) client.Client {
	t.Helper()
	cluster := f.cluster(t, name)
	secret := &corev1.Secret{}
	ref := cluster.Spec.SecretRef
	if err := f.controlPlane.Get(t.Context(), client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret); err != nil {
		t.Fatal(err)
	}
	return newSide(t, &rest.Config{
		Host: cluster.Spec.APIEndpoint, BearerToken: string(secret.Data["token"]),
		TLSClientConfig: rest.TLSClientConfig{CAData: secret.Data["caBundle"]},
	})
}

// reader returns a kubeconfig of somebody who may only look.
func (f *fleet) reader(t *testing.T) string {
	t.Helper()
	cfg := rest.CopyConfig(f.member.config)
	mustCreate(t, f.member, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "default", Name: "reader"}},
	}, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "reader"}})
	return connecttest.Kubeconfig(t, &rest.Config{
		Host: cfg.Host, BearerToken: f.token(t, "default", "reader"), TLSClientConfig: rest.TLSClientConfig{CAData: cfg.CAData},
	})
}

func (f *fleet) token(t *testing.T, namespace, account string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	if err := f.member.SubResource("token").Create(t.Context(), sa, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}
