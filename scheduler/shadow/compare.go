package shadow

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// Kind is in what two decisions differ.
type Kind string

// The kinds of differences. The first that applies counts.
const (
	// Equal means that the same would be written.
	Equal Kind = "equal"
	// Outcome means that one is placed and the other is not, or that they are refused for different kinds of reasons.
	Outcome Kind = "outcome"
	// Clusters means that other clusters are chosen.
	Clusters Kind = "clusters"
	// Replicas means that the same clusters get other numbers of replicas.
	Replicas Kind = "replicas"
)

// Difference is how a shadow decision differs from the live one about the same request.
type Difference struct {
	Kind Kind `json:"kind"`
	// Live and Shadow are the clusters with their replicas, or the outcome and its reason.
	Live   string `json:"live"`
	Shadow string `json:"shadow"`
	// Moved is how many replicas would run elsewhere, more or less.
	Moved int64 `json:"moved"`
	// Clusters are those that differ in order of name; empty for a difference of outcomes. At most maxClusters are listed, of MoreClusters more.
	Clusters     []ClusterDifference `json:"clusters,omitempty"`
	MoreClusters int                 `json:"moreClusters,omitempty"`
}

// ClusterDifference is how the decisions differ about one cluster.
type ClusterDifference struct {
	Cluster string `json:"cluster"`
	// Live and Shadow are the replicas there; nil when the cluster is not chosen.
	Live   *int64 `json:"live,omitempty"`
	Shadow *int64 `json:"shadow,omitempty"`
	// Why says what plugins said otherwise about the cluster; empty when all said the same, so that the choice among equals or the division
	// made the difference.
	Why string `json:"why,omitempty"`
}

const (
	// maxClusters bounds how many clusters a difference lists, and maxTargets how many a decision is printed with.
	maxClusters = 20
	maxTargets  = 10
)

// Compare says how the shadow's decision differs from the live one about the request.
func Compare(r *framework.Request, live, shadow *framework.Decision) Difference {
	d := Difference{Kind: Equal, Live: summarize(live), Shadow: summarize(shadow)}
	if live.Outcome != shadow.Outcome {
		d.Kind = Outcome
		return d
	}
	changed := changes(live.Targets, shadow.Targets)
	if len(changed) == 0 {
		return d
	}
	d.Kind = kindOf(changed)
	if r.CountsReplicas() {
		d.Moved = moved(changed)
	}
	if len(changed) > maxClusters {
		d.MoreClusters, changed = len(changed)-maxClusters, changed[:maxClusters]
	}
	for i := range changed {
		changed[i].Why = why(live, shadow, changed[i].Cluster)
	}
	d.Clusters = changed
	return d
}

// summarize prints what was decided, and without whom.
func summarize(d *framework.Decision) string {
	text := d.Outcome.String()
	if d.Outcome == framework.Placed {
		text = framework.FormatTargets(d.Targets[:min(len(d.Targets), maxTargets)])
		if more := len(d.Targets) - maxTargets; more > 0 {
			text = fmt.Sprintf("%s and %d more", text, more)
		}
	} else if message := d.Message(); message != "" {
		text += ": " + message
	}
	if caveat := d.Caveat(); caveat != "" {
		text += ", " + caveat
	}
	return text
}

// changes merges two lists in order of name and keeps what differs.
func changes(live, shadow []framework.Assignment) []ClusterDifference {
	var out []ClusterDifference
	for len(live) > 0 || len(shadow) > 0 {
		switch order := compareFirst(live, shadow); {
		case order < 0:
			out = append(out, ClusterDifference{Cluster: live[0].Cluster, Live: &live[0].Replicas})
			live = live[1:]
		case order > 0:
			out = append(out, ClusterDifference{Cluster: shadow[0].Cluster, Shadow: &shadow[0].Replicas})
			shadow = shadow[1:]
		default:
			if live[0].Replicas != shadow[0].Replicas {
				out = append(out, ClusterDifference{Cluster: live[0].Cluster, Live: &live[0].Replicas, Shadow: &shadow[0].Replicas})
			}
			live, shadow = live[1:], shadow[1:]
		}
	}
	return out
}

// compareFirst compares the names of the first elements; a list without elements comes last.
func compareFirst(a, b []framework.Assignment) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return cmp.Compare(a[0].Cluster, b[0].Cluster)
}

func kindOf(changed []ClusterDifference) Kind {
	if slices.ContainsFunc(changed, func(c ClusterDifference) bool { return c.Live == nil || c.Shadow == nil }) {
		return Clusters
	}
	return Replicas
}

