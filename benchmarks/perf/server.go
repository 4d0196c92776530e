package perf

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// hands is how many objects are created or deleted at once.
const hands = 24

// Server is an API server to measure at.
type Server struct {
	config *rest.Config
	client client.Client
	plain  kubernetes.Interface
	// kubeconfig is a file that gives the same access.
	kubeconfig string
	// Store is the etcd behind the server; cases need it that put objects there. Nil is none.
	Store *Store
	// Progress is told how long each operation took; nil tells nobody.
	Progress io.Writer
}

// tell reports an operation that began then and has ended.
func (s *Server) tell(what Opcode, began time.Time) {
	if s.Progress != nil {
		fmt.Fprintf(s.Progress, "%s took %s\n", what, time.Since(began).Round(100*time.Millisecond))
	}
}

// NewServer returns the server that config gives administrator access to. Dir is where its kubeconfig is written. The limits of the client are
// lifted.
func NewServer(config *rest.Config, dir string) (*Server, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	s := &Server{config: config, kubeconfig: filepath.Join(dir, "kubeconfig")}
	kinds := apis.NewScheme()
	if err := scheme.AddToScheme(kinds); err != nil {
		return nil, err
	}
	var err error
	if s.client, err = client.New(config, client.Options{Scheme: kinds}); err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	if s.plain, err = kubernetes.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return s, writeKubeconfig(config, s.kubeconfig)
}

func writeKubeconfig(c *rest.Config, file string) error {
	const name = "perf"
	out := clientcmdapi.NewConfig()
	out.Clusters[name] = &clientcmdapi.Cluster{
		Server: c.Host, CertificateAuthorityData: c.CAData, CertificateAuthority: c.CAFile, TLSServerName: c.ServerName,
	}
	out.AuthInfos[name] = &clientcmdapi.AuthInfo{
		ClientCertificateData: c.CertData, ClientKeyData: c.KeyData, ClientCertificate: c.CertFile, ClientKey: c.KeyFile,
	}
	out.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	out.CurrentContext = name
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return clientcmd.WriteToFile(*out, file)
}

// forAll calls do for 0 to n-1, many at once, and stops at the first error.
func forAll(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(hands)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return do(ctx, i) })
	}
	return group.Wait()
}

// storeClusters puts the fleet into etcd.
func (s *Server) storeClusters(ctx context.Context, n, kinds int) error {
	if s.Store == nil {
		return errNoStore
	}
	return s.Store.putAll(ctx, "cluster.karmada.io/clusters", n, func(i int) client.Object {
		c := newCluster(i, kinds)
		c.TypeMeta = metav1.TypeMeta{APIVersion: clusterv1alpha1.GroupVersion.String(), Kind: "Cluster"}
		c.UID, c.Generation, c.CreationTimestamp = uidOf("30000000", i), 1, metav1.Now()
		return c
	})
}

// errNoStore is for cases that put objects into an etcd that is not known.
var errNoStore = errors.New("the case puts objects into etcd, and the server says not where that is")

// storeBindings puts the first n bindings into etcd, placed by some earlier scheduler.
func (s *Server) storeBindings(ctx context.Context, n, clusters int, mix Mix, namespace string) error {
	if s.Store == nil {
		return errNoStore
	}
	return s.Store.putAll(ctx, "work.karmada.io/resourcebindings", n, func(i int) client.Object {
		return newPlacedBinding(i, clusters, mix, namespace)
	})
}

// createClusters makes the fleet.
func (s *Server) createClusters(ctx context.Context, n, kinds int) error {
	return forAll(ctx, n, func(ctx context.Context, i int) error {
		c := newCluster(i, kinds)
		status := c.Status
		if err := s.client.Create(ctx, c); err != nil {
			return fmt.Errorf("creating cluster %s: %w", c.Name, err)
		}
		c.Status = status
		if err := s.client.Status().Update(ctx, c); err != nil {
			return fmt.Errorf("reporting the status of cluster %s: %w", c.Name, err)
		}
		return nil
	})
}

