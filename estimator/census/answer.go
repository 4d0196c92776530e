package census

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/longshore-project/longshore/estimator/fit"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// remembered is how many of the questions asked lately keep what was counted for them: about 4 bytes a node each.
const remembered = 512

// claimed is the set of rows that a claim allows.
type claimed struct {
	usable   framework.Bitset
	position uint64 // in moves
}

// tally is the copies of one shape by row, and their sum.
type tally struct {
	need     fit.Need
	claim    *claimed
	copies   []int32
	total    int64
	position uint64 // in changes
	version  uint64 // changes when a row changed that the shape can use
	grown    int64  // what node groups could add
	growable uint64 // of grown; zero is never
}

// packed is the answer for a set of several tallies.
type packed struct {
	tallies  []*tally
	versions []uint64
	bound    fit.Bound
	grown    int64
	growable uint64
}

// Ask answers questions about one state of the member. What is assumed takes its room and its part of quotas first; it has as many replicas as its
// components say, and what of it finds no room takes none. Questions must be valid.
func (c *Census) Ask(questions []Question, assumed []Question) []Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	answers := make([]Answer, len(questions))
	if len(assumed) > 0 {
		room := c.occupied(assumed)
		for i := range questions {
			answers[i] = c.askIn(room, &questions[i])
		}
	} else {
		for i := range questions {
			answers[i] = c.ask(&questions[i])
		}
	}
	for i := range questions {
		c.limit(&answers[i], &questions[i], assumed)
	}
	return answers
}

// limit lowers an answer to what the quotas of the namespace allow.
func (c *Census) limit(a *Answer, q *Question, assumed []Question) {
	if q.Namespace == "" {
		return
	}
	var beside [][]Component
	for _, other := range assumed {
		if other.Namespace == q.Namespace {
			beside = append(beside, other.Components)
		}
	}
	quotas := c.quotas[q.Namespace]
	for _, name := range slices.Sorted(maps.Keys(quotas)) {
		quota := quotas[name]
		allowed := quota.allows(q.Components, beside)
		if allowed < a.Sets {
			a.Sets, a.Exact, a.Quota = allowed, true, name
		}
		a.GrowTo = min(a.GrowTo, allowed)
	}
}

// ask answers from what is remembered.
func (c *Census) ask(q *Question) Answer {
	if len(q.Components) == 1 {
		t := c.tally(q.Components[0].Shape)
		replicas := q.Components[0].Replicas
		a := Answer{Sets: t.total / replicas, Exact: true}
		if c.canGrow() {
			a.CanGrow, a.GrowTo = true, (t.total+c.grown(t, q.Components[0].Shape))/replicas
		}
		return a
	}
	return c.askPacked(q)
}

// tally returns the copies of a shape, counted again where something changed.
func (c *Census) tally(s *Shape) *tally {
	t, ok := c.tallies.get(s.key)
	if !ok {
		t = &tally{need: c.room.Need(s.requests), claim: c.claimed(s)}
		c.tallies.put(s.key, t)
		c.countAll(t)
		return t
	}
	c.follow(t.claim, s)
	changed, ok := c.changes.since(t.position)
	if !ok || len(changed) > len(c.rows) {
		c.countAll(t)
		return t
	}
	if n := len(c.rows) - len(t.copies); n > 0 {
		t.copies = append(t.copies, make([]int32, n)...)
	}
	for _, i := range changed {
		c.count(t, i)
	}
	t.position = c.changes.end()
	return t
}

func (c *Census) countAll(t *tally) {
	t.copies, t.total = make([]int32, len(c.rows)), 0
	t.version++
	for i := range t.claim.usable.All() {
		c.count(t, int32(i))
	}
	t.position = c.changes.end()
}

// count counts one row again.
func (c *Census) count(t *tally, i int32) {
	usable := t.claim.usable.Has(int(i))
	if !usable && t.copies[i] == 0 {
		return
	}
	c.counted++
	t.version++
	copies := int32(0)
	if usable {
		copies = int32(min(c.room.CopiesOn(int(i), t.need), math.MaxInt32))
	}
	t.total += int64(copies) - int64(t.copies[i])
	t.copies[i] = copies
}

