// Command longshore-controller-manager runs every controller of the control plane except the scheduler.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/longshore-project/longshore/cmd/internal/build"
)

const example = `  # Use the control plane that "longshore local up" started:
  longshore-controller-manager --kubeconfig ~/.local/state/longshore/control-plane.kubeconfig

  # A single instance on a laptop, with debug messages and fast detection of dead members:
  longshore-controller-manager --kubeconfig kubeconfig --leader-elect=false --cluster-failure-threshold 5s -v 1

  # Also move replicas that find no node in their member; the file is one of the scheduler, with estimators in a profile:
  longshore-controller-manager --kubeconfig kubeconfig --descheduler-config scheduler.yaml

  # Is it well?
  curl --insecure https://127.0.0.1:10357/readyz`

func main() {
	if err := newCommand().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "longshore-controller-manager: %v\n", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	options := defaultOptions()
	logging := logsapi.NewLoggingConfiguration()
	command := &cobra.Command{
		Use:           "longshore-controller-manager",
		Short:         "Turn policies into placed workloads",
		Long:          "Runs the controllers of the control plane: members joined and observed, policies matched, works executed, statuses brought back.\nThe scheduler is a process of its own.",
		Example:       example,
		Args:          cobra.NoArgs,
		Version:       build.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			if err := options.validate(); err != nil {
				return err
			}
			if err := logsapi.ValidateAndApply(logging, nil); err != nil {
				return err
			}
			defer logs.FlushLogs()
			return run(ctrl.SetupSignalHandler(), options)
		},
	}
	options.addFlags(command.Flags())
	logsapi.AddFlags(logging, command.Flags())
	return command
}
