package plugins

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/host"
)

const (
	checkLong = `Check whether a plugin keeps the promises of the protocol and of the stages that it has: the same answer to the same
question, whatever the order of clusters, up to ten thousand of them, several questions at once, cancelled questions,
unknown fields, a second process beside the first, a start after a kill.

One line is printed for each promise. The exit code is 1 if one is broken. What the plugin writes to its standard error
is shown below a broken promise.`

	checkExample = `  # A plugin in Go, and one that needs arguments
  longshore plugins check ./my-plugin
  longshore plugins check ./cost --args '{prices: [{perCoreHour: 0.04}]}'

  # A plugin in another language; flags of the program itself follow --
  longshore plugins check --plain-socket python3 plugin.py
  longshore plugins check --plain-socket -- python3 -u plugin.py

  # A plugin as the scheduler's configuration file describes it, and another build of it with the same arguments
  longshore plugins check --config scheduler.yaml cost
  longshore plugins check --config scheduler.yaml cost ./cost

  # A plugin that somebody else runs
  longshore plugins check --address dns:///plugins.example.org:8443 \
    --tls-ca-file ca.crt --tls-cert-file scheduler.crt --tls-key-file scheduler.key`
)

// checkTimeout bounds one promise.
const checkTimeout = 3 * time.Minute

// checkOptions are the flags of `longshore plugins check`.
type checkOptions struct {
	target
	timeout time.Duration
}

func newCheckCommand() *cobra.Command {
	o := checkOptions{}
	cmd := &cobra.Command{
		Use:     "check (PATH [ARG...] | --address ADDRESS | --config FILE NAME [PATH [ARG...]])",
		Short:   "Check whether a plugin keeps the promises of the protocol",
		Long:    checkLong,
		Example: checkExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := o.spec(args)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), spec)
		},
	}
	o.bind(cmd)
	cmd.Flags().DurationVar(&o.timeout, "timeout", checkTimeout, "how long checking one promise may take")
	return cmd
}

// promise is one thing to check. Run returns nil if it is kept.
type promise struct {
	name string
	run  func(ctx context.Context) error
}

