package join

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/cmd/longshore/connect"
)

const unjoinLong = `Take a cluster out of the fleet.

The controllers first remove from the member everything that was propagated to it. Then unjoin removes what join made
there, with the kubeconfig given by --cluster-kubeconfig or else with the credentials that join stored in the control
plane. Nothing stays behind in the member. A namespace that was there before, or that holds something else, is kept.

If the member cannot be reached, nothing happens unless --force is given: then the cluster leaves the control plane, and
unjoin says what stays in the member.`

const unjoinExample = `  # With the credentials that join stored
  longshore unjoin member1

  # With the member's own kubeconfig, also to clean up after an interrupted unjoin
  longshore unjoin member1 --cluster-kubeconfig member1.kubeconfig

  # The member is gone for good
  longshore unjoin member1 --force --timeout 30s`

// NewUnjoinCommand returns `longshore unjoin`.
func NewUnjoinCommand() *cobra.Command {
	var (
		u            unjoining
		controlPlane = connect.ControlPlane()
		member       = connect.Member()
	)
	cmd := &cobra.Command{
		Use:     "unjoin NAME",
		Short:   "Take a cluster out of the fleet",
		Long:    unjoinLong,
		Example: unjoinExample,
		Args:    connect.OneName,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx := cmd.Context()
			u.name, u.out = args[0], cmd.OutOrStdout()
			if err := CheckName(u.name); err != nil {
				return err
			}
			if u.controlPlane, err = controlPlane.Dial(ctx); err != nil {
				return err
			}
			if err := u.find(ctx); err != nil {
				return err
			}
			if member.Kubeconfig == "" && member.Given() {
				member.Kubeconfig = controlPlane.Kubeconfig
			}
			if err := u.reach(ctx, member); err != nil {
				return err
			}
			return u.run(ctx)
		},
	}
	fs := cmd.Flags()
	controlPlane.Bind(fs)
	member.Bind(fs)
	fs.StringVar(&u.namespace, "cluster-namespace", DefaultNamespace, "namespace that was given to join; needed only if the Cluster object is gone already")
	fs.BoolVar(&u.force, "force", false, "go on if the member cannot be reached, and take away finalizers that are still there after --timeout")
	fs.DurationVar(&u.timeout, "timeout", 5*time.Minute, "how long to wait for the controllers to remove what was propagated")
	cmd.ValidArgsFunction = controlPlane.CompleteClusters
	return cmd
}
