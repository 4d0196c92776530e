package divide

import "slices"

// Problem asks how to divide replicas by the room that clusters have. All slices are index-aligned in ascending order of name and are read
// only.
type Problem struct {
	// Replicas is the total to reach.
	Replicas int64
	// Previous is what each cluster runs now.
	Previous []int64
	// Room is what each cluster could take beside that; unknown room is zero.
	Room []int64
	// Order breaks ties.
	Order Order
	// Fresh divides everything anew, by Room + Previous; otherwise only the difference to the total of Previous is divided, and what runs
	// stays where it is.
	Fresh bool
	// Together fills as few clusters as can hold the replicas, largest first, those that run some already before the others. Otherwise
	// all clusters share.
	Together bool
	// Seats marks the clusters that must end with at least one replica, nil for none. There must be no more marks than Replicas, and each
	// marked cluster must run something or have room for it.
	Seats []bool
}

// Result is the answer to a Problem. Slices are index-aligned with those of the problem.
type Result struct {
	// Replicas is what each cluster shall run. They add up to Problem.Replicas, less Unplaced.
	Replicas []int64
	// Weights is what Seats replicas were divided by, nil when nothing had to be divided. On a scale-up the rest of Replicas stayed.
	Weights []Weight
	Seats   int64
	// Unplaced is how many replicas have no room. Unless it is zero, Replicas is what ran before: nothing is placed in part.
	Unplaced int64
}

// Divide solves the problem. Where the total is unchanged, so is every number; a scale-down takes away in proportion to what runs and looks
// at no room; a scale-up adds in proportion to the room. No cluster is given more than its room, nor made to give up anything on a scale-up.
// Ties in size are resolved by the earlier name.
//
// Seats bend this as little as possible: a marked cluster that would stay empty gets one replica, which on a scale-down or with an unchanged
// total is taken from what runs elsewhere, in proportion.
func Divide(p *Problem) Result {
	running := sum(p.Previous)
	switch {
	case p.Fresh:
		return p.fresh()
	case p.Seats != nil:
		return p.seated()
	case running == p.Replicas:
		return Result{Replicas: slices.Clone(p.Previous)}
	case running > p.Replicas:
		return p.shrinkTo(p.Replicas, nil)
	default:
		return p.growBy(p.Replicas-running, nil)
	}
}

func (p *Problem) fresh() Result {
	weights := make([]Weight, len(p.Room))
	for i := range weights {
		weights[i] = boundWeight(Weight(bound(p.Room[i]) + bound(p.Previous[i])))
	}
	return p.share(p.Replicas, weights, make([]int64, len(weights)), p.Seats, nil)
}

func (p *Problem) shrinkTo(replicas int64, seated []bool) Result {
	weights := make([]Weight, len(p.Previous))
	for i, n := range p.Previous {
		weights[i] = Weight(n)
	}
	return p.share(replicas, weights, make([]int64, len(weights)), seated, nil)
}

func (p *Problem) growBy(delta int64, seated []bool) Result {
	weights := make([]Weight, len(p.Room))
	for i, n := range p.Room {
		weights[i] = boundWeight(Weight(n))
	}
	return p.share(delta, weights, p.Previous, seated, p.Previous)
}

// share divides seats by the weights and adds them to base. When the clusters are to be filled together, those with a seat are taken before all
// others, and those that are in first with more than zero, which may be nil, before the rest.
func (p *Problem) share(seats int64, weights []Weight, base []int64, seated []bool, first []int64) Result {
	if room := total(weights); room < seats {
		return Result{Replicas: slices.Clone(p.Previous), Weights: weights, Seats: seats, Unplaced: seats - room}
	}
	if p.Together {
		q := prefixQueue{weights: weights, seated: seated, running: first}
		q.keepPrefix(seats)
	}
	out := p.apportion(seats, weights, seated)
	for i, n := range base {
		out[i] += n
	}
	return Result{Replicas: out, Weights: weights, Seats: seats}
}

// prefixQueue is a heap of parties in the order: those with a seat, those that run something, all others; then larger weight; then index.
type prefixQueue struct {
	weights []Weight
	// seated and running may be nil, which is none.
	seated  []bool
	running []int64
	parties []int32
}

