package member

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	appsv1client "k8s.io/client-go/kubernetes/typed/apps/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

// Options bound what one member may cost. The zero value of a field means its default.
type Options struct {
	// QPS is the sustained number of requests a second to one member. Default 40.
	QPS float32
	// Burst is how many requests may exceed QPS for a moment. Default 60.
	Burst int
	// Timeout ends a request that got no answer. Watches have none: a dead one is found by HTTP/2 pings. Default 15 s.
	Timeout time.Duration
	// UserAgent names this process in the member's audit log. Default "longshore-controller-manager".
	UserAgent string
}

func (o Options) withDefaults() Options {
	if o.QPS == 0 {
		o.QPS = 40
	}
	if o.Burst == 0 {
		o.Burst = 60
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if o.UserAgent == "" {
		o.UserAgent = "longshore-controller-manager"
	}
	return o
}

// Clients talk to one member. All share one transport, so closing it ends them together. Safe for concurrent use.
type Clients struct {
	// Objects reads and writes any kind, within the rate limits and the timeout.
	Objects dynamic.Interface
	// Streams is for lists and watches of informers: no rate limit and no timeout, because a watch lasts.
	Streams dynamic.Interface
	// Core is for lists and watches of nodes and pods, in the compact encoding, as Streams without limits.
	Core corev1client.CoreV1Interface
	// Apps is the same for workloads.
	Apps appsv1client.AppsV1Interface
	// Discovery asks for health, version and served kinds, with the timeout but outside the rate limits: a heartbeat must not wait
	// behind a burst of writes.
	Discovery *discovery.DiscoveryClient
	// Resources maps kinds to the URLs under which the member serves them.
	Resources *Resources

	transport *http.Transport
	requests  *http.Client // as Discovery
	host      string       // without a slash at the end
}

// NewClients connects lazily: no request is sent. The error says what in endpoint cannot be used.
func NewClients(endpoint Endpoint, options Options) (*Clients, error) {
	options = options.withDefaults()
	config := &rest.Config{Host: endpoint.URL, BearerToken: endpoint.Token, UserAgent: options.UserAgent, QPS: -1}
	config.TLSClientConfig = rest.TLSClientConfig{Insecure: endpoint.Insecure, CAData: []byte(endpoint.CABundle)}
	transport, err := newTransport(config, endpoint, options)
	if err != nil {
		return nil, err
	}
	wrapped, err := rest.HTTPWrappersForConfig(config, transport)
	if err != nil {
		return nil, fmt.Errorf("preparing authentication: %w", err)
	}
	clients := &Clients{
		transport: transport,
		requests:  &http.Client{Transport: wrapped, Timeout: options.Timeout},
		host:      strings.TrimSuffix(endpoint.URL, "/"),
	}
	if err := clients.build(config, &http.Client{Transport: wrapped}, options); err != nil {
		return nil, err
	}
	clients.Resources = NewResources(clients.Discovery)
	return clients, nil
}

func (c *Clients) build(config *rest.Config, streams *http.Client, options Options) (err error) {
	if c.Discovery, err = discovery.NewDiscoveryClientForConfigAndClient(config, c.requests); err != nil {
		return fmt.Errorf("preparing discovery: %w", err)
	}
	if c.Streams, err = dynamic.NewForConfigAndClient(config, streams); err != nil {
		return fmt.Errorf("preparing watches: %w", err)
	}
	limited := rest.CopyConfig(config)
	limited.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(options.QPS, options.Burst)
	if c.Objects, err = dynamic.NewForConfigAndClient(limited, c.requests); err != nil {
		return fmt.Errorf("preparing requests: %w", err)
	}
	compact := rest.CopyConfig(config)
	compact.ContentType, compact.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	if c.Core, err = corev1client.NewForConfigAndClient(compact, streams); err != nil {
		return fmt.Errorf("preparing watches of nodes and pods: %w", err)
	}
	if c.Apps, err = appsv1client.NewForConfigAndClient(compact, streams); err != nil {
		return fmt.Errorf("preparing watches of workloads: %w", err)
	}
	return nil
}

// newTransport makes a transport of the member's own. client-go would share and keep one for equal TLS settings, which can neither carry
// proxy headers nor be closed with the session.
func newTransport(config *rest.Config, endpoint Endpoint, options Options) (*http.Transport, error) {
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("reading caBundle: %w", err)
	}
	transport := &http.Transport{
		Proxy:               http.ProxyURL(endpoint.ProxyURL),
		ProxyConnectHeader:  http.Header{},
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: options.Timeout,
		DialContext:         (&net.Dialer{Timeout: options.Timeout, KeepAlive: 30 * time.Second}).DialContext,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConnsPerHost: 25,
	}
	for key, value := range endpoint.ProxyHeader {
		transport.ProxyConnectHeader.Set(key, value)
	}
	// Switches HTTP/2 on, with pings that find dead connections.
	return utilnet.SetTransportDefaults(transport), nil
}

// Close drops the idle connections. Requests in flight end with their contexts.
func (c *Clients) Close() { c.transport.CloseIdleConnections() }
