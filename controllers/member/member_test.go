package member

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

func newCluster(changes ...func(*clusterv1alpha1.Cluster)) *clusterv1alpha1.Cluster {
	c := &clusterv1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "member1"},
		Spec: clusterv1alpha1.ClusterSpec{
			SyncMode: clusterv1alpha1.Push, APIEndpoint: "https://10.0.0.1:6443",
			SecretRef: &clusterv1alpha1.LocalSecretReference{Namespace: "karmada-cluster", Name: "member1"},
		},
	}
	for _, change := range changes {
		change(c)
	}
	return c
}

func newSecret(token, caBundle string) *corev1.Secret {
	return &corev1.Secret{Data: map[string][]byte{"token": []byte(token), "caBundle": []byte(caBundle)}}
}

func certificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

func TestEndpointOf(t *testing.T) {
	bundle := certificate(t)
	for _, test := range []struct {
		name    string
		cluster *clusterv1alpha1.Cluster
		secret  *corev1.Secret
		wantErr string
	}{
		{"whole", newCluster(), newSecret("secret-token", bundle), ""},
		{"roots of the machine", newCluster(), newSecret("secret-token", ""), ""},
		{"no endpoint", newCluster(func(c *clusterv1alpha1.Cluster) { c.Spec.APIEndpoint = "" }), newSecret("t", bundle), "spec.apiEndpoint is empty"},
		{"no URL", newCluster(func(c *clusterv1alpha1.Cluster) { c.Spec.APIEndpoint = "10.0.0.1" }), newSecret("t", bundle), "is not a URL such as"},
		{"no reference", newCluster(func(c *clusterv1alpha1.Cluster) { c.Spec.SecretRef = nil }), nil, "spec.secretRef is not set"},
		{"no secret", newCluster(), nil, "Secret karmada-cluster/member1 of spec.secretRef does not exist"},
		{"no token", newCluster(), newSecret("", bundle), "has no key token"},
		{"broken certificate", newCluster(), newSecret("secret-token", "no certificate"), "holds no PEM certificate"},
		{"broken certificate that is not used", newCluster(func(c *clusterv1alpha1.Cluster) { c.Spec.InsecureSkipTLSVerification = true }),
			newSecret("secret-token", "no certificate"), ""},
		{"proxy", newCluster(func(c *clusterv1alpha1.Cluster) { c.Spec.ProxyURL = "socks5://proxy:1080" }), newSecret("t", bundle), ""},
		{"strange proxy", newCluster(func(c *clusterv1alpha1.Cluster) { c.Spec.ProxyURL = "ftp://proxy" }), newSecret("t", bundle), "use http, https or socks5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			endpoint, err := EndpointOf(test.cluster, test.secret)
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Fatalf("error is %v, want %q", err, test.wantErr)
			}
			if err != nil {
				if strings.Contains(err.Error(), "secret-token") {
					t.Errorf("the error tells the token: %v", err)
				}
				return
			}
			if _, err := NewClients(endpoint, Options{}); err != nil {
				t.Errorf("clients: %v", err)
			}
		})
	}
}

// recorder is a Runner that notes when sessions begin and end.
type recorder struct {
	mu    sync.Mutex
	notes []string
	slow  time.Duration // how long a session takes to end
}

func (r *recorder) Run(ctx context.Context, m *Member) {
	token := "none"
	if _, err := m.Clients(); err == nil {
		token = "some"
	}
	r.note("begin " + token)
	<-ctx.Done()
	if r.slow > 0 {
		<-time.After(r.slow)
	}
	r.note("end " + token)
}

func (r *recorder) note(note string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, note)
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notes)
}

// A session lives as long as the way to its member stays the same, and its successor begins only when it has ended.
func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{slow: time.Hour}
		fleet := NewFleet(Options{}, r)
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			_ = fleet.Start(ctx)
		}()
		fleet.Join(newCluster(), nil)
		synctest.Wait()
		first, _ := fleet.Member("member1")
		fleet.Join(newCluster(func(c *clusterv1alpha1.Cluster) { c.Labels = map[string]string{"a": "b"} }), nil)
		if same, _ := fleet.Member("member1"); same != first || first.Cluster().Labels["a"] != "b" {
			t.Error("an unrelated change opened a new session, or was not shown to the present one")
		}
		fleet.Join(newCluster(), newSecret("token", ""))
		synctest.Wait()
		if diff := cmp.Diff([]string{"begin none"}, r.all()); diff != "" {
			t.Errorf("the new session did not wait (-want +got):\n%s", diff)
		}
		if second, _ := fleet.Member("member1"); second == first {
			t.Error("the new session is not visible while the old one ends")
		}
		cancel()
		<-stopped
		if diff := cmp.Diff([]string{"begin none", "end none", "begin some", "end some"}, r.all()); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}
		fleet.Join(newCluster(func(c *clusterv1alpha1.Cluster) { c.Name = "late" }), nil)
		if _, ok := fleet.Member("late"); ok {
			t.Error("a session began after the end")
		}
	})
}

