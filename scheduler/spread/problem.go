package spread

import "fmt"

// NoGroup in Membership.Group says that a candidate has no group of that key,
// for example no region. Such a candidate is never chosen.
const NoGroup int32 = -1

// DefaultNodeLimit is the number of labels (partial answers) that a search may
// make when Problem.NodeLimit is zero: some milliseconds.
const DefaultNodeLimit = 16_000

// quantityLimit bounds every capacity, current number and score, so that sums
// over four million candidates cannot overflow. Larger numbers count as this.
const quantityLimit = int64(1) << 40

// Problem is one question. Columns are aligned by candidate index, and
// candidates are sorted by name. Nothing in it is modified.
type Problem struct {
	// Candidates is the number of candidates: the length of every column.
	Candidates int
	// Replicas to place, R. Not a workload: 0, or 1 with Current 1 where the
	// object exists, so that existing targets are kept at level 1.
	Replicas int64
	// Divided: the replicas are divided over the chosen clusters. False:
	// duplicated, each chosen cluster runs all of them.
	Divided bool
	// Capacity is how many replicas of this request each candidate can hold,
	// those that it already runs included. Negative counts as zero; unknown is
	// for the caller to state as a number. Nil: each can hold all Replicas.
	Capacity []int64
	// Current is how many replicas run there now. Nil: none anywhere.
	Current []int64
	// Score per candidate; negative counts as zero. Nil: all zero.
	Score []int64
	// Tier is the overflow tier per candidate, lower is better. Nil: one tier.
	Tier []int32
	// Keys are the spread constraints, coarsest first (provider, region, zone,
	// labels, cluster): level 4 of the objective follows this order.
	Keys []Key
	// NodeLimit bounds the labels made before a search stops being exhaustive;
	// 0 means DefaultNodeLimit. The package comment says what happens then; at
	// most a few times as many labels are made in all.
	NodeLimit int
}

// Key is one spread constraint.
type Key struct {
	// Name as it shall appear in explanations: "zone", "cluster", a label key.
	Name string
	// Min groups; 0 counts as 1, for an answer is never empty.
	Min int
	// Max groups; 0 means no upper bound.
	Max int
	// Membership says which groups a candidate belongs to.
	Membership Membership
}

// Membership maps candidates to groups, which are dense ids from 0 in any
// order. The zero value makes each candidate a group of its own, which is what
// the key `cluster` needs.
type Membership struct {
	// Start is nil when a candidate has at most one group. Otherwise candidate
	// i has the distinct groups Group[Start[i]:Start[i+1]]; an empty range means none.
	Start []int32
	// Group holds the ids. With Start nil it is a column by candidate, NoGroup
	// where there is none.
	Group []int32
}

// own reports whether each candidate is a group of its own.
func (m *Membership) own() bool { return m.Start == nil && m.Group == nil }

// of returns the groups of candidate i; not for memberships that are own.
func (m *Membership) of(i int32) []int32 {
	if m.Start != nil {
		return m.Group[m.Start[i]:m.Start[i+1]]
	}
	if m.Group[i] == NoGroup {
		return nil
	}
	return m.Group[i : i+1]
}

// column returns the only group of each of the candidates, laid out in memory
// unless it is a column already.
func (m *Membership) column(memory *[]int32, candidates []int32) []int32 {
	if m.Start == nil {
		return m.Group
	}
	out := resize(*memory, len(m.Start)-1)
	for _, i := range candidates {
		out[i] = m.Group[m.Start[i]]
	}
	*memory = out
	return out
}

// check panics on columns of the wrong length: a bug of the caller that would
// otherwise surface as a wrong answer.
func (p *Problem) check() {
	p.checkColumn("Capacity", "", len(p.Capacity), p.Capacity == nil)
	p.checkColumn("Current", "", len(p.Current), p.Current == nil)
	p.checkColumn("Score", "", len(p.Score), p.Score == nil)
	p.checkColumn("Tier", "", len(p.Tier), p.Tier == nil)
	for k := range p.Keys {
		m := &p.Keys[k].Membership
		if m.Start != nil {
			p.checkColumn("Membership.Start of ", p.Keys[k].Name, len(m.Start)-1, false)
			continue
		}
		p.checkColumn("Membership.Group of ", p.Keys[k].Name, len(m.Group), m.Group == nil)
	}
}

func (p *Problem) checkColumn(name, key string, have int, isNil bool) {
	if !isNil && have != p.Candidates {
		panic(fmt.Sprintf("spread: column %s%s has %d entries for %d candidates", name, key, have, p.Candidates))
	}
}

// replicas is R: not negative, and small enough to be summed.
func (p *Problem) replicas() int64 { return clamp(p.Replicas) }

// room is the number of replicas that candidate i can hold.
func (p *Problem) room(i int32) int64 {
	if p.Capacity == nil {
		return p.replicas()
	}
	return clamp(p.Capacity[i])
}

// keep is the number of replicas that may stay on candidate i.
func (p *Problem) keep(i int32) int64 {
	if p.Current == nil {
		return 0
	}
	if p.Divided {
		return min(clamp(p.Current[i]), p.room(i))
	}
	return min(clamp(p.Current[i]), p.replicas())
}

func (p *Problem) tier(i int32) int32 {
	if p.Tier == nil {
		return 0
	}
	return p.Tier[i]
}

// seatsNeeded is min(Min, R): the groups of key k that must hold a replica.
// Zero when duplicated, where every chosen cluster does.
func (p *Problem) seatsNeeded(k int) int {
	if !p.Divided {
		return 0
	}
	return int(min(int64(p.Keys[k].least()), p.replicas()))
}

// least is Min, at least 1.
func (k *Key) least() int { return max(1, k.Min) }

func clamp(v int64) int64 { return max(0, min(v, quantityLimit)) }
