package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	"sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
)

// installsSignalHandler names the components whose upstream command insists on installing its own handler.
var installsSignalHandler = map[string]bool{"kube-apiserver": true, "kube-scheduler": true}

func newAPIServerCommand(context.Context) *cobra.Command { return apiserver.NewAPIServerCommand() }

func newSchedulerCommand(context.Context) *cobra.Command { return scheduler.NewSchedulerCommand() }

// newKwokCommand reads kwok's --config (from os.Args, as kwok does) before it builds the command, since the stages travel in the context.
func newKwokCommand(ctx context.Context) *cobra.Command {
	global := pflag.NewFlagSet("global", pflag.ContinueOnError)
	global.ParseErrorsAllowlist.UnknownFlags = true
	global.Usage = func() {}
	ctx, _ = log.InitFlags(ctx, global)
	ctx, err := config.InitFlags(ctx, global)
	if err != nil {
		return &cobra.Command{SilenceUsage: true, RunE: func(*cobra.Command, []string) error { return err }}
	}
	cmd := kwok.NewCommand(ctx)
	cmd.PersistentFlags().AddFlagSet(global)
	cmd.Version = "" // the Kubernetes packages linked beside it own the --version flag
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cmd.SetContext(ctx)
		return run(cmd, args)
	}
	return cmd
}
