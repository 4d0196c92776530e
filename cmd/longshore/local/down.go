package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// DownOptions say how Down leaves the folder.
type DownOptions struct {
	// Dir holds everything; empty means DefaultDir.
	Dir string
	// Purge removes the clusters' data, keys and logs too, so that the next Up starts with new ones.
	Purge bool
	// Progress is told what happens; nil means Silent.
	Progress Progress
}

// Down stops all clusters of the folder and returns when their processes have ended. A folder without clusters is no error. A state file
// that cannot be read is one unless Purge is set.
func Down(ctx context.Context, o DownOptions) error {
	if o.Progress == nil {
		o.Progress = Silent
	}
	dir, err := absoluteDir(o.Dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	unlock, err := lockDir(ctx, dir, o.Progress)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := loadOrNew(dir)
	if err != nil && !o.Purge {
		return err
	}
	if err != nil {
		s = &State{dir: dir} // what the file would have named is found by sweep
	}
	if err := errors.Join(s.stopAll(ctx, o.Progress), s.sweep()); err != nil {
		return err
	}
	if o.Purge {
		return purge(dir)
	}
	if len(s.Clusters) == 0 {
		return nil
	}
	return s.save()
}

func (s *State) stopAll(ctx context.Context, progress Progress) error {
	if err := s.stopPrograms(ctx, progress); err != nil {
		return err
	}
	errs := make([]error, len(s.Clusters))
	var stops sync.WaitGroup
	for i, c := range s.Clusters {
		if len(c.Processes) == 0 {
			continue
		}
		stops.Go(func() {
			progress.Step(c.Name, "stopping")
			if errs[i] = c.Stop(ctx); errs[i] == nil {
				progress.Step(c.Name, "stopped")
			}
		})
	}
	stops.Wait()
	return errors.Join(errs...)
}

// purge removes what Up made and nothing else, since the folder may be one that the user chose.
func purge(dir string) error {
	var ours []string
	for _, pattern := range []string{"state.json", "kubeconfig", "*.kubeconfig", ".*.kubeconfig-*", ".state.json-*", ".kubeconfig-*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return fmt.Errorf("looking for %s: %w", pattern, err)
		}
		ours = append(ours, files...)
	}
	for _, pattern := range []string{ControlPlaneName, "member[0-9]*"} {
		keys, err := filepath.Glob(filepath.Join(dir, pattern, "pki"))
		if err != nil {
			return fmt.Errorf("looking for clusters: %w", err)
		}
		for _, path := range keys {
			ours = append(ours, filepath.Dir(path))
		}
	}
	ours = append(ours, (&State{dir: dir}).programLogs(), filepath.Join(dir, "lock"))
	for _, path := range slices.Compact(ours) {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing %s: %w", path, err)
		}
	}
	_ = os.Remove(dir) // only if it is empty
	return nil
}

// StartCluster starts again what of one recorded cluster does not run.
func StartCluster(ctx context.Context, dir, name string) error {
	return change(ctx, dir, name, func(s *State, c *Cluster) error {
		l := &launcher{ports: &sharedPorts, progress: Silent, record: s.record}
		if err := l.prepareBinaries(ctx, []*Cluster{c}); err != nil {
			return err
		}
		return l.start(ctx, c)
	})
}

// StopCluster stops one recorded cluster and keeps its data.
func StopCluster(ctx context.Context, dir, name string) error {
	return change(ctx, dir, name, func(_ *State, c *Cluster) error { return c.Stop(ctx) })
}

// KillCluster ends the processes of one recorded cluster at once, as a loss of power would, except that its data survives.
func KillCluster(ctx context.Context, dir, name string) error {
	return change(ctx, dir, name, func(_ *State, c *Cluster) error { return c.Kill() })
}

// change works on a copy of one cluster while nobody else can, and records the copy whatever came of it.
func change(ctx context.Context, dir, name string, work func(*State, *Cluster) error) error {
	return changeState(ctx, dir, Silent, func(s *State) error {
		c, err := s.Cluster(name)
		if err != nil {
			return err
		}
		c = c.clone()
		return errors.Join(work(s, c), s.record(c))
	})
}
