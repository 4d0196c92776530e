package spread

// Infeasible says why no allowed set exists.
type Infeasible struct{ Message string }

func (s *Solver) explain(p *Problem) *Infeasible { return &Infeasible{} }
