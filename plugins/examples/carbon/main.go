// Command carbon is a placement plugin that prefers regions whose electricity is clean at the moment. It reads the intensities from a file and
// again whenever that changes, so that anything that can write a file can steer it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"sync"

	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/scheduler/framework"
)

func main() { sdk.Serve(&plugin{}) }

// intensities is grams of CO₂ for one kWh, by region.
type intensities map[string]float64

type plugin struct {
	path string

	mu     sync.Mutex
	known  intensities
	read   os.FileInfo
	report func(format string, args ...any)
}

func (*plugin) Name() string           { return "carbon" }
func (*plugin) Version() string        { return "v1" }
func (*plugin) Facts() framework.Facts { return framework.FactTopology }

// Configure takes the path of the file, which must be readable by then.
func (p *plugin) Configure(_ context.Context, args sdk.Arguments) error {
	var a struct{ File string }
	if err := args.Decode(&a); err != nil {
		return err
	}
	if a.File == "" {
		return errors.New(`file is missing: name a JSON file such as {"eu-north-1": 18, "us-east-1": 379}`)
	}
	p.path = a.File
	if p.report == nil {
		p.report = log.Printf
	}
	return p.refresh()
}

// refresh reads the file if it is not the one that was read last.
func (p *plugin) refresh() error {
	now, err := os.Stat(p.path)
	if err != nil {
		return fmt.Errorf("looking at the intensities: %w", err)
	}
	if p.read != nil && os.SameFile(p.read, now) && p.read.ModTime().Equal(now.ModTime()) && p.read.Size() == now.Size() {
		return nil
	}
	// Whatever the file holds, it is not looked at again until it changes.
	p.read = now
	fresh, err := load(p.path)
	if err != nil {
		return err
	}
	p.known = fresh
	return nil
}

func load(path string) (intensities, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the intensities: %w", err)
	}
	var fresh intensities
	if err := json.Unmarshal(data, &fresh); err != nil {
		return nil, fmt.Errorf("reading the intensities from %s: %w", path, err)
	}
	for region, grams := range fresh {
		if grams < 0 {
			return nil, fmt.Errorf("reading the intensities from %s: region %s has %v grams, less than nothing", path, region, grams)
		}
	}
	return fresh, nil
}

// current returns the latest intensities. A file that became unreadable leaves the last good ones in force and is reported once.
func (p *plugin) current() intensities {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.refresh(); err != nil {
		p.report("going on with the last intensities: %v", err)
	}
	return p.known
}

// Score gives 100 to the cleanest of the clusters, 0 to the dirtiest and to those whose region is not in the file, and the others their place
// between.
func (p *plugin) Score(_ context.Context, q *sdk.Query, clusters sdk.Bitset, scores []int64) error {
	known := p.current()
	low, high := math.Inf(1), math.Inf(-1)
	for row := range clusters.All() {
		if grams, ok := known[q.Snapshot.Cluster(row).Region]; ok {
			low, high = min(low, grams), max(high, grams)
		}
	}
	for row := range clusters.All() {
		switch grams, ok := known[q.Snapshot.Cluster(row).Region]; {
		case !ok:
			scores[row] = 0
		case low == high:
			scores[row] = framework.MaxScore
		default:
			scores[row] = int64(framework.MaxScore * (high - grams) / (high - low))
		}
	}
	return nil
}

// Remarks names the clusters whose region is not in the file.
func (p *plugin) Remarks(q *sdk.Query, clusters sdk.Bitset) []sdk.ScoreRemark {
	known, strangers := p.current(), framework.NewBitset(q.Snapshot.Len())
	for row := range clusters.All() {
		if _, ok := known[q.Snapshot.Cluster(row).Region]; !ok {
			strangers.Set(row)
		}
	}
	if strangers.Empty() {
		return nil
	}
	return []sdk.ScoreRemark{{Clusters: strangers, Text: "are in regions without a known intensity and get 0"}}
}
