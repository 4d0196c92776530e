// Command localkube is a whole Kubernetes cluster in one program: every sub-command is one component, started as a process of its
// own by package local of the longshore CLI. It exists so that one link, and one set of module versions, replaces five programs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// components build the commands lazily: the upstream constructors register flags and feature gates in process-wide state and
// install signal handlers, so that at most one of them may ever be called in a process.
var components = map[string]func(context.Context) *cobra.Command{
	"etcd":           newEtcdCommand,
	"kube-apiserver": newAPIServerCommand,
	"kube-scheduler": newSchedulerCommand,
	"controllers":    newControllersCommand,
	"kwok":           newKwokCommand,
}

const usage = `localkube runs one component of a Kubernetes cluster; "longshore local up" starts and connects them.

Usage:
  localkube etcd           --config-file FILE
  localkube kube-apiserver [flags of kube-apiserver]
  localkube kube-scheduler [flags of kube-scheduler]
  localkube controllers    --kubeconfig FILE [--controllers LIST]
  localkube kwok           [flags of kwok]

"localkube COMPONENT --help" lists the flags of a component.
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "localkube:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
		fmt.Print(usage)
		return nil
	}
	build, ok := components[args[0]]
	if !ok {
		return fmt.Errorf("unknown component %q: run \"localkube --help\" for the list", args[0])
	}
	ctx := context.Background()
	if !installsSignalHandler[args[0]] {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
		defer stop()
	}
	cmd := build(ctx)
	cmd.Use = "localkube " + args[0]
	cmd.SilenceErrors = true
	cmd.SetArgs(args[1:])
	if err := cmd.ExecuteContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("running %s: %w", args[0], err)
	}
	return nil
}
