package cordon

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
	"github.com/longshore-project/longshore/cmd/longshore/connect"
)

const (
	cordonLong = `Keep new workloads away from clusters: put the taint cluster.karmada.io/unschedulable:NoSchedule on them.
What runs in them stays, and policies that tolerate the taint still choose them.`

	cordonExample = `  # One cluster, several, or all of a region by the labels of their Cluster objects
  longshore cordon member1
  longshore cordon member1 member2
  longshore cordon -l region=eu-west`

	uncordonLong = `Let new workloads come to clusters again: take away the taint cluster.karmada.io/unschedulable:NoSchedule.`

	uncordonExample = `  longshore uncordon member1`
)

// options are the flags of both commands.
type options struct {
	source   *connect.Source
	selector string
	// wanted is true for cordon.
	wanted bool
}

// NewCommand returns `longshore cordon`.
func NewCommand() *cobra.Command {
	return newCommand(true, &cobra.Command{
		Use:     "cordon (NAME... | -l SELECTOR)",
		Short:   "Keep new workloads away from clusters",
		Long:    cordonLong,
		Example: cordonExample,
	})
}

// NewUncordonCommand returns `longshore uncordon`.
func NewUncordonCommand() *cobra.Command {
	return newCommand(false, &cobra.Command{
		Use:     "uncordon (NAME... | -l SELECTOR)",
		Short:   "Let new workloads come to clusters again",
		Long:    uncordonLong,
		Example: uncordonExample,
	})
}

func newCommand(wanted bool, cmd *cobra.Command) *cobra.Command {
	o := options{source: connect.ControlPlane(), wanted: wanted}
	o.source.Bind(cmd.Flags())
	cmd.Flags().StringVarP(&o.selector, "selector", "l", "", "choose the clusters by their labels instead of by name")
	cmd.ValidArgsFunction = o.source.CompleteClusters
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return o.run(cmd.Context(), cmd.OutOrStdout(), args)
	}
	return cmd
}

// run does what it can: one cluster that does not exist keeps it from none of the others.
func (o *options) run(ctx context.Context, out io.Writer, names []string) error {
	if (len(names) == 0) == (o.selector == "") {
		return errors.New("which clusters? Give their names or --selector, and not both")
	}
	selector, err := labels.Parse(o.selector)
	if err != nil {
		return fmt.Errorf("reading --selector: %w", err)
	}
	c, err := o.source.Dial(ctx)
	if err != nil {
		return err
	}
	if o.selector != "" {
		if names, err = selected(ctx, c, selector); err != nil {
			return err
		}
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, o.apply(ctx, c, out, name))
	}
	return errors.Join(errs...)
}

func selected(ctx context.Context, c *connect.Client, selector labels.Selector) ([]string, error) {
	var list clusterv1alpha1.ClusterList
	if err := c.List(ctx, &list, client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, c.Explain(fmt.Errorf("listing clusters: %w", err))
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("no cluster has the labels %s: 'kubectl get clusters --show-labels' lists them", selector)
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].Name
	}
	return names, nil
}

// apply patches under the resourceVersion that it has read: the list of taints is written as a whole, and one that a controller adds
// meanwhile must not be lost.
func (o *options) apply(ctx context.Context, c *connect.Client, out io.Writer, name string) error {
	done := map[bool]string{true: "cordoned", false: "uncordoned"}[o.wanted]
	var already bool
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		var cluster clusterv1alpha1.Cluster
		if err := c.Get(ctx, client.ObjectKey{Name: name}, &cluster); err != nil {
			return err
		}
		if already = Cordoned(cluster.Spec.Taints) == o.wanted; already {
			return nil
		}
		patch := client.MergeFromWithOptions(cluster.DeepCopy(), client.MergeFromWithOptimisticLock{})
		cluster.Spec.Taints = plan(cluster.Spec.Taints, o.wanted)
		return c.Patch(ctx, &cluster, patch)
	})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("there is no cluster %q: 'kubectl get clusters' lists them", name)
	case err != nil:
		return c.Explain(fmt.Errorf("changing the taints of cluster %s: %w", name, err))
	case already:
		fmt.Fprintf(out, "cluster %s already %s\n", name, done)
	default:
		fmt.Fprintf(out, "cluster %s %s\n", name, done)
	}
	return nil
}
