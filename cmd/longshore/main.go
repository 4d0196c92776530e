// Command longshore is the command line of Longshore.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/cmd/longshore/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "longshore", Short: "Place workloads over a fleet of Kubernetes clusters", SilenceErrors: true}
	root.AddCommand(local.NewCommand(nil))
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "longshore:", err)
		os.Exit(1)
	}
}
