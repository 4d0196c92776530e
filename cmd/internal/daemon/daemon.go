// Package daemon makes the commands of programs that take flags only and run until they are told to end.
package daemon

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/longshore-project/longshore/cmd/internal/build"
)

// Daemon is one such program.
type Daemon struct {
	Name, Short, Long, Example string
	// AddFlags registers the flags, beside those of logging, which every daemon has.
	AddFlags func(*pflag.FlagSet)
	// Validate returns an error if the flags have a value that cannot work.
	Validate func() error
	// Run works until its context ends, with the first SIGINT or SIGTERM; a second one ends the process at once.
	Run func(context.Context) error
}

// Command returns the command of the daemon. It can run once in a process: logging and signals are the process's.
func (d *Daemon) Command() *cobra.Command {
	logging := logsapi.NewLoggingConfiguration()
	command := &cobra.Command{
		Use:               d.Name,
		Short:             d.Short,
		Long:              d.Long,
		Example:           d.Example,
		Args:              cobra.NoArgs,
		Version:           build.Version(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(*cobra.Command, []string) error {
			if err := d.Validate(); err != nil {
				return err
			}
			if err := logsapi.ValidateAndApply(logging, nil); err != nil {
				return err
			}
			defer logs.FlushLogs()
			return d.Run(ctrl.SetupSignalHandler())
		},
	}
	d.AddFlags(command.Flags())
	logsapi.AddFlags(logging, command.Flags())
	return command
}

// Main executes the command of a process and ends that with 1 and the error, if there is one.
func Main(command *cobra.Command) {
	if err := command.Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", command.Name(), err)
		os.Exit(1)
	}
}
