package join

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/connect"
)

const joinLong = `Bring a cluster into the fleet.

In the member, join creates a namespace, a service account with a ClusterRole of its own, and a token for it. In the
control plane it stores token and CA in a Secret and creates the Cluster. It may be run again: what is missing or differs
is repaired. If it fails, it removes what it made.

The role is broad, because users of the control plane may propagate any kind of object: it allows to read and write all
resources and to grant roles, but not to impersonate anybody.`

const joinExample = `  # The member's kubeconfig is a file of its own; the control plane is kubectl's current context
  longshore join member1 --cluster-kubeconfig member1.kubeconfig

  # Both are contexts of one file, and policies may spread over region and zones
  longshore join member2 --context fleet --cluster-context member2 \
    --cluster-provider aws --cluster-region eu-west-1 --cluster-zones eu-west-1a,eu-west-1b

  # Show what would be written
  longshore join member1 --cluster-kubeconfig member1.kubeconfig --dry-run`

// NewCommand returns `longshore join`.
func NewCommand() *cobra.Command {
	var (
		r            Registration
		dryRun       bool
		controlPlane = connect.ControlPlane()
		member       = connect.Member()
	)
	cmd := &cobra.Command{
		Use:     "join NAME",
		Short:   "Bring a cluster into the fleet",
		Long:    joinLong,
		Example: joinExample,
		Args:    connect.OneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Name = args[0]
			j := &joining{Registration: r, journal: &journal{out: cmd.OutOrStdout()}}
			if err := j.connect(cmd.Context(), controlPlane, member); err != nil {
				return err
			}
			return j.execute(cmd.Context(), cmd.OutOrStdout(), dryRun)
		},
	}
	fs := cmd.Flags()
	controlPlane.Bind(fs)
	member.Bind(fs)
	fs.StringVar(&r.Namespace, "cluster-namespace", DefaultNamespace, "namespace for the service account in the member and for its Secret in the control plane")
	fs.StringVar(&r.Provider, "cluster-provider", "", "who runs the member, for policies that select or spread by provider")
	fs.StringVar(&r.Region, "cluster-region", "", "region in which the member stands")
	fs.StringSliceVar(&r.Zones, "cluster-zones", nil, "zones over which the member's nodes spread, separated by commas")
	fs.BoolVar(&dryRun, "dry-run", false, "check everything and print what would be written, without writing")
	return cmd
}

// connect refuses bad flags before it asks anybody anything.
func (j *joining) connect(ctx context.Context, controlPlane, member *connect.Source) (err error) {
	if err := CheckName(j.Name); err != nil {
		return err
	}
	if err := j.checkLocation(); err != nil {
		return err
	}
	if !member.Given() {
		return fmt.Errorf("which cluster shall join as %q? Name it by --cluster-kubeconfig or --cluster-context", j.Name)
	}
	if member.Kubeconfig == "" {
		member.Kubeconfig = controlPlane.Kubeconfig
	}
	if j.controlPlane, err = controlPlane.Dial(ctx); err != nil {
		return err
	}
	if j.member, err = member.Dial(ctx); err != nil {
		return err
	}
	return j.observe(ctx)
}

func (j *joining) execute(ctx context.Context, out io.Writer, dryRun bool) error {
	var fleet clusterv1alpha1.ClusterList
	if err := j.controlPlane.List(ctx, &fleet); err != nil {
		return j.controlPlane.Explain(fmt.Errorf("listing the clusters of the fleet: %w", err))
	}
	existing, err := j.checkFleet(fleet.Items)
	if err != nil {
		return err
	}
	if dryRun {
		return j.print(out)
	}
	if err := j.run(ctx); err != nil {
		return fmt.Errorf("joining %s: %w", j.Name, err)
	}
	switch {
	case existing == nil:
		fmt.Fprintf(out, "cluster %s joined\n", j.Name)
	case j.journal.unchanged():
		fmt.Fprintf(out, "cluster %s is joined already, nothing to do\n", j.Name)
	default:
		fmt.Fprintf(out, "cluster %s was joined already, repaired\n", j.Name)
	}
	return nil
}
