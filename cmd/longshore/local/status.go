package local

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
)

// probeTimeout bounds the question whether an API server is ready.
const probeTimeout = 3 * time.Second

// Condition is how a cluster fares.
type Condition string

// The conditions.
const (
	ConditionReady    Condition = "Ready"    // all processes run and the API server says it is ready
	ConditionDegraded Condition = "Degraded" // some processes run, or the API server is not ready
	ConditionStopped  Condition = "Stopped"  // nothing runs
)

// Status is how one cluster fares.
type Status struct {
	*Cluster
	Condition Condition `json:"condition"`
	// Detail names what is missing; empty for a cluster that is ready or stopped.
	Detail string `json:"detail,omitempty"`
}

// Status looks at all clusters at once, in the order of the state.
func (s *State) Status(ctx context.Context) []Status {
	result := make([]Status, len(s.Clusters))
	var probes sync.WaitGroup
	for i, c := range s.Clusters {
		probes.Go(func() { result[i] = c.status(ctx) })
	}
	probes.Wait()
	return result
}

func (c *Cluster) status(ctx context.Context) Status {
	down := c.Down()
	switch {
	case len(down) == len(c.components()):
		return Status{Cluster: c, Condition: ConditionStopped}
	case len(down) > 0:
		return Status{Cluster: c, Condition: ConditionDegraded, Detail: strings.Join(down, ", ") + " not running"}
	}
	if err := c.probe(ctx); err != nil {
		return Status{Cluster: c, Condition: ConditionDegraded, Detail: err.Error()}
	}
	return Status{Cluster: c, Condition: ConditionReady}
}

func (c *Cluster) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	client, err := c.client()
	if err != nil {
		return err
	}
	if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return fmt.Errorf("API server not ready: %w", err)
	}
	return nil
}

// WriteStatus prints a table.
func WriteStatus(w io.Writer, statuses []Status, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLE\tSTATE\tVERSION\tPROVIDER\tREGION\tZONE\tNODES\tENDPOINT\tPIDS\tUPTIME")
	for _, s := range statuses {
		fmt.Fprintln(table, strings.Join([]string{
			s.Name, string(s.Role), string(s.Condition), orDash(s.Version), orDash(s.Provider), orDash(s.Region), orDash(s.Zone),
			strconv.Itoa(len(s.Nodes)), s.Endpoint(), orDash(s.pidList()), orDash(s.uptime(now)),
		}, "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the status: %w", err)
	}
	for _, s := range statuses {
		if s.Detail != "" {
			fmt.Fprintf(w, "%s: %s; logs in %s\n", s.Name, s.Detail, s.file("logs"))
		}
	}
	return nil
}

// writePrograms prints a table of what runs beside the clusters, or nothing.
func (s *State) writePrograms(w io.Writer, now time.Time) error {
	if len(s.Programs) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintln(table, "\nPROGRAM\tSTATE\tPID\tUPTIME\tLOG")
	for _, p := range s.Programs {
		state, pid, uptime := "Stopped", "-", "-"
		if p.Process.Alive() {
			state, pid, uptime = "Running", strconv.Itoa(p.Process.PID), duration.HumanDuration(now.Sub(p.Process.StartedAt))
		}
		fmt.Fprintln(table, strings.Join([]string{p.Name, state, pid, uptime, p.Process.Log}, "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the programs: %w", err)
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (c *Cluster) pidList() string {
	var pids []string
	for _, p := range c.Processes {
		if p.Alive() {
			pids = append(pids, strconv.Itoa(p.PID))
		}
	}
	return strings.Join(pids, ",")
}

// uptime counts from the start of the API server.
func (c *Cluster) uptime(now time.Time) string {
	p, _ := c.Process(apiServer)
	if !p.Alive() {
		return ""
	}
	return duration.HumanDuration(now.Sub(p.StartedAt))
}

// AllReady reports whether every cluster is ready. No clusters are not.
func AllReady(statuses []Status) bool {
	return len(statuses) > 0 && !slices.ContainsFunc(statuses, func(s Status) bool { return s.Condition != ConditionReady })
}
