// Command longshore-estimator says how many copies of a workload fit in members, to longshore-scheduler and to Karmada's scheduler.
package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/cmd/internal/daemon"
)

const long = `Observes the nodes, pods, ReplicaSets and ResourceQuotas of members and says, over gRPC, how many copies of a workload fit in each, or that
it does not know. It serves its own batch protocol, for longshore-scheduler, and Karmada's, for Karmada's scheduler.`

const example = `  # Certificates for a server on this machine and its clients:
  longshore-estimator certificates ./tls

  # One member, as Karmada's estimator does:
  longshore-estimator --cluster-name member1 --kubeconfig member1.kubeconfig \
    --tls-cert-file tls/server.crt --tls-private-key-file tls/server.key --client-ca-file tls/ca.crt

  # Several members:
  longshore-estimator --member member1=member1.kubeconfig --member member2=all.kubeconfig#context2 --insecure

  # Every member of a control plane that is not in pull mode, with the access that its Clusters and Secrets give:
  longshore-estimator --control-plane control-plane.kubeconfig --insecure

  # Is it well?
  curl --insecure https://127.0.0.1:10354/readyz`

func main() { daemon.Main(newCommand()) }

func newCommand() *cobra.Command {
	options := defaultOptions()
	d := &daemon.Daemon{
		Name: "longshore-estimator", Short: "Say how many copies of a workload fit in members", Long: long, Example: example,
		AddFlags: options.addFlags, Validate: options.validate, Run: func(ctx context.Context) error { return run(ctx, options) },
	}
	command := d.Command()
	command.AddCommand(newCertificatesCommand())
	return command
}
