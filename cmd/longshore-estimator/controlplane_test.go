package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"k8s.io/client-go/rest"

	"github.com/longshore-project/longshore/apis/crds"
	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/local/localtest"
	"github.com/longshore-project/longshore/cmd/longshore/root"
	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

// TestControlPlane lets an estimator with the rights of deploy/estimator-control-plane.yaml find a member that joins, and lose it when it leaves.
func TestControlPlane(t *testing.T) {
	controlPlane := apiServer(t, localtest.Options{Name: "control-plane", Controllers: local.ControlPlaneControllers, Prepare: crds.Install})
	member := apiServer(t, localtest.Options{Name: "member1", Controllers: local.ControlPlaneControllers})
	addNode(t, clientsOf(t, member), "node", 4)
	kubectl(t, controlPlane, "apply", "-f", "../../deploy/namespace.yaml", "-f", "../../deploy/estimator-control-plane.yaml")
	account := accountOf(t, controlPlane, "karmada-system")
	e := startOnSocket(t, "--control-plane="+account)
	e.eventuallySays(t, "member1", estimatorv1.Reason_REASON_NOT_SERVED, "is not observed here; observed: none")

	longshore(t, "join", "member1", "--kubeconfig", controlPlane.Kubeconfig, "--cluster-kubeconfig", member.Kubeconfig)
	e.eventuallyFits(t, "member1", 4)
	mayNot(t, account, "get secrets --namespace karmada-system", "list secrets --all-namespaces", "update clusters.cluster.karmada.io", "create pods")
	longshore(t, "unjoin", "member1", "--kubeconfig", controlPlane.Kubeconfig, "--cluster-kubeconfig", member.Kubeconfig)
	e.eventuallySays(t, "member1", estimatorv1.Reason_REASON_NOT_SERVED, "observed: none")
}

// TestMemberRights observes a member with an account that may do nothing at first, and then what deploy/estimator.yaml says.
func TestMemberRights(t *testing.T) {
	member := apiServer(t, localtest.Options{Name: "member1", Controllers: local.ControlPlaneControllers})
	addNode(t, clientsOf(t, member), "node", 4)
	kubectl(t, member, "create", "namespace", "longshore-system")
	kubectl(t, member, "create", "serviceaccount", "longshore-estimator", "--namespace", "longshore-system")
	account := accountOf(t, member, "longshore-system")
	e := startOnSocket(t, "--cluster-name=member1", "--kubeconfig="+account)
	e.eventuallySays(t, "member1", estimatorv1.Reason_REASON_NOT_SYNCED, `User "system:serviceaccount:longshore-system:longshore-estimator" cannot list resource`)

	kubectl(t, member, "apply", "-f", "../../deploy/estimator.yaml")
	e.eventuallyFits(t, "member1", 4)
	mayNot(t, account, "list secrets --all-namespaces", "create pods", "update nodes", "delete replicasets.apps")
}

// onSocket is an estimator process that serves on a unix socket.
type onSocket struct{ service estimatorv1.EstimatorClient }

func startOnSocket(t *testing.T, args ...string) *onSocket {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	start(t, program(t.Context(), append(args, "--socket="+path, "--secure-port=0")...))
	conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &onSocket{service: estimatorv1.NewEstimatorClient(conn)}
}

// eventuallySays waits until nothing is known about the member for that reason, with that text in the message.
func (e *onSocket) eventuallySays(t *testing.T, member string, reason estimatorv1.Reason, text string) {
	t.Helper()
	eventually(t, member+" is unknown: "+text, func(ctx context.Context) (bool, error) {
		answer := fits(ctx, e.service, member)
		return answer.GetUnknown() == reason && answer.Sets == nil && strings.Contains(answer.GetMessage(), text), nil
	})
}

// eventuallyFits waits until so many pods of a core fit in the member.
func (e *onSocket) eventuallyFits(t *testing.T, member string, pods int64) {
	t.Helper()
	eventually(t, "what fits in "+member+" is known", func(ctx context.Context) (bool, error) {
		answer := fits(ctx, e.service, member)
		return answer.GetUnknown() == estimatorv1.Reason_REASON_UNSPECIFIED && answer.GetSets() == pods, nil
	})
}

// fits asks how many pods of a core fit in a member. It returns nil if nobody answers.
func fits(ctx context.Context, e estimatorv1.EstimatorClient, member string) *estimatorv1.Answer {
	response, err := e.Estimate(ctx, &estimatorv1.EstimateRequest{Members: []string{member}, Questions: []*estimatorv1.Question{
		{Components: []*estimatorv1.Component{{Shape: &estimatorv1.Shape{Requests: map[string]int64{"cpu": 1000}}, Replicas: 1}}},
	}})
	if err != nil {
		return nil
	}
	return response.GetMembers()[0].GetAnswers()[0]
}

// kubectl runs it in a cluster as administrator and returns what it printed.
func kubectl(t *testing.T, c *localtest.Cluster, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "kubectl", append([]string{"--kubeconfig", c.Kubeconfig}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// mayNot checks what an account may not do, each in the words of kubectl auth can-i.
func mayNot(t *testing.T, kubeconfig string, actions ...string) {
	t.Helper()
	for _, action := range actions {
		args := append([]string{"--kubeconfig", kubeconfig, "auth", "can-i"}, strings.Fields(action)...)
		out, err := exec.CommandContext(t.Context(), "kubectl", args...).Output()
		if _, refused := errors.AsType[*exec.ExitError](err); !refused || strings.TrimSpace(string(out)) != "no" {
			t.Errorf("may the estimator %s? kubectl says %q, %v", action, out, err)
		}
	}
}

// accountOf returns a kubeconfig with a token of the service account longshore-estimator of a namespace.
func accountOf(t *testing.T, c *localtest.Cluster, namespace string) string {
	t.Helper()
	config := rest.AnonymousClientConfig(c.Config)
	config.BearerToken = kubectl(t, c, "create", "token", "longshore-estimator", "--namespace", namespace)
	return connecttest.Kubeconfig(t, config)
}

// longshore runs the command line.
func longshore(t *testing.T, args ...string) {
	t.Helper()
	if out, err := connecttest.Run(t, root.NewCommand("longshore"), args...); err != nil {
		t.Fatalf("longshore %v: %v\n%s", args, err, out)
	}
}
