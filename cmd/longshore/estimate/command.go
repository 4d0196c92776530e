// Package estimate asks estimators by hand how many replicas of a workload fit in each member.
package estimate

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	estimatorv1 "github.com/longshore-project/longshore/estimator/proto/v1"
)

const (
	long = `Ask estimators how many replicas of a workload fit in each member now, as the scheduler asks them.

The workload is read from a file and need not exist anywhere. FIT is what the nodes, and the ResourceQuotas of the namespace, have room for beside
the pods that are there; AGE is how long ago the estimator last heard of the member. A member about which nothing is known has "-", and why.`

	example = `  # An estimator on this machine without TLS
  longshore estimate -f deployment.yaml

  # The one of "make demo", and every change, such as that of a node that is cordoned, until Ctrl-C
  longshore estimate -f samples/dynamic-weight/deployment.yaml --estimator unix:///path/estimator.sock --watch

  # Two estimators with TLS, about two members
  longshore estimate -f deployment.yaml --members member1,member2 \
    --estimator estimator1.example.org:10352 --estimator estimator2.example.org:10352 \
    --certificate-authority tls/ca.crt --client-certificate tls/client.crt --client-key tls/client.key

  # For a script
  helm template chart | longshore estimate -f - -o json`
)

// options are the flags.
type options struct {
	file      string
	namespace string
	members   []string
	servers   servers
	timeout   time.Duration
	output    string
	watch     bool
}

// NewCommand returns `longshore estimate`.
func NewCommand() *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use:               "estimate -f FILE",
		Short:             "Ask estimators how many replicas of a workload fit in each member",
		Long:              long,
		Example:           example,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&o.file, "filename", "f", "", "file with the workload, such as a Deployment; - reads the standard input")
	fs.StringVarP(&o.namespace, "namespace", "n", "", "namespace whose ResourceQuotas count; default: that in the file, or else default")
	fs.StringSliceVar(&o.members, "members", nil, "ask about these members only; default: all that the estimators observe")
	o.servers.bind(fs)
	fs.DurationVar(&o.timeout, "timeout", 5*time.Second, "how long to wait for an answer")
	fs.StringVarP(&o.output, "output", "o", "table", "table or json")
	fs.BoolVarP(&o.watch, "watch", "w", false, "go on and print what changes, until the command is ended")
	// They fail only for flags that do not exist.
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]cobra.Completion{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// validate returns what is wrong with the flags.
func (o *options) validate() error {
	switch {
	case o.file == "":
		return fmt.Errorf("which workload? Name its file with --filename, or - for the standard input")
	case o.output != "table" && o.output != "json":
		return fmt.Errorf("--output %q is unknown: table or json", o.output)
	case o.watch && o.output != "table":
		return fmt.Errorf("--watch prints a table: leave out --output")
	case o.timeout <= 0:
		return fmt.Errorf("--timeout is %s: use more than 0", o.timeout)
	}
	return nil
}

func (o *options) run(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := o.validate(); err != nil {
		return err
	}
	w, err := readWorkload(o.file, in, o.namespace)
	if err != nil {
		return err
	}
	estimators, err := o.servers.connect()
	if err != nil {
		return err
	}
	defer estimators.close()
	request := &estimatorv1.EstimateRequest{Members: o.members, Questions: []*estimatorv1.Question{w.question}}
	if o.output == "json" {
		return estimators.printJSON(ctx, out, request, o.timeout)
	}
	fmt.Fprintln(out, w)
	t := newTable(out)
	if o.watch {
		return estimators.watch(ctx, t, request, o.timeout)
	}
	answers, err := estimators.ask(ctx, request, o.timeout)
	t.print(answers)
	return err
}
