package labelscore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/longshore-project/longshore/plugins/builtin/arguments"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Preference is the score that a label states: its value is the score itself, a whole number from 0 to 100, or stands for the score that a
// table gives it. Clusters whose label is missing, is no such number or is not in the table get the score Missing.
type Preference struct{ Arguments PreferenceArguments }

// PreferenceArguments are the arguments of Preference.
type PreferenceArguments struct {
	// Label is the key of the label. Required.
	Label string `json:"label"`
	// Scores gives a score, 0 to 100, to each value of the label. Without it the values are the scores.
	Scores map[string]int64 `json:"scores"`
	// Missing is the score, 0 to 100, of clusters without a usable label. Default 0.
	Missing int64 `json:"missing"`
}

// Name returns the name by which profiles know the plugin.
func (Preference) Name() string { return "LabelPreference" }

// Facts tells that the answer depends on labels only.
func (Preference) Facts() framework.Facts { return framework.FactLabels }

// DependsOn implements framework.Repeatable.
func (p Preference) DependsOn(*framework.Query) framework.Facts { return p.Facts() }

// Configure returns the plugin with those arguments.
func (Preference) Configure(raw []byte) (interface{ Name() string }, error) {
	var a PreferenceArguments
	if err := arguments.Decode(raw, &a); err != nil {
		return nil, err
	}
	faults := []error{checkLabel(a.Label), checkScore("missing", a.Missing)}
	for _, value := range slices.Sorted(maps.Keys(a.Scores)) {
		faults = append(faults, checkScore("scores."+value, a.Scores[value]))
	}
	return Preference{a}, errors.Join(faults...)
}

// scoreOf returns the score of a value of the label; ok is false when it has none.
func (p Preference) scoreOf(value string) (score int64, ok bool) {
	if p.Arguments.Scores != nil {
		score, ok = p.Arguments.Scores[value]
		return score, ok
	}
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil || n > framework.MaxScore {
		return 0, false
	}
	return int64(n), true
}

// Score rates the clusters.
func (p Preference) Score(_ context.Context, q *framework.Query, clusters framework.Bitset, scores []int64) error {
	g := values(q.Snapshot, p.Arguments.Label)
	byValue := make([]int64, len(g.Names))
	for i, value := range g.Names {
		byValue[i] = p.Arguments.Missing
		if score, ok := p.scoreOf(value); ok {
			byValue[i] = score
		}
	}
	for row := range clusters.All() {
		scores[row] = p.Arguments.Missing
		if i, ok := valueOf(g, row); ok {
			scores[row] = byValue[i]
		}
	}
	return nil
}

// Remarks names the clusters without a usable label.
func (p Preference) Remarks(q *framework.Query, clusters framework.Bitset) []framework.ScoreRemark {
	g := values(q.Snapshot, p.Arguments.Label)
	return remark(q.Snapshot, clusters, p.Arguments.Label, p.Arguments.Missing, func(row int) bool {
		i, ok := valueOf(g, row)
		if !ok {
			return false
		}
		_, ok = p.scoreOf(g.Names[i])
		return ok
	})
}
