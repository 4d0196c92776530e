// Package plugins is the group of commands about placement plugins: those on the desk of their author, and those that run in a scheduler.
package plugins

import "github.com/spf13/cobra"

const (
	long = `Look at placement plugins: check and measure one before it decides anything, and see what those of a running
scheduler do.`

	example = `  # Does my plugin keep the promises of the protocol, and how long does it take?
  longshore plugins check ./my-plugin
  longshore plugins bench ./my-plugin

  # What do those of the scheduler do?
  longshore plugins list

  # What would be placed elsewhere with the plugins that the configuration tries out?
  longshore plugins shadow`
)

// NewCommand returns `longshore plugins`.
func NewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "plugins",
		Aliases: []string{"plugin"},
		Short:   "Check, measure and watch placement plugins",
		Long:    long,
		Example: example,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCheckCommand(), newBenchCommand(), newListCommand(), newShadowCommand(), newEmptyCommand())
	return cmd
}
