package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// TestCertificatesRenewed replaces all certificates, CA included, under a running estimator. A connection and a watch from before go on; who
// connects afterwards needs the new ones.
func TestCertificatesRenewed(t *testing.T) {
	member := apiServer(t, localtest.Options{Name: "member1"})
	client := clientsOf(t, member)
	addNode(t, client, "first", 4)
	keys, grpcPort, securePort := certificates(t, t.TempDir()), freePort(t), freePort(t)
	start(t, program(t.Context(), append(servingFlags(keys, grpcPort, securePort), "--cluster-name=member1", "--kubeconfig="+member.Kubeconfig)...))
	eventually(t, "it is ready", func(ctx context.Context) (bool, error) { return scrape(ctx, securePort, "/readyz") == "ok", nil })
	before := connect(t, keys, grpcPort)
	watch, err := before.Watch(t.Context(), &estimatorv1.WatchRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	if answer := fits(t.Context(), before, "member1"); answer.GetSets() != 4 {
		t.Fatalf("the answer is %v, want 4", answer)
	}

	old := t.TempDir()
	if err := os.CopyFS(old, os.DirFS(keys)); err != nil {
		t.Fatal(err)
	}
	certificates(t, keys)
	eventually(t, "a client with new certificates is served", func(ctx context.Context) (bool, error) {
		return fits(ctx, connect(t, keys, grpcPort), "member1").GetSets() == 4, nil
	})
	_, err = connect(t, old, grpcPort).Estimate(t.Context(), &estimatorv1.EstimateRequest{})
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a new client with old certificates is told %v, want an error about the certificate", err)
	}
	addNode(t, client, "second", 4)
	for nodes := int32(0); nodes < 2; {
		news, err := watch.Recv()
		if err != nil {
			t.Fatalf("the watch from before ended: %v", err)
		}
		nodes = news.GetChanged()[0].GetUsableNodes()
	}
	if answer := fits(t.Context(), before, "member1"); answer.GetSets() != 8 {
		t.Errorf("on the connection from before the answer is %v, want 8", answer)
	}
	for _, line := range []string{
		`longshore_estimator_member_known{member="member1"} 1`, `longshore_estimator_member_nodes{member="member1"} 2`,
		`longshore_estimator_member_pods{member="member1"} 0`,
	} {
		eventually(t, "the metrics say "+line, shows(securePort, line))
	}
	const counted = `longshore_estimator_request_duration_seconds_count{code="OK",method="/longshore.estimator.v1.Estimator/Estimate"} `
	if metrics := scrape(t.Context(), securePort, "/metrics"); !strings.Contains(metrics, "\n"+counted) {
		t.Errorf("the metrics lack %s", counted)
	}
}

// TestCertificatesReadableByOwnerOnly checks what the command makes.
func TestCertificatesReadableByOwnerOnly(t *testing.T) {
	dir := certificates(t, filepath.Join(t.TempDir(), "new"))
	for _, name := range []string{"ca.crt", "server.crt", "server.key", "client.crt", "client.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}
