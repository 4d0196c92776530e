package join

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/connect"
)

const (
	// tokenTime is how long the member's controller manager may take to issue the token.
	tokenTime = 60 * time.Second
	// grantTime is how long the member's API servers may take to honour a new token and role, which they learn through a watch.
	grantTime = 20 * time.Second
)

// joining is one run of join, with both sides connected.
type joining struct {
	Registration
	controlPlane, member *connect.Client
	journal              *journal
}

// observe completes the registration with what the two sides say.
func (j *joining) observe(ctx context.Context) (err error) {
	cfg := j.member.Config
	if j.member.UID == j.controlPlane.UID {
		return errors.New("the member is the control plane itself: name the member by --cluster-kubeconfig or --cluster-context")
	}
	if cfg.ServerName != "" {
		return fmt.Errorf("the member's kubeconfig sets tls-server-name %q, which a Cluster cannot hold: name the server by a host that is in its certificate", cfg.ServerName)
	}
	j.ControlPlane = j.controlPlane.UID
	j.Endpoint = cfg.Host
	j.Insecure = cfg.Insecure
	j.CABundle = cfg.CAData
	if j.ProxyURL, err = proxyOf(cfg); err != nil {
		return err
	}
	j.ID, err = identify(ctx, j.member)
	return err
}

// identify returns what tells the member apart from all others: the property that the member was given for this purpose, or else the UID
// of its namespace kube-system.
func identify(ctx context.Context, member *connect.Client) (string, error) {
	mapping, err := member.RESTMapper().RESTMapping(schema.GroupKind{Group: "about.k8s.io", Kind: "ClusterProperty"})
	if meta.IsNoMatchError(err) {
		return string(member.UID), nil
	}
	if err != nil {
		return "", member.Explain(fmt.Errorf("asking for the kind ClusterProperty: %w", err))
	}
	property := &unstructured.Unstructured{}
	property.SetGroupVersionKind(mapping.GroupVersionKind)
	err = member.Get(ctx, client.ObjectKey{Name: clusterv1alpha1.PropertyClusterID}, property)
	if client.IgnoreNotFound(err) != nil {
		return "", member.Explain(fmt.Errorf("reading the cluster's properties: %w", err))
	}
	if id, _, _ := unstructured.NestedString(property.Object, "spec", "value"); id != "" {
		return id, nil
	}
	return string(member.UID), nil
}

// proxyOf returns the proxy-url of the kubeconfig. Proxies of the environment are this machine's and not the control plane's.
func proxyOf(cfg *rest.Config) (string, error) {
	if cfg.Proxy == nil {
		return "", nil
	}
	request, err := http.NewRequest(http.MethodGet, cfg.Host, nil)
	if err != nil {
		return "", fmt.Errorf("reading the member's server URL: %w", err)
	}
	proxy, err := cfg.Proxy(request)
	if err != nil || proxy == nil {
		return "", err
	}
	return proxy.String(), nil
}

// run creates or repairs everything. Whatever it created is removed again if it fails.
func (j *joining) run(ctx context.Context) error {
	if err := j.writeAll(ctx); err != nil {
		return j.journal.undo(ctx, err)
	}
	return nil
}

func (j *joining) writeAll(ctx context.Context) error {
	token, err := j.writeMember(ctx)
	if err != nil {
		return err
	}
	secret, cluster := j.secret(token), j.cluster()
	if err := j.verify(ctx, &cluster.Spec, secret); err != nil {
		return err
	}
	// The Cluster comes last: the controllers begin to work as soon as it exists.
	for _, obj := range []client.Object{j.namespace(), secret, cluster} {
		if err := j.journal.ensure(ctx, j.controlPlane, obj); err != nil {
			return err
		}
	}
	return nil
}

// writeMember returns the token of the account that it makes.
func (j *joining) writeMember(ctx context.Context) ([]byte, error) {
	role := j.clusterRole()
	if err := j.journal.ensure(ctx, j.member, j.namespace()); err != nil {
		return nil, err
	}
	if err := j.journal.ensure(ctx, j.member, role); err != nil {
		return nil, err
	}
	for _, obj := range j.accountObjects(role) {
		if err := j.journal.ensure(ctx, j.member, obj); err != nil {
			return nil, err
		}
	}
	return j.awaitToken(ctx)
}

func (j *joining) awaitToken(ctx context.Context) (token []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, tokenTime, errors.New("no token after "+tokenTime.String()))
	defer cancel()
	secret := &corev1.Secret{ObjectMeta: j.meta(j.Namespace, j.account())}
	err = connect.Await(ctx, j.member, secret, func(obj client.Object) (bool, error) {
		if obj == nil {
			return false, fmt.Errorf("%s was deleted meanwhile", describe(secret))
		}
		token = obj.(*corev1.Secret).Data[corev1.ServiceAccountTokenKey]
		return len(token) > 0, nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for the member to issue a token: %w; check that its kube-controller-manager runs the serviceaccount-token controller", err)
	}
	return token, nil
}

// verify asks the member with exactly what the control plane will use, before the control plane relies on it.
func (j *joining) verify(ctx context.Context, spec *clusterv1alpha1.ClusterSpec, secret *corev1.Secret) error {
	cfg, err := connect.ToConfig(spec, secret)
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, grantTime, true, func(ctx context.Context) (bool, error) {
		_, last = connect.Member().DialConfig(ctx, cfg)
		if apierrors.IsUnauthorized(last) || apierrors.IsForbidden(last) {
			return false, nil
		}
		return true, last
	})
	if err != nil {
		return fmt.Errorf("trying the new service account: %w", cmp.Or(last, err))
	}
	return nil
}
