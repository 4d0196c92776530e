// Package root assembles the longshore command from its sub-commands.
package root

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/longshore-project/longshore/apis/crds"
	"github.com/longshore-project/longshore/cmd/internal/build"
	"github.com/longshore-project/longshore/cmd/longshore/cordon"
	"github.com/longshore-project/longshore/cmd/longshore/estimate"
	"github.com/longshore-project/longshore/cmd/longshore/explain"
	"github.com/longshore-project/longshore/cmd/longshore/join"
	"github.com/longshore-project/longshore/cmd/longshore/local"
	"github.com/longshore-project/longshore/cmd/longshore/plugins"
)

const (
	long = `longshore brings clusters into a fleet, takes them out again, and runs a whole fleet on this machine.

Everything else is done with kubectl: apply a workload and a PropagationPolicy to the control plane, and the
scheduler and the controllers place it in the members.`

	example = `  # A control plane and three members on this machine
  longshore local up

  # Bring a cluster into the fleet
  longshore join member1 --cluster-kubeconfig member1.kubeconfig --cluster-region eu-west

  # Keep new workloads away from it, and let them come back
  longshore cordon member1
  longshore uncordon member1

  # Why does a workload run where it runs?
  longshore explain deployment nginx

  # Take it out again
  longshore unjoin member1 --cluster-kubeconfig member1.kubeconfig`
)

// NewCommand returns the whole command tree. Program is os.Args[0]: called as kubectl-NAME, the help text says "kubectl NAME".
// The command prints neither errors nor usage on failure; the caller prints the error that Execute returns.
func NewCommand(program string) *cobra.Command {
	// Libraries log what the commands report as errors; without a logger they would complain about that, in a stack trace.
	log.SetLogger(logr.Discard())
	name, shown := names(program)
	cmd := &cobra.Command{
		Use:           name,
		Short:         "Run workloads over a fleet of Kubernetes clusters",
		Long:          long,
		Example:       example,
		Version:       build.Version(),
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: shown},
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetVersionTemplate("{{.DisplayName}} {{.Version}}\n")
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: run '%s --help' for the flags", err, c.CommandPath())
	})
	cmd.AddCommand(
		join.NewCommand(),
		join.NewUnjoinCommand(),
		cordon.NewCommand(),
		cordon.NewUncordonCommand(),
		estimate.NewCommand(),
		explain.NewCommand(),
		local.NewCommand(crds.Install),
		plugins.NewCommand(),
	)
	showAs(cmd, shown)
	return cmd
}

// showAs lets the examples of all commands call the program as its user did.
func showAs(cmd *cobra.Command, shown string) {
	cmd.Example = strings.ReplaceAll(cmd.Example, "  longshore ", "  "+shown+" ")
	for _, sub := range cmd.Commands() {
		showAs(sub, shown)
	}
}

// names returns the name of the program file and the name under which its caller knows it.
func names(program string) (name, shown string) {
	name = strings.TrimSuffix(filepath.Base(program), ".exe")
	if plugin, ok := strings.CutPrefix(name, "kubectl-"); ok {
		return name, "kubectl " + plugin
	}
	return name, name
}
