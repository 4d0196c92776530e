package labelscore

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/longshore-project/longshore/plugins/builtin/arguments"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// Cost is the score that prefers the clusters whose label states the lowest cost. Of the clusters that can take the request
//
//	score = ⌊100 · (highest − cost) / (highest − lowest)⌋
//
// where lowest and highest are the costs of the cheapest and the dearest; when both are the same all get 100. Clusters whose label is missing
// or is no cost get the score Missing and count neither as cheapest nor as dearest.
type Cost struct{ Arguments CostArguments }

// CostArguments are the arguments of Cost.
type CostArguments struct {
	// Label is the key of the label that states the cost: a decimal number such as 0.0416, at most 9223372036; digits after the ninth behind
	// the point are ignored. Required.
	Label string `json:"label"`
	// Unit is what the number counts, for people: "EUR per core and hour". Costs are compared as numbers, so all clusters must state theirs in
	// the same unit.
	Unit string `json:"unit"`
	// Missing is the score, 0 to 100, of clusters without a usable label. Default 0.
	Missing int64 `json:"missing"`
}

// Name returns the name by which profiles know the plugin.
func (Cost) Name() string { return "LabelCost" }

// Facts tells that the answer depends on labels only.
func (Cost) Facts() framework.Facts { return framework.FactLabels }

// DependsOn implements framework.Repeatable.
func (p Cost) DependsOn(*framework.Query) framework.Facts { return p.Facts() }

// Configure returns the plugin with those arguments.
func (Cost) Configure(raw []byte) (interface{ Name() string }, error) {
	var a CostArguments
	if err := arguments.Decode(raw, &a); err != nil {
		return nil, err
	}
	return Cost{a}, errors.Join(checkLabel(a.Label), checkScore("missing", a.Missing))
}

// billionths is a cost in billionths of its unit, so that costs compare and subtract exactly.
type billionths int64

// none stands for a value that states no cost.
const none billionths = -1

// parseCost returns none for what is not a decimal number. Labels cannot be negative: their values begin with a letter or a digit.
func parseCost(value string) billionths {
	const digits = 9
	whole, fraction, _ := strings.Cut(value, ".")
	fraction = (fraction + strings.Repeat("0", digits))[:max(digits, len(fraction))]
	if strings.Trim(whole+fraction, "0123456789") != "" || whole == "" {
		return none
	}
	n, err := strconv.ParseInt(whole+fraction[:digits], 10, 64)
	if err != nil {
		return none
	}
	return billionths(n)
}

// costs returns the cost that each value of the label states.
func costs(g *framework.Groups) []billionths {
	out := make([]billionths, len(g.Names))
	for i, value := range g.Names {
		out[i] = parseCost(value)
	}
	return out
}

// Score rates the clusters.
func (p Cost) Score(_ context.Context, q *framework.Query, clusters framework.Bitset, scores []int64) error {
	g := values(q.Snapshot, p.Arguments.Label)
	stated := costs(g)
	lowest, highest := billionths(math.MaxInt64), none
	for row := range clusters.All() {
		if i, ok := valueOf(g, row); ok && stated[i] != none {
			lowest, highest = min(lowest, stated[i]), max(highest, stated[i])
		}
	}
	for row := range clusters.All() {
		switch i, ok := valueOf(g, row); {
		case !ok || stated[i] == none:
			scores[row] = p.Arguments.Missing
		case lowest == highest:
			scores[row] = framework.MaxScore
		default:
			scores[row] = framework.Fraction(framework.MaxScore, int64(highest-stated[i]), int64(highest-lowest))
		}
	}
	return nil
}

// Remarks names the clusters without a usable label.
func (p Cost) Remarks(q *framework.Query, clusters framework.Bitset) []framework.ScoreRemark {
	g := values(q.Snapshot, p.Arguments.Label)
	stated := costs(g)
	return remark(q.Snapshot, clusters, p.Arguments.Label, p.Arguments.Missing, func(row int) bool {
		i, ok := valueOf(g, row)
		return ok && stated[i] != none
	})
}
