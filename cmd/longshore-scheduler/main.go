// Command longshore-scheduler decides on which member clusters templates run. It works against any control plane that serves the API groups
// of Karmada, as its only scheduler or beside others under a name of its own.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/longshore-project/longshore/cmd/internal/configfile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(logr.NewContext(ctx, klog.Background()), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "longshore-scheduler:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args, out)
	if err != nil || o == nil {
		return err
	}
	registry := configfile.Registry()
	configuration, err := o.configuration(registry)
	if err != nil {
		return err
	}
	if o.answers() {
		return o.answer(configuration, registry, out)
	}
	return schedule(ctx, o, configuration, registry)
}
