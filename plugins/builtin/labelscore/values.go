// Package labelscore scores clusters by a label: by a cost that it states, or by a preference that it states or stands for.
package labelscore

import (
	"fmt"
	"strings"

	"github.com/longshore-project/longshore/plugins/builtin/arguments"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// values returns the values that the clusters of a snapshot give to the label.
func values(s *framework.Snapshot, label string) *framework.Groups {
	return s.Groups(framework.SpreadConstraint{Label: label})
}

// valueOf returns the index of the cluster's value among the names of the groups; ok is false for a cluster that has none.
func valueOf(g *framework.Groups, row int) (index int32, ok bool) {
	of := g.Of(int32(row))
	if len(of) == 0 {
		return 0, false
	}
	return of[0], true
}

// remark tells which of the clusters got the score for lack of a usable label, if any did.
func remark(s *framework.Snapshot, clusters framework.Bitset, label string, score int64, usable func(row int) bool) []framework.ScoreRemark {
	missing := framework.NewBitset(s.Len())
	for row := range clusters.All() {
		if !usable(row) {
			missing.Set(row)
		}
	}
	if missing.Empty() {
		return nil
	}
	return []framework.ScoreRemark{{Clusters: missing, Text: fmt.Sprintf("have no usable label %s and get %d", label, score)}}
}

// checkLabel returns what is wrong with the argument that names the label.
func checkLabel(label string) error {
	switch {
	case label == "":
		return arguments.Faultf("label", "names no label: write the key of the clusters' label to score by")
	case strings.ContainsAny(label, " \t\n=,"):
		return arguments.Faultf("label", "%q is not the key of a label", label)
	}
	return nil
}

// checkScore returns what is wrong with an argument that is a score.
func checkScore(path string, score int64) error {
	if score < 0 || score > framework.MaxScore {
		return arguments.Faultf(path, "%d is not a score: write 0 to %d", score, framework.MaxScore)
	}
	return nil
}
