package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha1 "github.com/longshore-project/longshore/apis/work/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/controllers/member/membertest"
)

// asProgram is the variable of the environment that makes the test binary the program.
const asProgram = "LONGSHORE_CONTROLLER_MANAGER_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(localtest.Main(m, localtest.Options{Prepare: membertest.InstallCRDs, Controllers: local.ControlPlaneControllers}))
}

func TestBadInput(t *testing.T) {
	for _, test := range []struct {
		name    string
		args    []string
		wantErr string
	}{
		{"unknown flag", []string{"--nonsense"}, "unknown flag: --nonsense"},
		{"argument", []string{"run"}, `unknown command "run"`},
		{"no kubeconfig", []string{"--kubeconfig", "/nowhere"}, `reading --kubeconfig "/nowhere"`},
		{"a rate that never sends", []string{"--cluster-api-qps", "0"}, "--cluster-api-qps is 0: use more than 0"},
		{"broken pattern", []string{"--skipped-propagating-namespaces", "(("}, `--skipped-propagating-namespaces: "((" is not a regular expression`},
		{"strange address", []string{"--bind-address", "here"}, `--bind-address "here" is not an IP address`},
		{"two mistakes are both named", []string{"--secure-port", "70000", "--kube-api-burst", "-1"}, "--kube-api-burst is -1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			command := newCommand()
			command.SetArgs(test.args)
			command.SetErr(io.Discard)
			command.SetOut(io.Discard)
			if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error is %v, want %q", err, test.wantErr)
			}
		})
	}
}

// The whole member side: a cluster joins, gets the namespaces, runs a Deployment, reports its status and leaves.
func TestRun(t *testing.T) {
	config := localtest.ControlPlane(t)
	control := membertest.Client(t, config)
	remote := localtest.Member(t, localtest.Options{})
	port := start(t, config)

	checkServing(t, port)
	cluster := join(t, control, remote)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team"}}
	if err := control.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	awaitReady(t, control, cluster)
	work := deploymentWork(t, cluster.Name)
	if err := control.Create(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	membertest.Eventually(t, "the pods of the member are in the status", func(ctx context.Context) error {
		if err := control.Get(ctx, client.ObjectKeyFromObject(work), work); err != nil {
			return err
		}
		status := work.Status.ManifestStatuses
		if len(status) == 0 || status[0].Health != workv1alpha1.ResourceHealthy {
			return fmt.Errorf("status is %+v", work.Status)
		}
		return nil
	})
	if err := control.Delete(t.Context(), cluster); err != nil {
		t.Fatal(err)
	}
	admin := membertest.Client(t, remote.Config)
	membertest.Eventually(t, "the cluster has left and its namespace with it", func(ctx context.Context) error {
		if err := control.Get(ctx, client.ObjectKeyFromObject(cluster), cluster); client.IgnoreNotFound(err) != nil || err == nil {
			return fmt.Errorf("the cluster is still there: %v %w", cluster.DeletionTimestamp, err)
		}
		if err := admin.Get(ctx, client.ObjectKeyFromObject(namespace), &corev1.Namespace{}); client.IgnoreNotFound(err) != nil || err == nil {
			return errors.New("the namespace is still in the member")
		}
		return nil
	})
}

// start runs the process's inside against the control plane, until the test ends.
func start(t *testing.T, config *rest.Config) int {
	t.Helper()
	o := defaultOptions()
	o.kubeconfig, o.bindAddress, o.securePort = kubeconfig(t, config), "127.0.0.1", freePort(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run ended with: %v", err)
		}
	})
	return o.securePort
}

func checkServing(t *testing.T, port int) {
	t.Helper()
	curl := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer curl.CloseIdleConnections()
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/metrics": http.StatusUnauthorized} {
		membertest.Eventually(t, fmt.Sprintf("%s answers %d", path, want), func(ctx context.Context) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", port, path), nil)
			if err != nil {
				return err
			}
			response, err := curl.Do(request)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if response.StatusCode != want {
				return fmt.Errorf("it answers %s", response.Status)
			}
			return nil
		})
	}
}

func join(t *testing.T, control client.Client, remote *localtest.Cluster) *clusterv1alpha1.Cluster {
	t.Helper()
	token := membertest.Grant(t, remote.Config, "longshore")
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: remote.Name},
		Data:       map[string][]byte{clusterv1alpha1.SecretTokenKey: []byte(token), clusterv1alpha1.SecretCABundleKey: remote.Config.CAData},
	}
	cluster := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: remote.Name},
		Spec: clusterv1alpha1.ClusterSpec{
			SyncMode: clusterv1alpha1.Push, APIEndpoint: remote.Config.Host,
			SecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: secret.Namespace, Name: secret.Name},
		},
	}
	if err := errors.Join(control.Create(t.Context(), secret), control.Create(t.Context(), cluster)); err != nil {
		t.Fatalf("joining the member: %v", err)
	}
	return cluster
}

func awaitReady(t *testing.T, control client.Client, cluster *clusterv1alpha1.Cluster) {
	t.Helper()
	membertest.Eventually(t, cluster.Name+" is ready and untainted", func(ctx context.Context) error {
		if err := control.Get(ctx, client.ObjectKeyFromObject(cluster), cluster); err != nil {
			return err
		}
		if !meta.IsStatusConditionTrue(cluster.Status.Conditions, clusterv1alpha1.ConditionReady) || len(cluster.Spec.Taints) > 0 {
			return fmt.Errorf("taints %v, conditions %+v", cluster.Spec.Taints, cluster.Status.Conditions)
		}
		return nil
	})
}

func deploymentWork(t *testing.T, cluster string) *workv1alpha1.Work {
	t.Helper()
	work := &workv1alpha1.Work{ObjectMeta: metav1.ObjectMeta{
		Namespace: workv1alpha1.ExecutionNamespace(cluster), Name: workv1alpha1.WorkName("team", "web", "Deployment"),
		Finalizers: []string{workv1alpha1.WorkFinalizer},
	}}
	pods := map[string]string{"app": "web"}
	raw, err := json.Marshal(&appsv1.Deployment{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "team", Name: "web", Labels: map[string]string{workv1alpha1.ManagedLabel: workv1alpha1.True},
			Annotations: map[string]string{workv1alpha1.NamespaceAnnotation: work.Namespace, workv1alpha1.NameAnnotation: work.Name},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](3), Selector: &metav1.LabelSelector{MatchLabels: pods},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: pods},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "nginx"}}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	work.Spec.Workload.Manifests = []runtime.RawExtension{{Raw: raw}}
	return work
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func kubeconfig(t *testing.T, config *rest.Config) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"c": {Server: config.Host, CertificateAuthorityData: config.CAData, CertificateAuthority: config.CAFile}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"u": {
			ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, ClientCertificate: config.CertFile, ClientKey: config.KeyFile, Token: config.BearerToken,
		}},
		Contexts:       map[string]*clientcmdapi.Context{"x": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "x",
	}, file)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
