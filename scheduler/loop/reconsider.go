package loop

import (
	"context"
	"errors"
	"fmt"

	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/pipeline"
	"github.com/longshore-project/longshore/scheduler/queue"
)

var (
	errAsleep  = errors.New("this scheduler does not schedule: it has not seen the whole fleet yet, or another process leads")
	errUnknown = errors.New("this scheduler knows no such binding: it does not exist, names another scheduler, or its scheduling is suspended")
)

// Reconsider returns how the profile of that schedulerName would decide about the binding now, with what runs and is reserved. It is for
// explanations: nothing is written or reserved, and nobody is told. The error says why nothing would be decided.
func (l *Loop) Reconsider(ctx context.Context, key queue.Key) (d framework.Decision, schedulerName string, err error) {
	if !l.Synced() {
		return d, "", errAsleep
	}
	r, ok := l.bindings.get(key)
	if !ok {
		return d, "", errUnknown
	}
	schedulerName = schedulerOf(r.binding)
	l.lineup.RLock()
	defer l.lineup.RUnlock()
	profile, ours := l.lineup.profiles[schedulerName]
	switch {
	case !ours:
		return d, schedulerName, fmt.Errorf("the binding is for scheduler %s, which this one is not", schedulerName)
	case r.class == nil:
		return d, schedulerName, errors.New("the binding has no placement: nothing says where its template may run")
	case r.class.invalid != nil:
		return d, schedulerName, fmt.Errorf("the placement cannot be understood: %w", r.class.invalid)
	}
	request := convert.FromBinding(r.binding, r.class.placement)
	request.Peers = l.peers.of(r.key, r.binding)
	fleet := l.fleet
	if profile.IgnoresReservations {
		fleet = l.lineup.reported.Load()
	}
	d, err = pipeline.Schedule(ctx, profile.Pipeline, fleet.Snapshot(), request)
	return d, schedulerName, err
}
