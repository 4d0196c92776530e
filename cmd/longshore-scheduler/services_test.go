package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/cmd/internal/keys"
	"github.com/longshore-project/longshore/cmd/longshore/local/karmadatest"
	"github.com/longshore-project/longshore/estimator/proto/karmada/pb"
	"github.com/longshore-project/longshore/estimator/proto/karmada/service"
)

// counting is an estimator as Karmada's for one member, in which nothing fits.
type counting struct {
	service.UnimplementedEstimatorServer
	member string
	asked  atomic.Int64
}

func (c *counting) MaxAvailableReplicas(_ context.Context, r *pb.MaxAvailableReplicasRequest) (*pb.MaxAvailableReplicasResponse, error) {
	if r.GetCluster() != c.member {
		return nil, status.Errorf(codes.InvalidArgument, "this is the estimator of %s", c.member)
	}
	c.asked.Add(1)
	return &pb.MaxAvailableReplicasResponse{}, nil
}

// serve serves it with TLS and returns the port.
func (c *counting) serve(t *testing.T) int {
	t.Helper()
	dir := t.TempDir()
	ca, err := keys.NewAuthority("estimators", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := ca.Issue(&x509.Certificate{DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	creds, err := credentials.NewServerTLSFromFile(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.Creds(creds))
	service.RegisterEstimatorServer(s, c)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().(*net.TCPAddr).Port
}

// testServices finds the estimator of one member by its Service, with the rights of deploy/scheduler.yaml; the others have none and are
// judged by their summaries.
func testServices(t *testing.T, k *karmada) {
	west := &counting{member: "west"}
	port := west.serve(t)
	if err := k.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: karmadatest.SystemNamespace, Name: "karmada-scheduler-estimator-west"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost"},
	}); err != nil {
		t.Fatal(err)
	}
	scheduler := k.scheduler(t, "--enable-scheduler-estimator", fmt.Sprintf("--scheduler-estimator-port=%d", port))
	defer scheduler.stop(t)
	// A decision waits for estimators within its budget. On a busy machine connecting takes longer, and the answer serves the decisions after it.
	const attempts = 20
	b, got := &workv1alpha2.ResourceBinding{}, ""
	for n := 0; n < attempts && got != "east:1"; n++ {
		b = workload(fmt.Sprintf("estimated-%d", n), 1)
		b.Spec.Placement.ClusterAffinity = &policyv1alpha1.ClusterAffinity{ClusterNames: []string{"east", "west"}}
		k.create(t, b)
		got = k.placed(t, b)
	}
	if got != "east:1" {
		t.Errorf("placed %s, want east:1: nothing fits in west", got)
	}
	message := meta.FindStatusCondition(b.Status.Conditions, workv1alpha2.ConditionScheduled).Message
	if want := "It was decided with the room of east from summary (estimator karmada-scheduler-estimator-east: "; !strings.Contains(message, want) {
		t.Errorf("the condition says %q, want %q", message, want)
	}
	if west.asked.Load() == 0 {
		t.Error("the estimator of west was not asked")
	}
}
