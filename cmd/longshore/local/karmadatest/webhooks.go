package karmadatest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Webhooks stand for Karmada's webhook server as far as it concerns bindings: they give each ResourceBinding its permanent id and refuse
// results that exceed a quota.
type Webhooks struct {
	server *http.Server
	served chan error
	// limit is the replicas that one binding may have in all clusters together; below zero is no limit.
	limit atomic.Int64
	calls atomic.Int64
}

// SetQuota bounds the replicas that one binding may have in all clusters together; below zero is no bound.
func (w *Webhooks) SetQuota(replicas int64) { w.limit.Store(replicas) }

// Calls returns how many requests were admitted or refused so far.
func (w *Webhooks) Calls() int64 { return w.calls.Load() }

// permanentIDLabel is given by a webhook to each ResourceBinding.
const permanentIDLabel = "resourcebinding.karmada.io/permanent-id"

func startWebhooks(ctx context.Context, config *rest.Config, k *keys) (*Webhooks, error) {
	pair, err := tls.LoadX509KeyPair(k.cert(webhookService), k.key(webhookService))
	if err != nil {
		return nil, fmt.Errorf("loading the webhooks' certificate: %w", err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, fmt.Errorf("listening for webhooks: %w", err)
	}
	w := &Webhooks{served: make(chan error, 1)}
	w.SetQuota(-1)
	mux := http.NewServeMux()
	mux.HandleFunc("/mutate-resourcebinding", w.answer(mutate))
	mux.HandleFunc("/validate-resourcebinding", w.answer(w.validate))
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { w.served <- w.server.Serve(listener) }()
	if err := register(ctx, config, k, listener.Addr()); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *Webhooks) close() error {
	err := w.server.Close()
	if served := <-w.served; !errors.Is(served, http.ErrServerClosed) {
		return errors.Join(err, served)
	}
	return err
}

// register tells the main server of the webhooks. Without them no binding is written: their failure policy is Fail.
func register(ctx context.Context, config *rest.Config, k *keys, address net.Addr) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("building a client: %w", err)
	}
	bundle, err := k.bundle()
	if err != nil {
		return err
	}
	at := func(path string) admissionregistrationv1.WebhookClientConfig {
		return admissionregistrationv1.WebhookClientConfig{URL: ptr.To("https://" + address.String() + path), CABundle: bundle}
	}
	rules := []admissionregistrationv1.RuleWithOperations{{
		Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create, admissionregistrationv1.Update},
		Rule: admissionregistrationv1.Rule{
			APIGroups: []string{workv1alpha2.GroupVersion.Group}, APIVersions: []string{workv1alpha2.GroupVersion.Version}, Resources: []string{"resourcebindings"},
		},
	}}
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "mutating-config"},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: "resourcebinding.karmada.io", Rules: rules, ClientConfig: at("/mutate-resourcebinding"),
			SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"}, TimeoutSeconds: ptr.To(int32(30)),
		}},
	}
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "validating-config"},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "resourcebinding.karmada.io", Rules: rules, ClientConfig: at("/validate-resourcebinding"),
			SideEffects: ptr.To(admissionregistrationv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"}, TimeoutSeconds: ptr.To(int32(30)),
		}},
	}
	_, errMutating := client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, mutating, metav1.CreateOptions{})
	_, errValidating := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(ctx, validating, metav1.CreateOptions{})
	if err := errors.Join(errMutating, errValidating); err != nil {
		return fmt.Errorf("registering the webhooks: %w", err)
	}
	return nil
}

// answer decodes the binding in a review and encodes what judge says of it.
func (w *Webhooks) answer(judge func(*workv1alpha2.ResourceBinding, *admissionv1.AdmissionResponse) error) http.HandlerFunc {
	return func(out http.ResponseWriter, in *http.Request) {
		w.calls.Add(1)
		var review admissionv1.AdmissionReview
		var binding workv1alpha2.ResourceBinding
		err := json.NewDecoder(in.Body).Decode(&review)
		if err == nil {
			err = json.Unmarshal(review.Request.Object.Raw, &binding)
		}
		if err == nil {
			review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
			review.Request, err = nil, judge(&binding, review.Response)
		}
		if err == nil {
			err = json.NewEncoder(out).Encode(review)
		}
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
		}
	}
}

func mutate(b *workv1alpha2.ResourceBinding, response *admissionv1.AdmissionResponse) error {
	if b.Labels[permanentIDLabel] != "" {
		return nil
	}
	labels := map[string]string{permanentIDLabel: uuid.NewString()}
	for key, value := range b.Labels {
		labels[key] = value
	}
	patch, err := json.Marshal([]map[string]any{{"op": "add", "path": "/metadata/labels", "value": labels}})
	response.Patch, response.PatchType = patch, ptr.To(admissionv1.PatchTypeJSONPatch)
	return err
}

func (w *Webhooks) validate(b *workv1alpha2.ResourceBinding, response *admissionv1.AdmissionResponse) error {
	var sum int64
	for _, target := range b.Spec.Clusters {
		sum += int64(target.Replicas)
	}
	if limit := w.limit.Load(); limit >= 0 && sum > limit {
		response.Allowed = false
		response.Result = &metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: "QuotaExceeded",
			Message: fmt.Sprintf("%d replicas exceed the quota of %d", sum, limit),
		}
	}
	return nil
}
