package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/apis/crds"
	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/plugins/sdk"
)

// asProgram makes the test binary be the program, so that tests can kill it.
const asProgram = "LONGSHORE_SCHEDULER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == asPlugin {
		sdk.Serve(&refusing{})
		return
	}
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	log.SetLogger(logr.Discard()) // The client of the tests would complain that it has none.
	os.Exit(localtest.Main(m, localtest.Options{Prepare: crds.Install}))
}

func kubeconfigOf(t *testing.T, c *rest.Config) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["it"] = &clientcmdapi.Cluster{Server: c.Host, CertificateAuthority: c.CAFile, CertificateAuthorityData: c.CAData}
	config.AuthInfos["it"] = &clientcmdapi.AuthInfo{
		ClientCertificate: c.CertFile, ClientCertificateData: c.CertData, ClientKey: c.KeyFile, ClientKeyData: c.KeyData, Token: c.BearerToken,
	}
	config.Contexts["it"] = &clientcmdapi.Context{Cluster: "it", AuthInfo: "it"}
	config.CurrentContext = "it"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func newClient(t *testing.T, config *rest.Config) client.WithWatch {
	t.Helper()
	s := apis.NewScheme()
	if err := scheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: s})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// createMember creates a member that serves ConfigMaps and Deployments and has room for so many pods of a processor each.
func createMember(t *testing.T, c client.Client, name string, room int64) {
	t.Helper()
	member := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: clusterv1alpha1.ClusterSpec{SyncMode: clusterv1alpha1.Push}}
	if err := c.Create(t.Context(), member); err != nil {
		t.Fatal(err)
	}
	member.Status.APIEnablements = []clusterv1alpha1.APIEnablement{
		{GroupVersion: "v1", Resources: []clusterv1alpha1.APIResource{{Name: "configmaps", Kind: "ConfigMap"}}},
		{GroupVersion: "apps/v1", Resources: []clusterv1alpha1.APIResource{{Name: "deployments", Kind: "Deployment"}}},
	}
	member.Status.ResourceSummary = &clusterv1alpha1.ResourceSummary{
		Allocatable: corev1.ResourceList{"cpu": *resource.NewQuantity(room, resource.DecimalSI), "pods": *resource.NewQuantity(max(room, 1000), resource.DecimalSI)},
	}
	if err := c.Status().Update(t.Context(), member); err != nil {
		t.Fatal(err)
	}
}

// createBinding creates a binding of a ConfigMap for those members.
func createBinding(t *testing.T, c client.Client, name, scheduler string, members ...string) *workv1alpha2.ResourceBinding {
	t.Helper()
	return createBindingIn(t, c, "default", name, scheduler, members...)
}

func createBindingIn(t *testing.T, c client.Client, namespace, name, scheduler string, members ...string) *workv1alpha2.ResourceBinding {
	t.Helper()
	binding := newBinding(namespace, name, scheduler, members...)
	if err := c.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	return binding
}

func newBinding(namespace, name, scheduler string, members ...string) *workv1alpha2.ResourceBinding {
	return &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{policyv1alpha1.PropagationPolicyPermanentIDLabel: "id"}},
		Spec: workv1alpha2.ResourceBindingSpec{
			Resource:      workv1alpha2.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: name},
			SchedulerName: scheduler,
			Placement:     &policyv1alpha1.Placement{ClusterAffinity: &policyv1alpha1.ClusterAffinity{ClusterNames: members}},
		},
	}
}

// scheduledIn reads the binding and reports whether it is scheduled.
func scheduledIn(c client.Client, b *workv1alpha2.ResourceBinding) wait.ConditionWithContextFunc {
	return func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(b), b)
		return meta.IsStatusConditionTrue(b.Status.Conditions, workv1alpha2.ConditionScheduled), err
	}
}

// TestRunElectsSchedulesAndEnds runs the whole program: it takes the lease, places a binding, tells so in an event under its own name, and
// gives the lease back when it is asked to end.
func TestRunElectsSchedulesAndEnds(t *testing.T) {
	config := localtest.ControlPlane(t)
	c := newClient(t, config)
	createMember(t, c, "member1", 10)
	binding := createBinding(t, c, "settings-configmap", "mine", "member1")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--kubeconfig", kubeconfigOf(t, config), "--scheduler-name=mine", "--secure-port=0"}, io.Discard)
	}()
	eventually(t, "the binding is scheduled", scheduledIn(c, binding))
	if len(binding.Spec.Clusters) != 1 || binding.Spec.Clusters[0].Name != "member1" {
		t.Errorf("clusters are %v, want member1", binding.Spec.Clusters)
	}
	eventually(t, "an event tells of it", func(ctx context.Context) (bool, error) {
		var events corev1.EventList
		err := c.List(ctx, &events, client.InNamespace("default"))
		for _, e := range events.Items {
			if e.InvolvedObject.Kind == "ResourceBinding" && e.Reason == workv1alpha2.EventScheduleBindingSucceed && e.Source.Component == "mine" {
				return true, err
			}
		}
		return false, err
	})
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("run: %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("run does not end")
	}
}

func eventually(t *testing.T, what string, ok wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, ok); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}
