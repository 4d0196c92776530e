package member

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"

	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// Endpoint is everything that decides how a member is reached. Two equal endpoints can share a session.
type Endpoint struct {
	// URL of the API server.
	URL string
	// Token is the bearer token.
	Token string
	// CABundle holds PEM certificates. Empty means the roots of this machine.
	CABundle string
	// Insecure accepts any certificate; CABundle is then ignored.
	Insecure bool
	// ProxyURL is nil for a direct connection.
	ProxyURL *url.URL
	// ProxyHeader is sent with CONNECT to the proxy.
	ProxyHeader map[string]string
}

// Equal reports whether both lead to the same server, the same way, as the same user.
func (e Endpoint) Equal(other Endpoint) bool {
	return e.URL == other.URL && e.Token == other.Token && e.CABundle == other.CABundle && e.Insecure == other.Insecure &&
		urlString(e.ProxyURL) == urlString(other.ProxyURL) && maps.Equal(e.ProxyHeader, other.ProxyHeader)
}

func urlString(u *url.URL) string {
	if u == nil {
		return ""
	}
	return u.String()
}

// EndpointOf reads how cluster is reached. secret is the one named by spec.secretRef, nil if it does not exist. The error names what is
// missing or broken and how to mend it; it never contains a credential.
func EndpointOf(cluster *clusterv1alpha1.Cluster, secret *corev1.Secret) (Endpoint, error) {
	spec := &cluster.Spec
	if err := checkURL(spec.APIEndpoint); err != nil {
		return Endpoint{}, err
	}
	token, caBundle, err := credentials(spec, secret)
	if err != nil {
		return Endpoint{}, err
	}
	proxy, err := parseProxy(spec.ProxyURL)
	if err != nil {
		return Endpoint{}, err
	}
	return Endpoint{
		URL: spec.APIEndpoint, Token: token, CABundle: caBundle, Insecure: spec.InsecureSkipTLSVerification,
		ProxyURL: proxy, ProxyHeader: spec.ProxyHeader,
	}, nil
}

func checkURL(endpoint string) error {
	if endpoint == "" {
		return errors.New("spec.apiEndpoint is empty: set the URL of the member's API server, or join the cluster again")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return fmt.Errorf("spec.apiEndpoint %q is not a URL such as https://10.0.0.1:6443: correct it", endpoint)
	}
	return nil
}

func credentials(spec *clusterv1alpha1.ClusterSpec, secret *corev1.Secret) (token, caBundle string, err error) {
	ref := spec.SecretRef
	if ref == nil {
		return "", "", errors.New("spec.secretRef is not set: name a Secret with the keys token and caBundle, or join the cluster again")
	}
	name := ref.Namespace + "/" + ref.Name
	if secret == nil {
		return "", "", fmt.Errorf("Secret %s of spec.secretRef does not exist: create it with the keys token and caBundle, or join the cluster again", name)
	}
	token = string(secret.Data[clusterv1alpha1.SecretTokenKey])
	if token == "" {
		return "", "", fmt.Errorf("Secret %s has no key token: put a bearer token of the member there", name)
	}
	if spec.InsecureSkipTLSVerification {
		return token, "", nil
	}
	caBundle = string(secret.Data[clusterv1alpha1.SecretCABundleKey])
	if caBundle != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(caBundle)) {
		return "", "", fmt.Errorf("key caBundle of Secret %s holds no PEM certificate: put the member's certificate authority there", name)
	}
	return token, caBundle, nil
}

func parseProxy(proxy string) (*url.URL, error) {
	if proxy == "" {
		return nil, nil
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("spec.proxyURL %q is not a URL such as http://proxy:3128: correct it", proxy)
	}
	switch u.Scheme {
	case "http", "https", "socks5":
		return u, nil
	default:
		return nil, fmt.Errorf("spec.proxyURL has scheme %q: use http, https or socks5", u.Scheme)
	}
}
