package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// newEtcdCommand reads the configuration file that etcd itself reads with the same flag. The flags of etcd's own command are left out
// because its package also drags in the gRPC proxy.
func newEtcdCommand(context.Context) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Short:        "one etcd server",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runEtcd(cmd.Context(), file)
		},
	}
	cmd.Flags().StringVar(&file, "config-file", "", "etcd configuration file (YAML)")
	_ = cmd.MarkFlagRequired("config-file")
	return cmd
}

func runEtcd(ctx context.Context, file string) error {
	config, err := embed.ConfigFromFile(file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	server, err := embed.StartEtcd(config)
	if err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return nil
	case <-server.Server.StopNotify():
		return errors.New("the server stopped by itself")
	case err := <-server.Err():
		return fmt.Errorf("serving: %w", err)
	}
}
