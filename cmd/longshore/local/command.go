package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
)

// NewCommand returns "longshore local". prepare, if not nil, is Options.Prepare. Progress goes to stderr, results go to stdout.
func NewCommand(prepare func(context.Context, *rest.Config) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "local",
		Short: "Run a control plane and member clusters on this machine",
		Long: `Run a control plane and member clusters on this machine, without containers: real API servers, simulated nodes.

The programs of Kubernetes are taken from KUBEBUILDER_ASSETS or PATH if etcd, kube-apiserver, kube-controller-manager, kube-scheduler
and kwok are all there. Otherwise one program that can act as each of them is built from source, once, into the cache directory; from an
empty Go cache this takes minutes.`,
		Example: `  longshore local up                  # a control plane and three members
  longshore local status
  export KUBECONFIG=~/.local/state/longshore/kubeconfig
  kubectl --context member2 get nodes
  longshore local down                # stop; "up" finds everything again
  longshore local down --purge        # stop and forget`,
		Args: cobra.NoArgs,
	}
	var dir string
	cmd.PersistentFlags().StringVar(&dir, "dir", "", "folder for state, keys, data and logs (default $XDG_STATE_HOME/longshore or ~/.local/state/longshore)")
	cmd.AddCommand(newUpCommand(&dir, prepare), newDownCommand(&dir), newStatusCommand(&dir), newBuildCommand(), newStartCommand(&dir), newStopCommand(&dir))
	return cmd
}

func newUpCommand(dir *string, prepare func(context.Context, *rest.Config) error) *cobra.Command {
	o := Options{Prepare: prepare}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the control plane and the members, or what of them does not run",
		Long: `Start the control plane and the members and wait until all can be used. Clusters that run are left alone, processes that died are
started again with the same address and data, and members that are missing are added. Ctrl-C stops what this command started.`,
		Example: `  longshore local up
  longshore local up --members 1 --nodes 5 --dir /tmp/fleet`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			o.Dir, o.Progress = *dir, NewProgress(cmd.ErrOrStderr())
			s, err := Up(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := WriteStatus(cmd.OutOrStdout(), s.Status(cmd.Context()), time.Now()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\nTo use them:\n  export KUBECONFIG=%s\n  kubectl config get-contexts\n", s.MergedKubeconfig())
			return nil
		},
	}
	cmd.Flags().IntVar(&o.Members, "members", 3, "number of member clusters")
	cmd.Flags().IntVar(&o.Nodes, "nodes", 3, "number of simulated nodes of a new member")
	return cmd
}

func newDownCommand(dir *string) *cobra.Command {
	var o DownOptions
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop all clusters",
		Long: `Stop the clusters and the programs that run beside them. Keys, data and logs stay, so that "local up" finds everything again,
unless --purge is given.`,
		Example: `  longshore local down
  longshore local down --purge   # remove data, keys and logs too`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			o.Dir, o.Progress = *dir, NewProgress(cmd.ErrOrStderr())
			return Down(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Purge, "purge", false, "remove the clusters' data, keys and logs too")
	return cmd
}

func newStatusCommand(dir *string) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the clusters; exit code 1 if one is not ready",
		Long:  `Show what runs, since when and where, and what is missing. The exit code is 1 if a cluster is not ready.`,
		Example: `  longshore local status
  longshore local status -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			return printStatus(cmd, *dir, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", `"json", or empty for a table`)
	return cmd
}

// errNotReady says nothing that the table did not say.
var errNotReady = errors.New("not every cluster is ready: \"longshore local up\" starts what is missing")

func printStatus(cmd *cobra.Command, dir, output string) error {
	if output != "" && output != "json" {
		return fmt.Errorf("unknown output format %q: use json, or leave the flag out for a table", output)
	}
	dir, err := absoluteDir(dir)
	if err != nil {
		return err
	}
	s, err := Load(dir)
	if err != nil {
		return err
	}
	statuses := s.Status(cmd.Context())
	if output == "json" {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		err = encoder.Encode(statuses)
	} else {
		err = errors.Join(WriteStatus(cmd.OutOrStdout(), statuses, time.Now()), s.writePrograms(cmd.OutOrStdout(), time.Now()))
	}
	if err == nil && !AllReady(statuses) {
		err = errNotReady
	}
	return err
}

func newBuildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Build localkube into the cache, unless it is there, and print its path",
		Long: `Build localkube, the program that acts as every component of a cluster, unless the cache has it, and print its path. "local up" does
so when it has to; this command is for preparing an image or a CI cache.`,
		Example: `  longshore local build`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceUsage = true
			path, _, err := Localkube(cmd.Context(), NewProgress(os.Stderr))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
			return err
		},
	}
}
