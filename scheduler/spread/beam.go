package spread

import "slices"

// beamWidth is the number of labels kept per step once the node limit is
// reached: enough to keep several values of every count, little enough that
// the rest of the search costs no more than what came before.
const beamWidth = 48

// beam ranks labels by what they can still become.
type beam struct {
	live []int32
	rank []int32
	hope []int64 // by live label, then level
}

// narrow keeps the most promising labels only: the search has become a beam
// search and its answer is no longer proven.
func (s *search) narrow() {
	b := &s.beam
	b.live = b.live[:0]
	for l := range s.now.len() {
		if !s.now.dead[l] {
			b.live = append(b.live, int32(l))
		}
	}
	if len(b.live) <= s.width {
		return
	}
	s.proven = false
	s.rankLive()
	for _, at := range b.rank[s.width:] {
		s.now.dead[b.live[at]] = true
	}
}

// rankLive sorts the live labels, best hope first.
func (s *search) rankLive() {
	b, n := &s.beam, len(s.layout.levels)
	b.rank, b.hope = b.rank[:0], b.hope[:0]
	for at, l := range b.live {
		b.rank = append(b.rank, int32(at))
		s.load(int(l))
		for level := range n {
			b.hope = append(b.hope, s.hope(level, false))
		}
	}
	slices.SortFunc(b.rank, func(x, y int32) int {
		better := slices.Compare(b.hope[int(y)*n:int(y+1)*n], b.hope[int(x)*n:int(x+1)*n])
		if better != 0 {
			return better
		}
		return s.compareNames(s.now.node[b.live[y]], s.now.node[b.live[x]])
	})
}