// claimed returns the rows that the shape's claim allows.
func (c *Census) claimed(s *Shape) *claimed {
	claim, ok := c.claims.get(s.claimKey)
	if !ok {
		claim = &claimed{}
		c.claims.put(s.claimKey, claim)
		c.allowAll(claim, s)
		return claim
	}
	c.follow(claim, s)
	return claim
}

func (c *Census) allowAll(claim *claimed, s *Shape) {
	claim.usable = framework.NewBitset(len(c.rows))
	for i := range c.rows {
		if c.allows(s.claim, int32(i)) {
			claim.usable.Set(i)
		}
	}
	claim.position = c.moves.end()
}

// follow brings a claim up to date.
func (c *Census) follow(claim *claimed, s *Shape) {
	moved, ok := c.moves.since(claim.position)
	if !ok || len(moved) > len(c.rows) {
		c.allowAll(claim, s)
		return
	}
	if n := len(framework.NewBitset(len(c.rows))) - len(claim.usable); n > 0 {
		claim.usable = append(claim.usable, make(framework.Bitset, n)...)
	}
	for _, i := range moved {
		if c.allows(s.claim, i) {
			claim.usable.Set(int(i))
		} else {
			claim.usable.Unset(int(i))
		}
	}
	claim.position = c.moves.end()
}

// askPacked answers for a set of several components. The answer is remembered until a row changes that one of them can use.
func (c *Census) askPacked(q *Question) Answer {
	key := packKey(q)
	p, ok := c.packs.get(key)
	if !ok {
		p = &packed{}
		c.packs.put(key, p)
	}
	tallies, versions := make([]*tally, len(q.Components)), make([]uint64, len(q.Components))
	for i, component := range q.Components {
		tallies[i] = c.tally(component.Shape)
		versions[i] = tallies[i].version
	}
	fresh := slices.Equal(p.tallies, tallies) && slices.Equal(p.versions, versions)
	if !fresh {
		p.tallies, p.versions = tallies, versions
		p.bound = c.room.Sets(p.components(q), c.ordered())
	}
	a := Answer{Sets: p.bound.Sets, Exact: p.bound.Exact}
	if c.canGrow() {
		if !fresh || p.growable != c.growable {
			p.grown, p.growable = c.grownSets(p.components(q), q), c.growable
		}
		a.CanGrow, a.GrowTo = true, max(p.grown, p.bound.Sets)
	}
	return a
}

func packKey(q *Question) string {
	var key strings.Builder
	for _, component := range q.Components {
		writeParts(&key, component.Shape.key, strconv.FormatInt(component.Replicas, 10))
	}
	return key.String()
}

func (p *packed) components(q *Question) []fit.Component {
	components := make([]fit.Component, len(q.Components))
	for i, t := range p.tallies {
		components[i] = fit.Component{Need: t.need, Usable: t.claim.usable, Replicas: q.Components[i].Replicas}
	}
	return components
}

// occupied returns the room that is left once what is assumed is there.
func (c *Census) occupied(assumed []Question) *fit.Room {
	var components [][]fit.Component
	for i := range assumed {
		components = append(components, c.components(&assumed[i]))
	}
	room := c.room.Clone() // After the components: those may need new columns.
	for _, parts := range components {
		room.Occupy(parts, c.ordered())
	}
	return room
}

func (c *Census) components(q *Question) []fit.Component {
	components := make([]fit.Component, len(q.Components))
	for i, component := range q.Components {
		components[i] = fit.Component{
			Need: c.room.Need(component.Shape.requests), Usable: c.claimed(component.Shape).usable, Replicas: component.Replicas,
		}
	}
	return components
}

// askIn answers in a room of its own, from nothing that is remembered but the claims.
func (c *Census) askIn(room *fit.Room, q *Question) Answer {
	bound := room.Sets(c.components(q), c.ordered())
	return Answer{Sets: bound.Sets, Exact: bound.Exact}
}
