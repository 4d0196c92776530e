// Command longshore is the command line of Longshore. Installed as kubectl-longshore it is also the kubectl plugin `kubectl longshore`.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/longshore-project/longshore/cmd/longshore/root"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the process at once: only the first one is for cleaning up.
	context.AfterFunc(ctx, stop)

	if err := root.NewCommand(os.Args[0]).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
