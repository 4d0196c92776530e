package membertest

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
)

// Gateway stands before a member's API server, counts what passes and can be closed for a while. Credentials are those of the caller.
type Gateway struct {
	// URL and CABundle are what a Cluster needs to use the gateway.
	URL      string
	CABundle []byte

	server   *httptest.Server
	closed   atomic.Bool
	mu       sync.Mutex
	requests []string
}

// NewGateway opens a gateway to the member behind config. It ends with the test.
func NewGateway(t testing.TB, config *rest.Config) *Gateway {
	t.Helper()
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatalf("reading the member's address: %v", err)
	}
	tlsConfig, err := rest.TLSConfigFor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: config.CAData, CAFile: config.CAFile}})
	if err != nil {
		t.Fatalf("reading the member's certificate authority: %v", err)
	}
	g := &Gateway{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     &http.Transport{TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true},
		FlushInterval: -1, // Watches must not wait in a buffer.
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) },
	}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.closed.Load() {
			panic(http.ErrAbortHandler)
		}
		g.note(r)
		proxy.ServeHTTP(w, r)
	}))
	g.server.EnableHTTP2 = true
	g.server.StartTLS()
	t.Cleanup(func() {
		g.Close() // First: a watch that comes back now would keep the server from ending.
		g.server.Close()
	})
	g.URL = g.server.URL
	g.CABundle = certificateOf(g.server)
	return g
}

func (g *Gateway) note(r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, r.Method+" "+r.URL.Path)
}

// Requests returns all that has passed, as "METHOD path".
func (g *Gateway) Requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

// Writes returns what has passed except GET.
func (g *Gateway) Writes() []string {
	return slices.DeleteFunc(g.Requests(), func(request string) bool { return strings.HasPrefix(request, http.MethodGet+" ") })
}

// Close cuts all connections and refuses requests until Open.
func (g *Gateway) Close() {
	g.closed.Store(true)
	g.server.CloseClientConnections()
}

// Open lets requests pass again.
func (g *Gateway) Open() { g.closed.Store(false) }

// Silent listens, accepts every connection and never says a word. It returns an endpoint and a certificate authority that parses, and
// ends with the test.
func Silent(t testing.TB) (endpoint string, caBundle []byte) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	var accepted sync.WaitGroup
	accepted.Go(func() {
		var connections []net.Conn
		for {
			connection, err := listener.Accept()
			if err != nil {
				break
			}
			connections = append(connections, connection)
		}
		for _, connection := range connections {
			connection.Close()
		}
	})
	t.Cleanup(func() {
		listener.Close()
		accepted.Wait()
	})
	return "https://" + listener.Addr().String(), testCertificate()
}

// testCertificate is any valid certificate: that of the standard library's test server.
func testCertificate() []byte {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.StartTLS()
	defer server.Close()
	return certificateOf(server)
}

func certificateOf(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// Writes counts the requests other than GET that go through a configuration.
type Writes struct {
	mu    sync.Mutex
	paths []string
}

// Count returns a copy of config whose clients are counted.
func (w *Writes) Count(config *rest.Config) *rest.Config {
	counted := rest.CopyConfig(config)
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet {
				w.mu.Lock()
				w.paths = append(w.paths, r.Method+" "+r.URL.Path)
				w.mu.Unlock()
			}
			return next.RoundTrip(r)
		})
	})
	return counted
}

// All returns them as "METHOD path".
func (w *Writes) All() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.paths...)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
