package host

import (
	"time"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/plugins/wire"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// rememberedPlacements bounds how many placements a plugin must remember; when there are more it forgets all and is told again.
const rememberedPlacements = 1024

// send sends the questions, those in a row about one snapshot in one message.
func (l *link) send(queue []pending, cancels []uint64) error {
	for len(queue) > 0 {
		n := 1
		for n < len(queue) && queue[n].snapshot == queue[0].snapshot {
			n++
		}
		m, err := l.tell(queue[0].snapshot)
		if err != nil {
			return err
		}
		m.Cancelled, cancels = cancels, nil
		m.Questions = make([]*pluginv1.Question, n)
		for i, p := range queue[:n] {
			p.question.Generation = l.generation
			m.Questions[i] = p.question
		}
		l.tellPlacements(m, queue[:n])
		if err := l.stream.Send(m); err != nil {
			return err
		}
		queue = queue[n:]
	}
	if len(cancels) > 0 {
		return l.stream.Send(&pluginv1.WorkRequest{Cancelled: cancels})
	}
	return nil
}

// tellPlacements adds the placements of the questions that the plugin does not know yet.
func (l *link) tellPlacements(m *pluginv1.WorkRequest, queue []pending) {
	for _, p := range queue {
		if len(l.placements) >= rememberedPlacements && l.mustTell(p.placement) {
			clear(l.placements)
			m.ForgetPlacements = true
			break
		}
	}
	for _, p := range queue {
		if l.mustTell(p.placement) {
			l.placements[p.placement.Fingerprint] = true
			m.Placements = append(m.Placements, wire.FromPlacement(p.placement))
		}
	}
}

// mustTell reports whether a question refers to the placement and the plugin does not know it.
func (l *link) mustTell(p *framework.Placement) bool {
	return p != nil && p.Fingerprint != "" && !l.placements[p.Fingerprint]
}

// tell brings the plugin's table to the snapshot. It returns the message to go on with, which may carry the last part of the table.
func (l *link) tell(s *framework.Snapshot) (*pluginv1.WorkRequest, error) {
	m := &pluginv1.WorkRequest{}
	if s == l.told {
		return m, nil
	}
	tables := wire.FromSnapshot(l.told, s, l.generation, l.facts)
	l.told = s
	for i, t := range tables {
		l.generation, m.Table = t.GetGeneration(), t
		if i == len(tables)-1 {
			break
		}
		if err := l.stream.Send(m); err != nil {
			return nil, err
		}
		l.sendingSince.Store(time.Now().UnixNano())
		m = &pluginv1.WorkRequest{}
	}
	return m, nil
}
