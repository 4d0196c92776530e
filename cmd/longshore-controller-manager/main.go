// Command longshore-controller-manager runs every controller of the control plane except the scheduler.
package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/cmd/internal/daemon"
)

const long = `Runs the controllers of the control plane: members joined and observed, policies matched, works executed, statuses brought back.
The scheduler is a process of its own.`

const example = `  # Use the control plane that "longshore local up" started:
  longshore-controller-manager --kubeconfig ~/.local/state/longshore/control-plane.kubeconfig

  # A single instance on a laptop, with debug messages and fast detection of dead members:
  longshore-controller-manager --kubeconfig kubeconfig --leader-elect=false --cluster-failure-threshold 5s -v 1

  # Also move replicas that find no node in their member; the file is one of the scheduler, with estimators in a profile:
  longshore-controller-manager --kubeconfig kubeconfig --descheduler-config scheduler.yaml

  # Is it well?
  curl --insecure https://127.0.0.1:10357/readyz`

func main() { daemon.Main(newCommand()) }

func newCommand() *cobra.Command {
	options := defaultOptions()
	d := &daemon.Daemon{
		Name: "longshore-controller-manager", Short: "Turn policies into placed workloads", Long: long, Example: example,
		AddFlags: options.addFlags, Validate: options.validate, Run: func(ctx context.Context) error { return run(ctx, options) },
	}
	return d.Command()
}
