package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// ControlPlaneName is the name of the control plane's cluster and kubeconfig context.
const ControlPlaneName = "control-plane"

// stateFormat changes when an older program could not read the file any more.
const stateFormat = 1

// ErrNoState is returned where a folder holds no clusters.
var ErrNoState = errors.New("no local clusters here")

// State is a set of clusters as state.json records it.
type State struct {
	Format int `json:"format"`
	// Clusters holds the control plane first, then the members by number.
	Clusters []*Cluster `json:"clusters"`
	// Programs run beside the clusters, in the order of their start.
	Programs  []*Program `json:"programs,omitempty"`
	CreatedAt time.Time  `json:"createdAt"`

	dir string
	mu  sync.Mutex
}

// DefaultDir is where the clusters of "longshore local" live unless another folder is asked for.
func DefaultDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "longshore"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the home directory (set XDG_STATE_HOME or use --dir): %w", err)
	}
	return filepath.Join(home, ".local", "state", "longshore"), nil
}

// Load reads what runs in the folder. The error wraps ErrNoState if nothing was ever started there.
func Load(dir string) (*State, error) {
	path := filepath.Join(dir, "state.json")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s does not exist; \"longshore local up\" creates it", ErrNoState, path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	s := &State{dir: dir}
	if err := json.Unmarshal(content, s); err != nil {
		return nil, fmt.Errorf("reading %s (\"longshore local down --purge\" starts afresh): %w", path, err)
	}
	if s.Format != stateFormat {
		return nil, fmt.Errorf("%s was written by another version of longshore (format %d, this one knows %d): stop the clusters with that version",
			path, s.Format, stateFormat)
	}
	return s, nil
}

func (s *State) save() error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the state: %w", err)
	}
	return writeFile(filepath.Join(s.dir, "state.json"), append(content, '\n'))
}

// record stores a copy of the cluster under its name and saves. Clusters that start side by side each own a clone and call it.
func (s *State) record(c *Cluster) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.Clusters, func(known *Cluster) bool { return known.Name == c.Name })
	if i < 0 {
		s.Clusters = append(s.Clusters, c.clone())
	} else {
		s.Clusters[i] = c.clone()
	}
	return s.save()
}

// Cluster finds a cluster by name.
func (s *State) Cluster(name string) (*Cluster, error) {
	for _, c := range s.Clusters {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no cluster %q in %s", name, s.dir)
}

// Dir is the folder of this set of clusters.
func (s *State) Dir() string { return s.dir }

// Kubeconfig is the file with administrator access to one cluster.
func (s *State) Kubeconfig(name string) string { return filepath.Join(s.dir, name+".kubeconfig") }

// MergedKubeconfig is the file with a context for every cluster; the current one is the control plane's.
func (s *State) MergedKubeconfig() string { return filepath.Join(s.dir, "kubeconfig") }

// writeKubeconfigs leaves out clusters that never came as far as having keys.
func (s *State) writeKubeconfigs() error {
	merged := clientcmdapi.NewConfig()
	merged.CurrentContext = ControlPlaneName
	for _, c := range s.Clusters {
		if !c.pki().complete() {
			continue
		}
		config, err := c.adminKubeconfig()
		if err != nil {
			return err
		}
		if err := writeKubeconfig(s.Kubeconfig(c.Name), config); err != nil {
			return err
		}
		merged.Clusters[c.Name], merged.AuthInfos[c.Name], merged.Contexts[c.Name] = config.Clusters[c.Name], config.AuthInfos[c.Name], config.Contexts[c.Name]
	}
	return writeKubeconfig(s.MergedKubeconfig(), merged)
}

// lockDir makes this program the only one that starts or stops clusters in the folder.
func lockDir(ctx context.Context, dir string, progress Progress) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating %s: %w", dir, err)
	}
	return lockFile(ctx, filepath.Join(dir, "lock"), func() {
		progress.Step("local", "waiting for another longshore that works in "+dir)
	})
}
