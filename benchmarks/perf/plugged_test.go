package perf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// plugged returns the scheduler with the cost plugin in a process of its own, which rates every cluster in each decision. All prices are equal, so
// that both schedulers choose from the same clusters. Without the plugin's answer nothing is placed.
func plugged(t testing.TB, p Program) Program {
	t.Helper()
	p.Config = filepath.Join(t.TempDir(), "scheduler.yaml")
	text := fmt.Sprintf(`apiVersion: scheduler.longshore.dev/v1alpha1
kind: SchedulerConfiguration
profiles:
- schedulerName: %s
  plugins: {score: {enabled: [{name: cost}]}}
  pluginConfig: [{name: cost, args: {prices: [{perCoreHour: 0.04}]}}]
  externalPlugins: [{name: cost, path: %q, deadline: 10s, failurePolicy: fail}]
`, schedulerSide, filepath.Join(binaries(t), "cost"))
	if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// duel measures the scheduler with the plugin and without it, one after the other, in the given order.
func (r *Run) duel(ctx context.Context, with, without Program, withFirst bool) (rateWith, rateWithout float64, err error) {
	sides := []func() error{
		func() (err error) { rateWithout, err = r.rateOf(ctx, without); return err },
		func() (err error) { rateWith, err = r.rateOf(ctx, with); return err },
	}
	if withFirst {
		slices.Reverse(sides)
	}
	return rateWith, rateWithout, errors.Join(sides[0](), sides[1]())
}

func (r *Run) rateOf(ctx context.Context, p Program) (float64, error) {
	r.program = p
	m, err := r.measureScheduler(ctx)
	return m.Rate, err
}

// burst returns the case of that name, for the scheduler alone.
func burst(t testing.TB) Case {
	t.Helper()
	all := cases(t)
	i := slices.IndexFunc(all, func(c Case) bool { return c.Name == "burst" })
	if i < 0 {
		t.Fatal("there is no case burst")
	}
	all[i].Alone = true
	return all[i]
}

// TestPluggedPlacesAll runs the smallest burst with and without the plugin.
func TestPluggedPlacesAll(t *testing.T) {
	c, without := burst(t), program(t)
	r := newRun(t, server(t), without, &c, &c.Workloads[0])
	with, bare, err := r.duel(t.Context(), plugged(t, without), without, false)
	if err != nil || with <= 0 || bare <= 0 {
		t.Errorf("rates are %v and %v: %v", with, bare, err)
	}
}

// BenchmarkPlugged compares the scheduler with one plugin in a process of its own to the scheduler without. One iteration is one burst of each,
// in turns; what is reported are the medians.
func BenchmarkPlugged(b *testing.B) {
	c := burst(b)
	for _, w := range c.Workloads[1:] {
		replaceParam(b, &w)
		b.Run(w.Name, func(b *testing.B) {
			without := program(b)
			with, r := plugged(b, without), newRun(b, server(b), without, &c, &w)
			var rates, bare, ratios []float64
			for b.Loop() {
				x, y, err := r.duel(b.Context(), with, without, len(ratios)%2 == 1)
				if err != nil {
					b.Fatal(err)
				}
				rates, bare, ratios = append(rates, x), append(bare, y), append(ratios, x/y)
				fmt.Fprintf(os.Stderr, "with the plugin %.4g bindings/s, without %.4g, ratio %.3g\n", x, y, x/y)
			}
			b.ReportMetric(median(rates), "bindings/s")
			b.ReportMetric(median(bare), "unplugged-bindings/s")
			b.ReportMetric(median(ratios), "ratio")
			b.ReportMetric(0, "ns/op") // A round takes as long as it creates and deletes: that says nothing.
		})
	}
}
