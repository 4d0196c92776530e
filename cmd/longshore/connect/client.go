package connect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/apis"
	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// firstAnswer is how long a cluster may take to answer the first question before it counts as unreachable.
const firstAnswer = 15 * time.Second

var scheme = func() *runtime.Scheme {
	s := apis.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		panic(err) // Two groups would have to share a name.
	}
	return s
}()

// Client speaks to one cluster, typed, and knows who it speaks to.
type Client struct {
	client.WithWatch
	// Config made the client. It must not be changed.
	Config *rest.Config
	// UID is that of the namespace kube-system, which tells two clusters apart whatever they are called.
	UID types.UID

	source *Source
}

// Dial loads the source and asks the cluster who it is. Errors are explained.
func (s *Source) Dial(ctx context.Context) (*Client, error) {
	cfg, err := s.Load()
	if err != nil {
		return nil, err
	}
	return s.DialConfig(ctx, cfg)
}

// DialConfig is Dial for a configuration that did not come from the flags.
func (s *Source) DialConfig(ctx context.Context, cfg *rest.Config) (*Client, error) {
	c, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return nil, s.Explain(err)
	}
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	system := &corev1.Namespace{}
	if err := c.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		return nil, s.Explain(fmt.Errorf("asking %s who it is: %w", cfg.Host, err))
	}
	return &Client{WithWatch: c, Config: cfg, UID: system.UID, source: s}, nil
}

// Explain is Source.Explain for the side that c speaks to.
func (c *Client) Explain(err error) error { return c.source.Explain(err) }

// Role is the side that c speaks to: "control plane" or "member".
func (c *Client) Role() string { return c.source.Role }

// KindOf returns the kind of a typed object, which the object itself often does not say. It panics for a type that no Client knows.
func KindOf(obj runtime.Object) schema.GroupVersionKind {
	kinds, _, err := scheme.ObjectKinds(obj)
	if err != nil {
		panic(err)
	}
	return kinds[0]
}

// listOf returns an empty list for objects of obj's type.
func listOf(obj runtime.Object) client.ObjectList {
	kind := KindOf(obj)
	kind.Kind += "List"
	list, err := scheme.New(kind)
	if err != nil {
		panic(err)
	}
	return list.(client.ObjectList)
}

// ToConfig returns the configuration with which the control plane reaches a member: what Cluster and its Secret say and nothing else, but for
// spec.proxyHeader, for which a rest.Config has no place. It shares memory with secret.
func ToConfig(spec *clusterv1alpha1.ClusterSpec, secret *corev1.Secret) (*rest.Config, error) {
	cfg := &rest.Config{
		Host:            spec.APIEndpoint,
		BearerToken:     string(secret.Data[clusterv1alpha1.SecretTokenKey]),
		TLSClientConfig: rest.TLSClientConfig{CAData: secret.Data[clusterv1alpha1.SecretCABundleKey]},
		QPS:             -1,
		WarningHandler:  rest.NoWarnings{},
	}
	if spec.InsecureSkipTLSVerification {
		cfg.TLSClientConfig = rest.TLSClientConfig{Insecure: true}
	}
	if spec.ProxyURL != "" {
		proxy, err := url.Parse(spec.ProxyURL)
		if err != nil {
			return nil, fmt.Errorf("reading proxyURL: %w", err)
		}
		cfg.Proxy = http.ProxyURL(proxy)
	}
	return cfg, nil
}