// deleteClusters removes the fleet, so that another can be made.
func (s *Server) deleteClusters(ctx context.Context, n int) error {
	return forAll(ctx, n, func(ctx context.Context, i int) error {
		c := &clusterv1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: newCluster(i, 1).Name}}
		return client.IgnoreNotFound(s.client.Delete(ctx, c))
	})
}

func (s *Server) ensureNamespace(ctx context.Context, name string) error {
	err := s.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// arrivals returns when each of n bindings is created: at once, or at random times perSecond times a second in the mean (a Poisson process).
func arrivals(n, perSecond int) []time.Duration {
	at := make([]time.Duration, n)
	if perSecond == 0 {
		return at
	}
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	var now time.Duration
	for i := range at {
		now += time.Duration(rng.ExpFloat64() / float64(perSecond) * float64(time.Second))
		at[i] = now
	}
	return at
}

// bindings returns all bindings of the namespace by name.
func (s *Server) bindings(ctx context.Context, namespace string) (map[string]*workv1alpha2.ResourceBinding, error) {
	var list workv1alpha2.ResourceBindingList
	if err := s.client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("listing the bindings of %s: %w", namespace, err)
	}
	out := make(map[string]*workv1alpha2.ResourceBinding, len(list.Items))
	for i := range list.Items {
		out[list.Items[i].Name] = &list.Items[i]
	}
	return out, nil
}

func (s *Server) deleteBindings(ctx context.Context, namespace string, n int) error {
	return forAll(ctx, n, func(ctx context.Context, i int) error {
		b := newBinding(i, Mix{Static: 1}, namespace, "")
		return client.IgnoreNotFound(s.client.Delete(ctx, b))
	})
}

// traffic is what an API server was asked to write, since it started.
type traffic struct {
	// writes changed bindings; bytes is how long their bodies were.
	writes, bytes float64
	// events counts the events written.
	events float64
}

func (t traffic) since(before traffic) traffic {
	return traffic{writes: t.writes - before.writes, bytes: t.bytes - before.bytes, events: t.events - before.events}
}

// traffic reads the metrics of the server. Creations are not counted: no writer under test creates bindings.
func (s *Server) traffic(ctx context.Context) (traffic, error) {
	text, err := s.plain.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return traffic{}, fmt.Errorf("reading the metrics of the API server: %w", err)
	}
	var t traffic
	changes := []string{"PATCH", "PUT", "APPLY", "patch", "update", "apply"}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		m, ok := parseSample(lines.Text())
		switch {
		case !ok:
		case m.name == "apiserver_request_total" && m.resource == "resourcebindings" && slices.Contains(changes, m.verb):
			t.writes += m.value
		case m.name == "apiserver_request_body_size_bytes_sum" && m.resource == "resourcebindings" && slices.Contains(changes, m.verb):
			t.bytes += m.value
		case m.name == "apiserver_request_total" && m.resource == "events" && m.verb != "GET" && m.verb != "LIST" && m.verb != "WATCH":
			t.events += m.value
		}
	}
	return t, lines.Err()
}

// sample is one line of the metrics.
type sample struct {
	name, verb, resource string
	value                float64
}

var (
	sampleLine    = regexp.MustCompile(`^(apiserver_request_total|apiserver_request_body_size_bytes_sum)\{(.*)\} ([0-9.e+]+)$`)
	verbLabel     = regexp.MustCompile(`\bverb="([^"]*)"`)
	resourceLabel = regexp.MustCompile(`\bresource="([^"]*)"`)
)

func parseSample(line string) (sample, bool) {
	parts := sampleLine.FindStringSubmatch(line)
	if parts == nil {
		return sample{}, false
	}
	value, err := strconv.ParseFloat(parts[3], 64)
	return sample{name: parts[1], verb: label(verbLabel, parts[2]), resource: label(resourceLabel, parts[2]), value: value}, err == nil
}

func label(of *regexp.Regexp, labels string) string {
	if m := of.FindStringSubmatch(labels); m != nil {
		return m[1]
	}
	return ""
}
