package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/longshore-project/longshore/plugins/conformance"
	"github.com/longshore-project/longshore/plugins/sdk"
	"github.com/longshore-project/longshore/plugins/sdk/sdktest"
)

// intensityFile writes content to the path and makes sure that the file looks different from before even if the clock stood still.
func intensityFile(t testing.TB, path, content string) {
	t.Helper()
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t testing.TB) conformance.Subject {
		path := filepath.Join(t.TempDir(), "intensity.json")
		intensityFile(t, path, `{"eu-1": 20, "us-1": 300}`)
		return conformance.Of(sdktest.Open(t, &plugin{}, map[string]any{"file": path}))
	})
}

func TestScoreFollowsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intensity.json")
	intensityFile(t, path, `{"north": 20, "south": 420, "east": 120}`)
	var reports []string
	p := sdktest.Open(t, &plugin{report: func(f string, a ...any) { reports = append(reports, fmt.Sprintf(f, a...)) }}, map[string]any{"file": path})
	q := sdktest.Query(sdktest.Fleet(
		sdktest.Cluster{Name: "a", Region: "north"}, sdktest.Cluster{Name: "b", Region: "south"},
		sdktest.Cluster{Name: "c", Region: "east"}, sdktest.Cluster{Name: "d", Region: "moon"},
	))
	steps := []struct {
		name, content string
		want          []int64
		reports       int
	}{
		{"as configured", "", []int64{100, 0, 75, 0}, 0},
		{"wind drops in the north", `{"north": 400, "south": 420, "east": 320}`, []int64{20, 0, 100, 0}, 0},
		{"a broken file changes nothing", `{"north": `, []int64{20, 0, 100, 0}, 1},
		{"and is reported once", "", []int64{20, 0, 100, 0}, 1},
		{"until it is repaired", `{"moon": 1}`, []int64{0, 0, 0, 100}, 1},
	}
	for _, step := range steps {
		if step.content != "" {
			intensityFile(t, path, step.content)
		}
		scores := make([]int64, 4)
		if err := p.Score().Score(t.Context(), q, q.Snapshot.Candidates(), scores); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, scores); diff != "" || len(reports) != step.reports {
			t.Errorf("%s: %d reports, want %d; scores (-want +got):\n%s", step.name, len(reports), step.reports, diff)
		}
	}
}

// What the scores do not show crosses the wire too, whether the scores came with the verdict of a filter or not.
func TestUnknownRegionsAreRemarked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intensity.json")
	intensityFile(t, path, `{"north": 20}`)
	p := sdktest.Open(t, &plugin{}, map[string]any{"file": path})
	q := sdktest.Query(sdktest.Fleet(sdktest.Cluster{Name: "a", Region: "moon"}, sdktest.Cluster{Name: "b", Region: "north"}))
	score, ok := p.Score().(sdk.RemarkingScore)
	if !ok {
		t.Fatal("the score of the host does not remark")
	}
	if err := score.Score(t.Context(), q, q.Snapshot.Candidates(), make([]int64, 2)); err != nil {
		t.Fatal(err)
	}
	remarks := score.Remarks(q, q.Snapshot.Candidates())
	if len(remarks) != 1 || !remarks[0].Clusters.Has(0) || remarks[0].Clusters.Has(1) || !strings.Contains(remarks[0].Text, "known intensity") {
		t.Errorf("remarks are %v, want one about cluster a", remarks)
	}
}

func TestBadArguments(t *testing.T) {
	path := filepath.Join(t.TempDir(), "negative.json")
	intensityFile(t, path, `{"north": -3}`)
	for says, args := range map[string]map[string]any{
		"file is missing":         nil,
		"no such file":            {"file": "/nonexistent"},
		"less than nothing":       {"file": path},
		`unknown field "refresh"`: {"file": path, "refresh": "1m"},
	} {
		if _, err := sdktest.TryOpen(t, &plugin{}, args); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: error is %v, want the words %q", args, err, says)
		}
	}
}
