package local

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func newStartCommand(dir *string) *cobra.Command {
	p := Program{}
	o := ProgramOptions{}
	cmd := &cobra.Command{
		Use:   "start NAME [--ready-url URL] -- PROGRAM [ARGUMENT...]",
		Short: "Start a program beside the clusters, such as a scheduler",
		Long: `Start a program beside the clusters and wait until it is ready. It runs in a session of its own, logs into the clusters' folder, is
shown by "local status" and ends with "local down". If it runs already it is left alone, unless its command or its file changed.

Every {port} in the arguments and in the URL stands for one free port.`,
		Example: `  longshore local start scheduler --ready-url https://127.0.0.1:{port}/readyz -- \
    bin/longshore-scheduler --kubeconfig scheduler.kubeconfig --secure-port {port}`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() != 1 || len(args) < 2 {
				return fmt.Errorf("start needs a NAME, then --, then a program: run '%s --help' for an example", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Name, p.Command = args[0], args[1:]
			path, err := exec.LookPath(p.Command[0])
			if err != nil {
				return fmt.Errorf("finding the program: %w", err)
			}
			// The program starts in another folder.
			if p.Command[0], err = filepath.Abs(path); err != nil {
				return fmt.Errorf("finding the program: %w", err)
			}
			o.Dir, o.Progress = *dir, NewProgress(cmd.ErrOrStderr())
			return StartProgram(cmd.Context(), p, o)
		},
	}
	cmd.Flags().StringVar(&p.ReadyURL, "ready-url", "", "URL on this machine that answers 200 when the program can be used; its certificate is not checked")
	cmd.Flags().DurationVar(&o.Timeout, "ready-timeout", time.Minute, "how long the program may take to become ready")
	return cmd
}

func newStopCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use:     "stop NAME",
		Short:   "Stop a program that was started beside the clusters",
		Long:    `Stop a program that "local start" started. The clusters go on.`,
		Example: `  longshore local stop scheduler`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("stop needs the NAME of a program and got %d: \"longshore local status\" lists them, \"longshore local down\" stops everything", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return StopProgram(cmd.Context(), *dir, args[0], NewProgress(cmd.ErrOrStderr()))
		},
	}
}
