package connect

import (
	"slices"

	"github.com/spf13/cobra"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// CompleteClusters is a cobra.CompletionFunc that offers the names of the fleet's clusters that are not among args yet. It offers nothing
// if the control plane cannot be asked: a shell that completes has no place for errors.
func (s *Source) CompleteClusters(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var list clusterv1alpha1.ClusterList
	c, err := s.Dial(cmd.Context())
	if err != nil || c.List(cmd.Context(), &list) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for i := range list.Items {
		if !slices.Contains(args, list.Items[i].Name) {
			names = append(names, list.Items[i].Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
