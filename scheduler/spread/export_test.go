package spread

// SolveWithoutBounds is the plain dynamic programme: the pass that tracks every
// cut-off, with no known answer, no target and hence no bound. It must find what
// Solve finds.
func SolveWithoutBounds(p *Problem) ([]int32, bool) {
	var s Solver
	s.model.prepare(p)
	s.model.arrange(&s.buffers)
	if len(s.model.active) == 0 {
		return nil, false
	}
	s.model.classify(&s.buffers)
	s.plan.build(&s.model, true, &s.buffers)
	q := &s.search
	q.plan, q.limit, q.width, q.proven = &s.plan, 1<<40, beamWidth, true
	q.layout.init(&s.plan)
	q.initMasks()
	q.bounds.init(&s.plan)
	q.bounds.initJoint(&q.known)
	q.known.taken = make([]int32, len(s.plan.steps))
	if !q.sweep() {
		return nil, false
	}
	set, _, _ := q.unwind(nil, nil)
	return set, true
}