// run checks all promises and prints what came of each.
func (o *checkOptions) run(ctx context.Context, out io.Writer, spec host.Spec) error {
	c := &checker{spec: spec, notes: &notes{}}
	status, err := c.introduce(ctx)
	if err != nil {
		c.notes.print(out)
		return fmt.Errorf("the plugin does not start: %w%s", err, hint(&spec, err))
	}
	fmt.Fprintln(out, title(status))
	wired, err := host.Connect(ctx, &spec, c.notes.log())
	if err != nil {
		return fmt.Errorf("connecting a second time: %w", err)
	}
	defer wired.Close()
	broken, total := 0, 0
	for _, p := range c.promises(wired) {
		total++
		if !o.check(ctx, out, c, p) {
			broken++
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if broken > 0 {
		return fmt.Errorf("plugin %s breaks %d of %d promises", spec.Name, broken, total)
	}
	fmt.Fprintf(out, "plugin %s keeps all %d promises\n", spec.Name, total)
	return nil
}

func (o *checkOptions) check(ctx context.Context, out io.Writer, c *checker, p promise) (kept bool) {
	bounded, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done after %v", o.timeout))
	defer cancel()
	c.notes.forget()
	start := time.Now()
	err := p.run(bounded)
	if cause := context.Cause(bounded); err != nil && cause != nil {
		err = errors.Join(cause, err)
	}
	took := time.Since(start).Round(time.Millisecond)
	if err == nil {
		fmt.Fprintf(out, "pass  %-40s %8v\n", p.name, took)
		return true
	}
	fmt.Fprintf(out, "FAIL  %-40s %8v  %s\n", p.name, took, oneLine(err))
	c.notes.print(out)
	return false
}

// oneLine joins the causes of an error, each once.
func oneLine(err error) string {
	causes := strings.Split(err.Error(), "\n")
	slices.Sort(causes)
	return strings.Join(slices.Compact(causes), "; ")
}

// title says what the plugin is.
func title(s host.Status) string {
	name := s.ReportedName
	if s.Version != "" {
		name += " " + s.Version
	}
	return fmt.Sprintf("%s: %s", name, strings.Join(s.Stages, ", "))
}

// hint is the cure of a start that failed where the most likely cause is known.
func hint(spec *host.Spec, err error) string {
	switch {
	case spec.Path == "" || spec.PlainSocket:
		return ""
	case strings.Contains(err.Error(), "does not look like a TLS handshake"):
		return "; a plugin that is not written in Go needs --plain-socket"
	}
	return ""
}

// checker starts the plugin as often as promises need it.
type checker struct {
	spec  host.Spec
	notes *notes
}

// introduce starts the plugin once and returns what it says of itself.
func (c *checker) introduce(ctx context.Context) (s host.Status, err error) {
	err = c.with(ctx, nil, func(p *host.Plugin) error {
		s = p.Status()
		return nil
	})
	return s, err
}

// with starts the plugin for the time of the call.
func (c *checker) with(ctx context.Context, onChange func(host.Status), do func(*host.Plugin) error) error {
	h, p, err := host.Open(ctx, c.spec, host.Options{Log: c.notes.log(), OnChange: onChange})
	if err != nil {
		return err
	}
	return errors.Join(do(p), h.Close(context.Background()))
}

// promises returns everything to check, what is simplest first. The promises of the protocol share one connection.
func (c *checker) promises(wired *host.Connection) []promise {
	var out []promise
	for _, w := range conformance.WireChecks(c.spec.Arguments) {
		out = append(out, promise{w.Name, func(ctx context.Context) error { return w.Run(ctx, wired.Conn) }})
	}
	for _, check := range conformance.Checks() {
		out = append(out, promise{check.Name, func(ctx context.Context) error {
			return c.with(ctx, nil, func(p *host.Plugin) error { return check.Run(ctx, conformance.Of(p)) })
		}})
	}
	if c.spec.Path == "" {
		return append(out, promise{"two schedulers at once", c.beside})
	}
	return append(out, promise{"a second process beside the first", c.beside}, promise{"starts again after a kill", c.killed})
}

// beside opens the plugin twice. When it is replaced both run for a moment.
func (c *checker) beside(ctx context.Context) error {
	return c.with(ctx, nil, func(first *host.Plugin) error {
		return c.with(ctx, nil, func(second *host.Plugin) error {
			return conformance.Same(ctx, conformance.Of(first), conformance.Of(second))
		})
	})
}

// killed ends the process as the kernel would when memory runs out, and compares what its successor answers with what another process does.
func (c *checker) killed(ctx context.Context) error {
	changes := make(chan host.Status, 16)
	report := func(s host.Status) {
		select {
		case changes <- s:
		default:
		}
	}
	return c.with(ctx, report, func(p *host.Plugin) error {
		process, err := os.FindProcess(p.Status().PID)
		if err == nil {
			err = process.Kill()
		}
		if err != nil {
			return fmt.Errorf("killing the plugin: %w", err)
		}
		if err := runsAgain(ctx, changes); err != nil {
			return err
		}
		return c.with(ctx, nil, func(other *host.Plugin) error {
			return conformance.Same(ctx, conformance.Of(p), conformance.Of(other))
		})
	})
}

// runsAgain waits until the plugin, which ran and was killed, runs again. The first pause is that after the kill, the second a start that
// failed.
func runsAgain(ctx context.Context, changes <-chan host.Status) error {
	for pauses := 0; ; {
		select {
		case s := <-changes:
			if s.State == host.Running && s.Restarts > 0 {
				return nil
			}
			if s.State != host.Waiting {
				continue
			}
			if pauses++; pauses > 1 {
				return fmt.Errorf("it does not start again: %w", s.LastError)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
