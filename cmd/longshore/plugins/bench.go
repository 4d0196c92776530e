package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/host"
	"github.com/longshore-project/longshore/scheduler/framework"
)

const (
	benchLong = `Measure how long a plugin takes to answer, for each of its stages and for fleets of several sizes.

The scheduler asks one question after the other, and so does this command, through the same code and the same kind of
socket. Beside each question it asks a plugin that does nothing: EMPTY is the ratio of the two medians, so 1.0 means that
all of the time is the way there and back, and 3.0 that two thirds are spent in the plugin. The row fleet is what it
takes to tell the plugin all clusters, once; decision is a filter and a score as one decision asks them, in one question.`

	benchExample = `  longshore plugins bench ./my-plugin
  longshore plugins bench ./cost --args '{prices: [{perCoreHour: 0.04}]}' --clusters 1000 --duration 10s
  longshore plugins bench --plain-socket python3 plugin.py
  longshore plugins bench --config scheduler.yaml cost`
)

// benchDuration is how long each row is measured unless a flag says otherwise.
const benchDuration = 2 * time.Second

// benchOptions are the flags of `longshore plugins bench`.
type benchOptions struct {
	target
	clusters []int
	duration time.Duration
}

func newBenchCommand() *cobra.Command {
	o := benchOptions{}
	cmd := &cobra.Command{
		Use:     "bench (PATH [ARG...] | --address ADDRESS | --config FILE NAME [PATH [ARG...]])",
		Short:   "Measure how long a plugin takes to answer",
		Long:    benchLong,
		Example: benchExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := o.spec(args)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), spec)
		},
	}
	o.bind(cmd)
	cmd.Flags().IntSliceVar(&o.clusters, "clusters", []int{100, 1000, 5000}, "sizes of the fleets")
	cmd.Flags().DurationVar(&o.duration, "duration", benchDuration, "how long to measure each row")
	return cmd
}

func (o *benchOptions) run(ctx context.Context, out io.Writer, spec host.Spec) error {
	for _, n := range o.clusters {
		if n < 1 {
			return fmt.Errorf("--clusters %d is no fleet: give numbers above zero", n)
		}
	}
	if o.duration <= 0 {
		return fmt.Errorf("--duration %v must be above zero", o.duration)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program, which is also the empty plugin: %w", err)
	}
	empty := host.Spec{Name: "empty", Path: self, Args: emptyArgs, Deadline: o.deadline, StartTimeout: o.startTimeout}
	for i, n := range o.clusters {
		if err := o.size(ctx, out, &spec, &empty, n, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// size measures the plugin with a fleet of n clusters.
func (o *benchOptions) size(ctx context.Context, out io.Writer, spec, empty *host.Spec, n int, first bool) (err error) {
	notes := &notes{}
	subject, err := enter(ctx, spec, notes)
	if err != nil {
		notes.print(out)
		return fmt.Errorf("the plugin does not start: %w%s", err, hint(spec, err))
	}
	defer func() { err = errors.Join(err, subject.close()) }()
	beside, err := enter(ctx, empty, notes)
	if err != nil {
		return fmt.Errorf("starting the empty plugin: %w", err)
	}
	defer func() { err = errors.Join(err, beside.close()) }()
	if first {
		fmt.Fprintln(out, title(subject.Status()))
	}
	t := tabwriter.NewWriter(out, 9, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "CLUSTERS\tSTAGE\tCALLS\tP50\tP90\tP99\tCALLS/S\tASKED\tANSWERED\tEMPTY\t")
	fleet := conformance.Fleet(n)
	told, err := subject.tell(ctx, fleet)
	if err == nil {
		_, err = beside.tell(ctx, fleet)
	}
	if err != nil {
		return err
	}
	told.print(t, n, "fleet")
	queries := slices.DeleteFunc(conformance.Queries(fleet), func(q *framework.Query) bool { return !q.Request.DividesReplicas() || q.Request.Replicas == 0 })
	for _, stage := range stagesOf(subject.Status().Stages) {
		row, err := o.stage(ctx, subject, beside, stage, queries)
		if err != nil {
			return fmt.Errorf("measuring %s with %d clusters: %w", stage.name, n, err)
		}
		row.print(t, n, stage.name)
	}
	return t.Flush()
}

// stage asks both plugins in turn, so that whatever else the machine does slows both down alike.
func (o *benchOptions) stage(ctx context.Context, subject, beside *contestant, s stage, queries []*framework.Query) (*row, error) {
	ask, askEmpty := s.ask(subject.Plugin), s.ask(beside.Plugin)
	for _, q := range queries { // The placements are told now, and never again.
		if err := errors.Join(ask(ctx, q), askEmpty(ctx, q)); err != nil {
			return nil, err
		}
	}
	subject.count.reset()
	out := &row{}
	for end, i := time.Now().Add(o.duration), 0; i == 0 || time.Now().Before(end); i++ {
		q := *queries[i%len(queries)] // Another query each time, as in decisions.
		start := time.Now()
		err := ask(ctx, &q)
		asked := time.Now()
		if err := errors.Join(err, askEmpty(ctx, &q)); err != nil {
			return nil, err
		}
		out.took, out.empty = append(out.took, asked.Sub(start)), append(out.empty, time.Since(asked))
	}
	out.sent, out.received = subject.count.perCall(len(out.took))
	return out, nil
}

// row is one line of the result.
type row struct {
	took, empty []time.Duration
	// sent and received are bytes per call.
	sent, received int64
}

func (r *row) print(out io.Writer, clusters int, stage string) {
	slices.Sort(r.took)
	slices.Sort(r.empty)
	var sum time.Duration
	for _, d := range r.took {
		sum += d
	}
	ratio := "-"
	if len(r.empty) > 0 {
		ratio = fmt.Sprintf("%.1f", float64(percentile(r.took, 50))/float64(percentile(r.empty, 50)))
	}
	fmt.Fprintf(out, "%d\t%s\t%d\t%v\t%v\t%v\t%.0f\t%s\t%s\t%s\t\n", clusters, stage, len(r.took),
		short(percentile(r.took, 50)), short(percentile(r.took, 90)), short(percentile(r.took, 99)),
		float64(len(r.took))/sum.Seconds(), size(r.sent), size(r.received), ratio)
}

// percentile returns the value below which p percent of the sorted durations are.
func percentile(sorted []time.Duration, p int) time.Duration { return sorted[(len(sorted)-1)*p/100] }

// short rounds to three digits or so.
func short(d time.Duration) time.Duration {
	unit := time.Nanosecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit)
}

// size prints a number of bytes.
func size(bytes int64) string {
	switch {
	case bytes < 10_000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 10_000_000:
		return fmt.Sprintf("%d kB", bytes/1000)
	}
	return fmt.Sprintf("%d MB", bytes/1_000_000)
}
