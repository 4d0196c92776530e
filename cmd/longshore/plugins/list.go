package plugins

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/cmd/longshore/schedulerport"
	"github.com/longshore-project/longshore/plugins/host"
)

const (
	listLong = `List the external plugins of a running scheduler: what each is, whether it runs, how long its last answers took, how
often it was started again, and the last thing that went wrong with it.`

	listExample = `  # The scheduler on this machine
  longshore plugins list

  # One in a cluster
  kubectl -n karmada-system port-forward deploy/longshore-scheduler 10351 &
  longshore plugins list

  # One with a certificate of an own CA, for a script
  longshore plugins list --scheduler https://scheduler.example.org:10351 --certificate-authority ca.crt -o json`
)

func newListCommand() *cobra.Command {
	var port schedulerport.Port
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the external plugins of a running scheduler",
		Long:    listLong,
		Example: listExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			return port.Show(cmd.Context(), out, host.ReportPath, nil, func(document []byte) error { return printPlugins(out, document) })
		},
	}
	port.Bind(cmd)
	return cmd
}

// printPlugins prints a line for each stage of each plugin, and below all of them what went wrong last.
func printPlugins(out io.Writer, document []byte) error {
	report, err := host.DecodeReport(document)
	if err != nil {
		return err
	}
	if len(report.Plugins) == 0 {
		fmt.Fprintln(out, "the scheduler has no external plugins")
		return nil
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tPROFILE\tVERSION\tSTATE\tSINCE\tRESTARTS\tPOLICY\tSTAGE\tCALLS\tP50\tP90\tP99")
	for i := range report.Plugins {
		printPlugin(t, &report.Plugins[i], report.Time)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range report.Plugins {
		if p := &report.Plugins[i]; p.LastError != "" {
			fmt.Fprintf(out, "%s of %s, %s: %s\n", p.Name, p.Profile, lastErrorAge(p, report.Time), strings.ReplaceAll(p.LastError, "\n", "; "))
		}
	}
	return nil
}

func lastErrorAge(p *host.PluginReport, now time.Time) string {
	if p.LastErrorTime == nil {
		return "last error"
	}
	return "last error " + schedulerport.Ago(now, *p.LastErrorTime) + " ago"
}

func printPlugin(t io.Writer, p *host.PluginReport, now time.Time) {
	state := string(p.State)
	if p.Suspended {
		state += ",Suspended"
	}
	head := strings.Join([]string{
		p.Name, p.Profile, orDash(p.Version), state, schedulerport.Ago(now, p.Since), strconv.Itoa(p.Restarts), string(p.FailurePolicy),
	}, "\t")
	answered := map[string]host.StageLatency{}
	for _, l := range p.Latencies {
		answered[l.Stage] = l
	}
	for _, stage := range p.Stages {
		times := "0\t-\t-\t-"
		if l, ok := answered[stage]; ok {
			times = fmt.Sprintf("%d\t%v\t%v\t%v", l.Calls, short(time.Duration(l.P50)), short(time.Duration(l.P90)), short(time.Duration(l.P99)))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", head, stage, times)
		head = strings.Repeat("\t", strings.Count(head, "\t"))
	}
	if len(p.Stages) == 0 {
		fmt.Fprintf(t, "%s\t-\t0\t-\t-\t-\n", head)
	}
}

// orDash is how an empty cell looks.
func orDash(text string) string { return cmp.Or(text, "-") }