// keepPrefix sets to zero all weights but those of the shortest prefix that adds up to seats. Whoever has a seat is kept. A heap serves because
// the prefix is short as a rule.
func (q *prefixQueue) keepPrefix(seats int64) {
	q.parties = make([]int32, 0, len(q.weights))
	for i, w := range q.weights {
		if w > 0 {
			q.parties = append(q.parties, int32(i))
		}
	}
	for i := len(q.parties)/2 - 1; i >= 0; i-- {
		q.down(i)
	}
	for len(q.parties) > 0 && (seats > 0 || q.class(q.parties[0]) == seatedClass) {
		seats -= int64(q.weights[q.pop()])
	}
	for _, i := range q.parties {
		q.weights[i] = 0
	}
}

// The classes of parties, in order.
const (
	seatedClass = iota
	runningClass
	otherClass
)

func (q *prefixQueue) class(i int32) int {
	switch {
	case q.seated != nil && q.seated[i]:
		return seatedClass
	case q.running != nil && q.running[i] > 0:
		return runningClass
	}
	return otherClass
}

func (q *prefixQueue) less(a, b int32) bool {
	if ca, cb := q.class(a), q.class(b); ca != cb {
		return ca < cb
	}
	if q.weights[a] != q.weights[b] {
		return q.weights[a] > q.weights[b]
	}
	return a < b
}

func (q *prefixQueue) pop() int32 {
	top, last := q.parties[0], len(q.parties)-1
	q.parties[0] = q.parties[last]
	q.parties = q.parties[:last]
	q.down(0)
	return top
}

func (q *prefixQueue) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q.parties) {
			return
		}
		if child+1 < len(q.parties) && q.less(q.parties[child+1], q.parties[child]) {
			child++
		}
		if !q.less(q.parties[child], q.parties[i]) {
			return
		}
		q.parties[i], q.parties[child] = q.parties[child], q.parties[i]
		i = child
	}
}

// DivideTiers solves the problem tier by tier: each tier, in ascending order, takes as much as it can hold, what it runs included, and
// divides that by itself; what is left goes to the next. Seats of later tiers are set aside before. Tiers is index-aligned with the problem, and
// there must be at least one.
func DivideTiers(p *Problem, tiers []int) Result {
	out := Result{Replicas: make([]int64, len(tiers))}
	left := p.Replicas
	for tier := 0; tier <= slices.Max(tiers); tier++ {
		part := p.only(tier, tiers)
		part.Replicas = min(left-marksAfter(tier, p.Seats, tiers), saturatingAdd(sum(part.Room), sum(part.Previous)))
		left -= part.Replicas
		r := Divide(part)
		for i, n := range r.Replicas {
			out.Replicas[i] += n
		}
	}
	if left > 0 {
		return Result{Replicas: slices.Clone(p.Previous), Unplaced: left}
	}
	return out
}

// only returns the problem in which the clusters outside the tier run nothing and have no room.
func (p *Problem) only(tier int, tiers []int) *Problem {
	part := *p
	part.Previous, part.Room = make([]int64, len(tiers)), make([]int64, len(tiers))
	if p.Seats != nil {
		part.Seats = make([]bool, len(tiers))
	}
	for i, t := range tiers {
		if t == tier {
			part.Previous[i], part.Room[i] = p.Previous[i], p.Room[i]
			if p.Seats != nil {
				part.Seats[i] = p.Seats[i]
			}
		}
	}
	return &part
}

func sum(amounts []int64) int64 {
	var s int64
	for _, n := range amounts {
		s = saturatingAdd(s, n)
	}
	return s
}

func total(weights []Weight) int64 {
	var s int64
	for _, w := range weights {
		s = saturatingAdd(s, int64(w))
	}
	return s
}

// saturatingAdd returns a + b for numbers that are not negative, held at the largest int64.
func saturatingAdd(a, b int64) int64 {
	if s := a + b; s >= 0 {
		return s
	}
	return 1<<63 - 1
}