// moved is how many replicas the shadow adds somewhere, or how many it takes away if that is more.
func moved(changed []ClusterDifference) int64 {
	var more, less int64
	for _, c := range changed {
		switch d := orZero(c.Shadow) - orZero(c.Live); {
		case d > 0:
			more = framework.SaturatingAdd(more, d)
		default:
			less = framework.SaturatingAdd(less, -d)
		}
	}
	return max(more, less)
}

func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// why compares what was found out about the cluster. When different terms of the placement were used, the one that one decision used and both
// tried is compared, for there lies the reason.
func why(live, shadow *framework.Decision, cluster string) string {
	before, after := used(live), used(shadow)
	if before == nil || after == nil {
		return ""
	}
	var reasons []string
	if live.Term != shadow.Term {
		reasons = append(reasons, fmt.Sprintf("term %q instead of %q", shadow.Term, live.Term))
		if a := attemptOf(shadow, live.Term); a != nil {
			after = a
		} else if a := attemptOf(live, shadow.Term); a != nil {
			before = a
		}
	}
	if row, ok := before.Snapshot.Row(cluster); ok {
		reasons = append(reasons, rejectionsDiffer(before, after, row), scoresDiffer(before, after, row), roomDiffers(before, after, row),
			weightsDiffer(before, after, int32(row)))
	}
	return strings.Join(slices.DeleteFunc(reasons, func(r string) bool { return r == "" }), "; ")
}

// used returns the attempt that succeeded, the last one.
func used(d *framework.Decision) *framework.Attempt {
	if len(d.Attempts) == 0 {
		return nil
	}
	return &d.Attempts[len(d.Attempts)-1]
}

// attemptOf returns the attempt at the term, nil if it was not tried.
func attemptOf(d *framework.Decision, term string) *framework.Attempt {
	for i := range d.Attempts {
		if d.Attempts[i].Term == term {
			return &d.Attempts[i]
		}
	}
	return nil
}

func rejectionsDiffer(live, shadow *framework.Attempt, row int) string {
	plugin, status, rejected := shadow.RejectedBy(row)
	livePlugin, liveStatus, liveRejected := live.RejectedBy(row)
	switch {
	case rejected && !liveRejected:
		return fmt.Sprintf("rejected by %s: %s", plugin, status.Message())
	case !rejected && liveRejected:
		return fmt.Sprintf("not rejected by %s: %s", livePlugin, liveStatus.Message())
	}
	return ""
}

// scoresDiffer tells the sums, and which plugins rate the cluster otherwise or with another weight.
func scoresDiffer(live, shadow *framework.Attempt, row int) string {
	before, after := live.ScoreOf(row), shadow.ScoreOf(row)
	if before == after {
		return ""
	}
	was := map[string]string{}
	for _, s := range live.Scores {
		was[s.Plugin] = term(&s, row)
	}
	var parts []string
	for _, s := range shadow.Scores {
		now := term(&s, row)
		switch old, asked := was[s.Plugin]; {
		case !asked:
			parts = append(parts, s.Plugin+" "+now)
		case old != now:
			parts = append(parts, fmt.Sprintf("%s %s instead of %s", s.Plugin, now, old))
		}
		delete(was, s.Plugin)
	}
	for _, s := range live.Scores {
		if old, gone := was[s.Plugin]; gone {
			parts = append(parts, fmt.Sprintf("without %s %s", s.Plugin, old))
		}
	}
	return fmt.Sprintf("score %d instead of %d (%s)", after, before, strings.Join(parts, ", "))
}

// term prints a score with its weight.
func term(s *framework.PluginScore, row int) string {
	return fmt.Sprintf("%d×%d", s.Scores[row], s.Weight)
}

func roomDiffers(live, shadow *framework.Attempt, row int) string {
	if live.Available == nil || shadow.Available == nil || live.Available[row] == shadow.Available[row] {
		return ""
	}
	return fmt.Sprintf("room %s instead of %s", room(shadow.Available[row]), room(live.Available[row]))
}

func room(c framework.Capacity) string {
	if !c.Known {
		return "unknown"
	}
	return fmt.Sprint(c.Replicas)
}

func weightsDiffer(live, shadow *framework.Attempt, row int32) string {
	before, ok := weightOf(live, row)
	after, too := weightOf(shadow, row)
	if !ok || !too || before == after {
		return ""
	}
	return fmt.Sprintf("weight %d instead of %d", after, before)
}

// weightOf returns what the replicas of the cluster were divided by.
func weightOf(a *framework.Attempt, row int32) (weight int64, ok bool) {
	i := slices.Index(a.Selected, row)
	if i < 0 || i >= len(a.Division.Weights) {
		return 0, false
	}
	return a.Division.Weights[i], true
}
