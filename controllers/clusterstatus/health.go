package clusterstatus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// health is one look at a member.
type health struct {
	ready           bool
	reason, message string
}

// probe asks the member whether it is ready. Unlike Karmada, an answer with an HTTP error is ClusterNotReady, not ClusterNotReachable: who
// reads the condition looks for a broken server in the first case and for a broken network in the second.
func probe(ctx context.Context, client rest.Interface) health {
	path := "/readyz"
	code, err := get(ctx, client, path)
	if code == http.StatusNotFound {
		path = "/healthz"
		code, err = get(ctx, client, path)
	}
	switch {
	case code == http.StatusOK && err == nil:
		return health{ready: true, reason: clusterv1alpha1.ReasonClusterReady, message: "The API server answers that it is ready."}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return health{reason: clusterv1alpha1.ReasonClusterNotReady,
			message: fmt.Sprintf("The API server refuses the token in spec.secretRef (%s answered %d): join the cluster again or renew the Secret.", path, code)}
	case code != 0:
		return health{reason: clusterv1alpha1.ReasonClusterNotReady, message: fmt.Sprintf("%s answered %d: %s", path, code, firstLine(err))}
	default:
		return health{reason: clusterv1alpha1.ReasonClusterNotReachable, message: fmt.Sprintf("No answer: %s", firstLine(err))}
	}
}

// get returns the HTTP status of an answer, 0 if there was none.
func get(ctx context.Context, client rest.Interface, path string) (int, error) {
	code := 0
	err := client.Get().AbsPath(path).Do(ctx).StatusCode(&code).Error()
	if status := apierrors.APIStatus(nil); code == 0 && errors.As(err, &status) {
		code = int(status.Status().Code)
	}
	return code, err
}

// firstLine keeps a message short: /readyz lists every check.
func firstLine(err error) string {
	if err == nil {
		return "unknown reason"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// damper turns looks into what is reported: a change counts once it has lasted, so that one lost packet does not taint a member. The first
// look counts at once. The zero value, with thresholds set, has seen nothing.
//
//	unknown ──first look──► ready ◄──success threshold── (looks ready)
//	                          └──failure threshold──► not ready
type damper struct {
	success, failure time.Duration

	known    bool
	reported bool
	last     bool
	since    time.Time // of last
}

// settle takes a look made at now and returns what is to be reported.
func (d *damper) settle(now time.Time, ready bool) bool {
	if !d.known {
		*d = damper{success: d.success, failure: d.failure, known: true, reported: ready, last: ready, since: now}
	}
	if ready != d.last {
		d.last, d.since = ready, now
	}
	threshold := d.failure
	if ready {
		threshold = d.success
	}
	if ready != d.reported && now.Sub(d.since) >= threshold {
		d.reported = ready
	}
	return d.reported
}