func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		fleet := NewFleet(Options{}, r)
		fleet.Join(newCluster(), nil)
		synctest.Wait()
		fleet.Leave("member1")
		fleet.Leave("member1")
		synctest.Wait()
		if _, ok := fleet.Member("member1"); ok {
			t.Error("the member is still there")
		}
		if diff := cmp.Diff([]string{"begin none", "end none"}, r.all()); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}
	})
}

// A cluster that leaves and joins again has its second session when the first has ended; nothing is kept of one that stays away.
func TestJoinAfterLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{slow: time.Hour}
		fleet := NewFleet(Options{}, r)
		fleet.Join(newCluster(), nil)
		synctest.Wait()
		fleet.Leave("member1")
		if _, ok := fleet.Member("member1"); ok {
			t.Error("the member is still there")
		}
		fleet.Join(newCluster(), nil)
		if _, ok := fleet.Member("member1"); !ok {
			t.Error("the member has not joined again")
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"begin none"}, r.all()); diff != "" {
			t.Errorf("the second session did not wait (-want +got):\n%s", diff)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		fleet.Leave("member1")
		time.Sleep(time.Hour)
		synctest.Wait()
		if diff := cmp.Diff([]string{"begin none", "end none", "begin none", "end none"}, r.all()); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}
		short := NewFleet(Options{})
		short.Join(newCluster(), nil)
		synctest.Wait()
		short.Leave("member1")
		if n := len(fleet.sessions) + len(short.sessions); n > 0 {
			t.Errorf("%d sessions are kept", n)
		}
	})
}

func TestOnChangeSeesReadiness(t *testing.T) {
	m := New(newCluster(), &Clients{}, nil)
	var seen []bool
	m.OnChange(func(_, _ *clusterv1alpha1.Cluster) { seen = append(seen, m.Ready()) })
	m.observe(newCluster(func(c *clusterv1alpha1.Cluster) {
		c.Status.Conditions = []metav1.Condition{{Type: clusterv1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
	}))
	m.observe(newCluster())
	if diff := cmp.Diff([]bool{true, false}, seen); diff != "" {
		t.Errorf("readiness (-want +got):\n%s", diff)
	}
	if New(newCluster(), nil, errors.New("no secret")).Ready() {
		t.Error("a member without a connection is ready")
	}
}

// At most as many keys as there are workers are handled at a time, each by one worker; failures are tried again later.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue[string](2)
		var running, most, calls atomic.Int32
		failures := map[string]int{}
		var mu sync.Mutex
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			q.Run(ctx, func(_ context.Context, key string) error {
				most.Store(max(most.Load(), running.Add(1)))
				<-time.After(time.Second)
				running.Add(-1)
				calls.Add(1)
				mu.Lock()
				defer mu.Unlock()
				if key == "b" && failures[key] < 2 {
					failures[key]++
					return errors.New("not yet")
				}
				return nil
			})
		}()
		for _, key := range []string{"a", "b", "c", "d", "a"} {
			q.Add(key)
		}
		<-time.After(time.Minute)
		if calls.Load() != 6 || most.Load() != 2 {
			t.Errorf("%d calls, %d at a time; want 6 and 2", calls.Load(), most.Load())
		}
		q.AddAfter("e", time.Hour)
		q.AddAfter("e", time.Second)
		<-time.After(time.Minute)
		if calls.Load() != 7 {
			t.Errorf("%d calls after a delayed key, want 7", calls.Load())
		}
		cancel()
		<-done
	})
}

func TestTrimSecretKeepsOnlyCredentials(t *testing.T) {
	got, err := TrimSecret(&corev1.Secret{Data: map[string][]byte{"token": []byte("t"), "password": []byte("p"), "caBundle": []byte("c")}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(newSecret("t", "c").Data, got.(*corev1.Secret).Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}
