package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// Options say what Up brings about.
type Options struct {
	// Dir holds everything; empty means DefaultDir.
	Dir string
	// Members is how many member clusters there shall be at least. More that exist already are started too.
	Members int
	// Nodes is how many simulated nodes a new member gets.
	Nodes int
	// Prepare, if not nil, runs against the control plane as soon as its API server is ready, at every Up. It installs CRDs and must bear
	// being repeated.
	Prepare func(context.Context, *rest.Config) error
	// Progress is told what happens; nil means Silent.
	Progress Progress
}

// Up starts whatever of the control plane and the members does not run, and returns when all can be used. Clusters start side by side and
// one that fails does not stop the others: it is named in the error, and what runs is recorded. If ctx ends, what this call started is
// stopped again.
func Up(ctx context.Context, o Options) (*State, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	unlock, err := lockDir(ctx, o.Dir, o.Progress)
	if err != nil {
		return nil, err
	}
	defer unlock()
	s, err := loadOrNew(o.Dir)
	if err != nil {
		return nil, err
	}
	s.plan(o)
	if err := s.sweep(); err != nil {
		return nil, err
	}
	before := s.pids()
	err = s.startAll(ctx, o)
	if ctx.Err() != nil {
		o.Progress.Step("local", "stopping what was started")
		return s, errors.Join(context.Cause(ctx), s.stopNewerThan(before))
	}
	return s, errors.Join(err, s.writeKubeconfigs())
}

func (o *Options) complete() error {
	if o.Members < 0 || o.Nodes < 0 {
		return fmt.Errorf("%d members with %d nodes each: neither number can be negative", o.Members, o.Nodes)
	}
	if o.Progress == nil {
		o.Progress = Silent
	}
	var err error
	o.Dir, err = absoluteDir(o.Dir)
	return err
}

// absoluteDir resolves an empty folder to the default and a relative one to the path by which processes are found later.
func absoluteDir(dir string) (string, error) {
	if dir == "" {
		return DefaultDir()
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolving %s: %w", dir, err)
	}
	return absolute, nil
}

func loadOrNew(dir string) (*State, error) {
	s, err := Load(dir)
	if errors.Is(err, ErrNoState) {
		return &State{Format: stateFormat, CreatedAt: time.Now().Truncate(time.Second), dir: dir}, nil
	}
	return s, err
}

// plan adds the clusters that are asked for and not known yet.
func (s *State) plan(o Options) {
	add := func(c *Cluster) {
		if _, err := s.Cluster(c.Name); err != nil {
			c.Dir = filepath.Join(s.dir, c.Name)
			s.Clusters = append(s.Clusters, c)
		}
	}
	add(&Cluster{Name: ControlPlaneName, Role: RoleControlPlane, Controllers: ControlPlaneControllers})
	for i := range o.Members {
		at := placeOf(i)
		add(&Cluster{
			Name: memberName(i), Role: RoleMember, Controllers: []string{"*"}, Nodes: NodeSizes(i, o.Nodes),
			Provider: at.provider, Region: at.region, Zone: at.zone,
		})
	}
}

// startAll starts the clusters side by side and prepares the control plane.
func (s *State) startAll(ctx context.Context, o Options) error {
	clusters := slices.Clone(s.Clusters) // record replaces the elements of the original
	l := &launcher{ports: &sharedPorts, progress: o.Progress, record: s.record}
	if err := l.prepareBinaries(ctx, clusters); err != nil {
		return err
	}
	errs := make([]error, len(clusters))
	var starts sync.WaitGroup
	for i, c := range clusters {
		starts.Go(func() { errs[i] = l.startRecorded(ctx, c.clone(), o.Prepare) })
	}
	starts.Wait()
	return errors.Join(errs...)
}

// prepareBinaries finds or builds the programs unless everything runs already.
func (l *launcher) prepareBinaries(ctx context.Context, clusters []*Cluster) (err error) {
	var needed []string
	for _, c := range clusters {
		if len(c.Down()) > 0 {
			needed = append(needed, c.components()...)
		}
	}
	if len(needed) == 0 {
		return nil
	}
	slices.Sort(needed)
	l.binaries, err = findBinaries(ctx, slices.Compact(needed), l.progress)
	return err
}

func (l *launcher) startRecorded(ctx context.Context, c *Cluster, prepare func(context.Context, *rest.Config) error) error {
	begin := time.Now()
	down := c.Down()
	err := l.start(ctx, c)
	if err == nil && c.Role == RoleControlPlane && prepare != nil {
		err = l.prepare(ctx, c, prepare)
	}
	switch {
	case ctx.Err() != nil:
		l.progress.Step(c.Name, "interrupted")
	case err != nil:
		l.progress.Step(c.Name, "failed")
	case len(down) == 0:
		l.progress.Step(c.Name, "is up already")
	default:
		l.progress.Step(c.Name, fmt.Sprintf("ready after %.1f s (Kubernetes %s)", time.Since(begin).Seconds(), c.Version))
	}
	return errors.Join(err, l.record(c))
}

func (l *launcher) prepare(ctx context.Context, c *Cluster, prepare func(context.Context, *rest.Config) error) error {
	l.progress.Step(c.Name, "installing the APIs of Longshore")
	config, err := c.RESTConfig()
	if err != nil {
		return err
	}
	if err := prepare(ctx, config); err != nil {
		return fmt.Errorf("preparing %s: %w", c.Name, err)
	}
	return nil
}

// pids are those that the state holds.
func (s *State) pids() map[int]bool {
	pids := map[int]bool{}
	for _, c := range s.Clusters {
		for _, p := range c.Processes {
			pids[p.PID] = true
		}
	}
	for _, p := range s.Programs {
		pids[p.Process.PID] = true
	}
	return pids
}

// stopNewerThan kills the processes that are not in before. Nothing depends on them yet, so that they need no grace.
func (s *State) stopNewerThan(before map[int]bool) error {
	var errs []error
	for _, c := range slices.Clone(s.Clusters) {
		c = c.clone()
		var old, young []Process
		for _, p := range c.Processes {
			if before[p.PID] {
				old = append(old, p)
			} else {
				young = append(young, p)
			}
		}
		errs = append(errs, kill9(young...))
		c.Processes = old
		errs = append(errs, s.record(c))
	}
	return errors.Join(errs...)
}

// sweep kills processes of this folder that no record knows, because the program that started them was killed before it could write.
func (s *State) sweep() error {
	known := s.pids()
	var strays []Process
	for _, pid := range marked(dirMarker + "=" + s.dir) {
		if !known[pid] {
			strays = append(strays, Process{Name: "stray process", PID: pid, Birth: birth(pid)})
		}
	}
	return kill9(strays...)
}
