package plugins

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/cmd/longshore/schedulerport"
	"github.com/longshore-project/longshore/scheduler/shadow"
)

const (
	shadowLong = `Show how the decisions of shadows differ from those that are made.

A profile of the scheduler's configuration can have a shadow: other plugins, weights and arguments, which decide about
the same bindings on the same clusters. What they decide is never written. This command prints how often they decided
otherwise, and the latest differences, the last one first: what each decided, how many replicas would run elsewhere and,
for each cluster that differs, what the plugins said otherwise. A dash stands for a cluster that is not chosen.`

	shadowExample = `  longshore plugins shadow

  # One profile, and more of its differences
  longshore plugins shadow --profile default-scheduler --limit 100

  # For a script
  longshore plugins shadow -o json`
)

// defaultLimit is how many differences are printed for each profile.
const defaultLimit = 10

// shadowOptions are the flags of `longshore plugins shadow`.
type shadowOptions struct {
	schedulerport.Port
	profile string
	limit   int
}

func newShadowCommand() *cobra.Command {
	o := shadowOptions{}
	cmd := &cobra.Command{
		Use:     "shadow",
		Short:   "Show how the decisions of shadows differ from those that are made",
		Long:    shadowLong,
		Example: shadowExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.limit < 0 {
				return fmt.Errorf("--limit %d must not be negative", o.limit)
			}
			out := cmd.OutOrStdout()
			return o.Show(cmd.Context(), out, shadow.ReportPath, nil, func(document []byte) error { return o.print(out, document) })
		},
	}
	o.Bind(cmd)
	cmd.Flags().StringVar(&o.profile, "profile", "", "print the shadow of this profile only (table)")
	cmd.Flags().IntVar(&o.limit, "limit", defaultLimit, "print at most so many differences of each profile (table)")
	_ = cmd.RegisterFlagCompletionFunc("profile", o.completeProfiles)
	return cmd
}

// completeProfiles offers the profiles that have a shadow, and nothing if the scheduler cannot be asked.
func (o *shadowOptions) completeProfiles(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	if document, err := o.Ask(cmd.Context(), shadow.ReportPath, nil); err == nil {
		if report, err := shadow.DecodeReport(document); err == nil {
			for i := range report.Profiles {
				names = append(names, report.Profiles[i].Profile)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (o *shadowOptions) print(out io.Writer, document []byte) error {
	report, err := shadow.DecodeReport(document)
	if err != nil {
		return err
	}
	if len(report.Profiles) == 0 {
		fmt.Fprintln(out, "no profile of the scheduler has a shadow: add shadow to one in the configuration file")
		return nil
	}
	printed := 0
	for i := range report.Profiles {
		p := &report.Profiles[i]
		if o.profile != "" && p.Profile != o.profile {
			continue
		}
		if printed++; printed > 1 {
			fmt.Fprintln(out)
		}
		if err := printShadow(out, p, report.Time, o.limit); err != nil {
			return err
		}
	}
	if printed == 0 {
		return fmt.Errorf("profile %q has no shadow; those that have one are %s", o.profile, strings.Join(namesOf(report), ", "))
	}
	return nil
}

func namesOf(r *shadow.Report) []string {
	out := make([]string, len(r.Profiles))
	for i := range r.Profiles {
		out[i] = r.Profiles[i].Profile
	}
	return out
}

func printShadow(out io.Writer, p *shadow.ProfileReport, now time.Time, limit int) error {
	fmt.Fprintf(out, "profile %s, since %s: %d decisions compared, %d equal, %d other clusters, %d other replicas, %d other outcome; %d replicas moved\n",
		p.Profile, schedulerport.Ago(now, p.Since), p.Compared, p.Equal, p.Different[shadow.Clusters], p.Different[shadow.Replicas], p.Different[shadow.Outcome], p.Moved)
	if p.Dropped > 0 {
		fmt.Fprintf(out, "%d decisions were not compared, because the shadow was behind\n", p.Dropped)
	}
	if p.Errors > 0 {
		fmt.Fprintf(out, "%d decisions were not made by the shadow, the last one because: %s\n", p.Errors, strings.ReplaceAll(p.LastError, "\n", "; "))
	}
	if len(p.Recent) == 0 || limit == 0 {
		return nil
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "BINDING\tAGE\tMOVED\tCLUSTER\tLIVE\tSHADOW\tWHY")
	for i := range p.Recent[:min(limit, len(p.Recent))] {
		printDifference(t, &p.Recent[i], now)
	}
	return t.Flush()
}

// printDifference prints a line for each cluster, or one of the decisions as a whole if there is none.
func printDifference(t io.Writer, r *shadow.Record, now time.Time) {
	head := fmt.Sprintf("%s\t%s\t%d", r.Binding, schedulerport.Ago(now, r.Time), r.Moved)
	if len(r.Clusters) == 0 {
		live, liveReason := outcome(r.Live)
		other, reason := outcome(r.Shadow)
		if reason == "" && liveReason != "" {
			reason = "live: " + liveReason
		}
		fmt.Fprintf(t, "%s\t-\t%s\t%s\t%s\n", head, live, other, orDash(reason))
		return
	}
	for _, c := range r.Clusters {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", head, c.Cluster, number(c.Live), number(c.Shadow), orDash(c.Why))
		head = "\t\t"
	}
	if r.MoreClusters > 0 {
		fmt.Fprintf(t, "%s\tand %d more\t-\t-\t-\n", head, r.MoreClusters)
	}
}

// outcome splits what was decided into its name, or the clusters, and the reason, on one line.
func outcome(text string) (name, reason string) {
	text = strings.Join(strings.Fields(text), " ")
	if strings.HasPrefix(text, "{") {
		return text, ""
	}
	name, reason, _ = strings.Cut(text, ": ")
	return name, reason
}

func number(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}
