package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// asProgram makes the test binary be the program, so that tests can run and kill it.
const asProgram = "LONGSHORE_ESTIMATOR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	log.SetLogger(logr.Discard()) // The clients of the tests would complain that they have none.
	os.Exit(m.Run())
}

// process is a program that a test started.
type process struct {
	command *exec.Cmd
	output  bytes.Buffer
}

// program returns the estimator, not yet started.
func program(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append(os.Environ(), asProgram+"=1")
	return command
}

// start starts a program that ends with the test at the latest.
func start(t *testing.T, command *exec.Cmd) *process {
	t.Helper()
	p := &process{command: command}
	command.Stdout, command.Stderr = &p.output, &p.output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s, process %d, said:\n%s", filepath.Base(command.Path), command.Process.Pid, &p.output)
		}
	})
	return p
}

// kill ends the process without a warning, stopped or not, and waits until it is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill() // Only one that has ended already refuses.
	_ = p.command.Wait()         // Killed, as intended.
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// freePort returns a port on which nobody listens.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// scrape returns what a program serves at the path of its secure port, empty if it does not answer with success.
func scrape(ctx context.Context, port int, path string) string {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		return ""
	}
	response, err := client.Do(request)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// shows reports whether the metrics have the line.
func shows(port int, line string) wait.ConditionWithContextFunc {
	return func(ctx context.Context) (bool, error) {
		return strings.Contains(scrape(ctx, port, "/metrics"), "\n"+line+"\n"), nil
	}
}

func eventually(t *testing.T, what string, ok wait.ConditionWithContextFunc) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 2*time.Minute, true, ok); err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

// apiServer starts an API server without controllers and nodes.
func apiServer(t *testing.T, o localtest.Options) *localtest.Cluster {
	t.Helper()
	o.Nodes = []local.Node{}
	if o.Controllers == nil {
		o.Controllers = []string{}
	}
	return localtest.Member(t, o)
}

// addNode creates a ready node with so many cores.
func addNode(t *testing.T, client kubernetes.Interface, name string, cores int64) {
	t.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{
		Allocatable: corev1.ResourceList{"cpu": *resource.NewQuantity(cores, resource.DecimalSI), "pods": resource.MustParse("110")},
		Conditions:  []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
	}}
	created, err := client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	created.Spec.Taints = nil // New nodes are tainted until a controller sees that they are ready, and there is none.
	if _, err := client.CoreV1().Nodes().Update(t.Context(), created, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func clientsOf(t *testing.T, c *localtest.Cluster) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// certificates makes them with the program itself and returns their folder.
func certificates(t *testing.T, dir string) string {
	t.Helper()
	if out, err := program(t.Context(), "certificates", dir).CombinedOutput(); err != nil {
		t.Fatalf("certificates: %v\n%s", err, out)
	}
	return dir
}

// servingFlags returns the flags that make the program serve with the certificates of a folder.
func servingFlags(dir string, grpcPort, securePort int) []string {
	return []string{
		fmt.Sprintf("--grpc-port=%d", grpcPort), fmt.Sprintf("--secure-port=%d", securePort), "--tls-cert-file=" + filepath.Join(dir, "server.crt"),
		"--tls-private-key-file=" + filepath.Join(dir, "server.key"), "--client-ca-file=" + filepath.Join(dir, "ca.crt"),
	}
}

// connect opens a connection with the client's certificate of a folder.
func connect(t *testing.T, dir string, port int) estimatorv1.EstimatorClient {
	t.Helper()
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port), grpc.WithTransportCredentials(credentials.NewTLS(clientTLS(t, dir))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return estimatorv1.NewEstimatorClient(conn)
}

// clientTLS is the TLS of a client with the certificates of a folder.
func clientTLS(t *testing.T, dir string) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatal("ca.crt holds no certificate")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, RootCAs: roots}
}
