package perf

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Case is a list of operations that measure something, to be run with any of its workloads.
type Case struct {
	// Name is that of the sub-benchmark.
	Name string `json:"name"`
	// About says what is measured, in one sentence.
	About string `json:"about"`
	// Alone means that the bare writer takes no part.
	Alone bool `json:"alone,omitempty"`
	// Setup is done once, Round for each writer in each round.
	Setup []Op `json:"setup"`
	Round []Op `json:"round"`
	// Workloads give values to the parameters of the operations. The first is the smallest: it also runs as an ordinary test.
	Workloads []Workload `json:"workloads"`
}

// Opcode names an operation.
type Opcode string

// The operations.
const (
	// CreateClusters registers Count clusters that report capacity and Kinds served kinds.
	CreateClusters Opcode = "createClusters"
	// CreateBindings creates Count bindings, all at once or PerSecond.
	CreateBindings Opcode = "createBindings"
	// StartWriter starts the scheduler or lets the bare writer begin. If there are bindings already the next operation follows at once,
	// otherwise only when the writer is ready.
	StartWriter Opcode = "startWriter"
	// AwaitPlaced waits until every binding is placed, and measures.
	AwaitPlaced Opcode = "awaitPlaced"
)

// Op is one operation with its arguments.
type Op struct {
	Opcode Opcode `json:"opcode"`
	// Count is how many objects to create.
	Count Amount `json:"count,omitempty"`
	// Stored puts the clusters into the etcd of the server, which takes seconds where creating them takes minutes.
	Stored bool `json:"stored,omitempty"`
	// Placed of the bindings are there already, placed by an earlier scheduler, and are put into etcd likewise; nil means none.
	Placed Amount `json:"placed,omitempty"`
	// Kinds is how many kinds each cluster serves; 0 means DefaultKinds.
	Kinds int `json:"kinds,omitempty"`
	// Mix is how many of the bindings, in proportion, ask for each strategy.
	Mix Mix `json:"mix,omitempty"`
	// PerSecond is the mean rate of arrivals, which come at random intervals; nil means as fast as the server takes them.
	PerSecond Amount `json:"perSecond,omitempty"`
}

// Mix gives strategies their shares.
type Mix struct {
	Duplicated int `json:"duplicated,omitempty"`
	Static     int `json:"static,omitempty"`
	Dynamic    int `json:"dynamic,omitempty"`
}

func (m Mix) total() int { return m.Duplicated + m.Static + m.Dynamic }

// Workload is a named set of parameters.
type Workload struct {
	// Name is that of the sub-benchmark, for example clusters=100/bindings=1000.
	Name   string         `json:"name"`
	Params map[string]int `json:"params"`
}

// Amount is the name of a parameter after a dollar sign. Empty means none.
type Amount string

// in returns the value of the parameter in the workload: zero for no parameter. Validation has made sure that there is one.
func (a Amount) in(w *Workload) int { return w.Params[strings.TrimPrefix(string(a), "$")] }

//go:embed cases/*.yaml
var caseFiles embed.FS

// Cases returns all cases in order of their file names.
func Cases() ([]Case, error) {
	entries, err := caseFiles.ReadDir("cases")
	if err != nil {
		return nil, err
	}
	cases := make([]Case, len(entries))
	for i, entry := range entries {
		text, err := caseFiles.ReadFile("cases/" + entry.Name())
		if err != nil {
			return nil, err
		}
		if cases[i], err = ParseCase(text); err != nil {
			return nil, fmt.Errorf("reading %s: %w", entry.Name(), err)
		}
	}
	return cases, nil
}

// ParseCase reads a case. Unknown fields, unknown operations and parameters that a workload lacks are errors.
func ParseCase(text []byte) (Case, error) {
	var c Case
	if err := yaml.UnmarshalStrict(text, &c); err != nil {
		return c, err
	}
	return c, c.validate()
}

// Arrivals reports whether the bindings arrive at a given rate.
func (c *Case) Arrivals() bool {
	return slices.ContainsFunc(c.Round, func(o Op) bool { return o.PerSecond != "" })
}

func (c *Case) validate() error {
	if c.Name == "" || c.About == "" || len(c.Workloads) == 0 {
		return errors.New("a case needs name, about and at least one workload")
	}
	if err := checkOps(c.Setup, CreateClusters); err != nil {
		return fmt.Errorf("checking setup: %w", err)
	}
	if err := checkOps(c.Round, CreateBindings, StartWriter, AwaitPlaced); err != nil {
		return fmt.Errorf("checking round: %w", err)
	}
	for i := range c.Workloads {
		for _, op := range slices.Concat(c.Setup, c.Round) {
			if err := op.checkWith(&c.Workloads[i]); err != nil {
				return fmt.Errorf("checking workload %q: %s: %w", c.Workloads[i].Name, op.Opcode, err)
			}
		}
	}
	return nil
}

// checkOps reports whether the operations are the allowed ones, each once, and the last of them at the end.
func checkOps(ops []Op, allowed ...Opcode) error {
	for i, op := range ops {
		switch at := slices.Index(allowed, op.Opcode); {
		case at < 0:
			return fmt.Errorf("operation %q is not one of %v", op.Opcode, allowed)
		case slices.ContainsFunc(ops[:i], func(o Op) bool { return o.Opcode == op.Opcode }):
			return fmt.Errorf("operation %s is there twice", op.Opcode)
		}
	}
	if len(ops) != len(allowed) || ops[len(ops)-1].Opcode != allowed[len(allowed)-1] {
		return fmt.Errorf("the operations must be %v, the last one at the end", allowed)
	}
	return nil
}

func (o *Op) checkWith(w *Workload) error {
	for _, a := range []Amount{o.Count, o.PerSecond, o.Placed} {
		if a != "" && (!strings.HasPrefix(string(a), "$") || a.in(w) <= 0) {
			return fmt.Errorf("%q is not a parameter above zero: write $name and give the workload that name", a)
		}
	}
	creates := o.Opcode == CreateClusters || o.Opcode == CreateBindings
	switch {
	case creates != (o.Count != ""):
		return errors.New("count belongs to what creates objects, and to nothing else")
	case (o.Opcode == CreateBindings) != (o.Mix.total() > 0):
		return errors.New("mix belongs to createBindings, and to nothing else")
	case o.Opcode != CreateBindings && o.PerSecond != "":
		return errors.New("perSecond belongs to createBindings only")
	case o.Opcode != CreateClusters && o.Kinds != 0:
		return errors.New("kinds belongs to createClusters only")
	case o.Opcode != CreateClusters && o.Stored:
		return errors.New("stored belongs to createClusters only")
	case o.Placed != "" && (o.Opcode != CreateBindings || o.Placed.in(w) >= o.Count.in(w)):
		return errors.New("placed belongs to createBindings only, and some must be left to place")
	}
	return nil
}
