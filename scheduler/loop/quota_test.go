package loop

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/cert"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// quota denies results of more replicas than it allows, as the admission of a Karmada control plane does for a FederatedResourceQuota.
type quota struct{ replicas atomic.Int32 }

func (q *quota) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	var b workv1alpha2.ResourceBinding
	if json.NewDecoder(r.Body).Decode(&review) != nil || json.Unmarshal(review.Request.Object.Raw, &b) != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	var sum int32
	for _, t := range b.Spec.Clusters {
		sum += t.Replicas
	}
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: sum <= q.replicas.Load()}
	if !review.Response.Allowed {
		review.Response.Result = &metav1.Status{Code: http.StatusForbidden, Reason: reasonQuotaExceeded, Message: "the quota of the namespace is used up"}
	}
	_ = json.NewEncoder(w).Encode(review)
}

// enforce lets the control plane ask the quota about the bindings of the test, and returns when it does.
func (w *world) enforce(q *quota) {
	w.t.Helper()
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(q)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	w.t.Cleanup(server.Close)
	w.create(&admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: w.name},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "quota.example.com", AdmissionReviewVersions: []string{"v1"}, SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone),
			ClientConfig:      admissionregistrationv1.WebhookClientConfig{URL: ptr.To(server.URL), CABundle: certPEM},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{workv1alpha2.GroupVersion.Group}, APIVersions: []string{"*"}, Resources: []string{"resourcebindings"},
				},
			}},
		}},
	})
	probe := &workv1alpha2.ResourceBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "probe"},
		Spec: w.spec(func(s *workv1alpha2.ResourceBindingSpec) {
			s.Clusters = []workv1alpha2.TargetCluster{{Name: "x", Replicas: 1 << 20}}
		}),
	}
	err = wait.PollUntilContextTimeout(w.t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		err := w.client.Create(ctx, probe.DeepCopy(), client.DryRunAll)
		return apierrors.ReasonForError(err) == reasonQuotaExceeded, nil
	})
	if err != nil {
		w.t.Fatalf("waiting for the quota to be enforced: %v", err)
	}
}

func TestQuotaExceeded(t *testing.T) {
	w := newWorld(t)
	w.member("a")
	q := &quota{}
	q.replicas.Store(4)
	w.enforce(q)
	b := w.binding("nginx", divided(true))
	w.start()
	now := w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	w.expectEvents("Normal ScheduleBindingSucceed")

	now.BindingSpec().Replicas = 8
	if err := w.client.Update(t.Context(), now.(client.Object)); err != nil {
		t.Fatal(err)
	}
	now = w.until(b, "the quota refuses it", scheduledFor(workv1alpha2.ReasonQuotaExceeded))
	if got := targets(now); got != "a:4" {
		t.Errorf("clusters are %q, want a:4", got)
	}
	w.quiet()
	if diff := cmp.Diff(queue.Depth{Backoff: 1}, w.loop.queue.Depth()); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(cache.Outstanding{AwaitingReport: 1}, w.loop.fleet.Outstanding()); diff != "" {
		t.Errorf("what was refused holds room (-want +got):\n%s", diff)
	}
	if got := gather(t, w.loop.metrics)["longshore_scheduler_commit_duration_seconds quota_exceeded"]; got == 0 {
		t.Error("the refusal was not counted")
	}
	w.expectEvents("Warning ScheduleBindingFailed")

	q.replicas.Store(8)
	now = w.until(b, "it is placed", scheduledFor(workv1alpha2.ReasonSuccess))
	if got := targets(now); got != "a:8" {
		t.Errorf("clusters are %q, want a:8", got)
	}
}
