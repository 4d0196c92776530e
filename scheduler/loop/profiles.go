package loop

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/longshore-project/longshore/scheduler/cache"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// lineup is the profiles that decide now. Whoever looks at it, or puts a binding or a cluster where the profiles make it belong, holds the lock
// for reading until that is done, and a decision holds it to its end.
type lineup struct {
	sync.RWMutex
	profiles map[string]*Profile
	// reported is the fleet without reservations, nil unless a profile ignores them.
	reported atomic.Pointer[cache.Cache]
}

// byName indexes the profiles by the name that bindings call them by.
func byName(profiles []Profile) (map[string]*Profile, error) {
	if len(profiles) == 0 {
		return nil, errors.New("there is no profile to decide with")
	}
	out := make(map[string]*Profile, len(profiles))
	for _, p := range profiles {
		p.SchedulerName = cmp.Or(p.SchedulerName, DefaultSchedulerName)
		if p.Pipeline == nil || p.Pipeline.Select == nil || p.Pipeline.Assign == nil {
			return nil, fmt.Errorf("profile %s has no plugins to select clusters or to assign replicas", p.SchedulerName)
		}
		if _, taken := out[p.SchedulerName]; taken {
			return nil, fmt.Errorf("two profiles are called %s", p.SchedulerName)
		}
		out[p.SchedulerName] = &p
	}
	return out, nil
}

// SetProfiles makes these profiles decide from now on. It waits for the decision that is being made, so that afterwards nobody asks the plugins
// of profiles that are gone; what was decided is still written. Bindings of a name that is new are taken up, those of a name that is gone are
// left alone, and those that wait for a change are tried again. What is placed stays where it is. With an error nothing has changed. It may be
// called before Run and while it runs.
func (l *Loop) SetProfiles(profiles []Profile) error {
	next, err := byName(profiles)
	if err != nil {
		return fmt.Errorf("changing the profiles: %w", err)
	}
	l.lineup.Lock()
	defer l.lineup.Unlock()
	before := l.lineup.profiles
	l.lineup.profiles = next
	l.fitFleets()
	for _, r := range l.bindings.all() {
		switch now, then := next[schedulerOf(r.binding)], before[schedulerOf(r.binding)]; {
		case now == nil:
			l.leave(r.binding)
		case then != nil && then.Estimators != now.Estimators:
			l.tellEstimators(now, nil, r.binding)
		}
	}
	for _, b := range l.watch.bindings() {
		if name := schedulerOf(b); next[name] != nil && before[name] == nil {
			l.arrange(nil, b)
		}
	}
	l.wake(framework.Cure{Fact: framework.FactMembership}) // Every rejection names it.
	return nil
}

// fitFleets makes the fleets what the profiles ask for.
func (l *Loop) fitFleets() {
	for _, p := range l.lineup.profiles {
		if p.Estimators != nil {
			l.fleet.TrackSeen()
		}
	}
	l.keepReported()
}

// keepReported makes sure that there is a fleet without reservations if, and only if, a profile wants one.
func (l *Loop) keepReported() {
	wanted := false
	for _, p := range l.lineup.profiles {
		wanted = wanted || p.IgnoresReservations
	}
	if wanted == (l.lineup.reported.Load() != nil) {
		return
	}
	delete(l.latest, l.lineup.reported.Load())
	l.lineup.reported.Store(nil)
	if !wanted {
		return
	}
	reported := cache.New(l.clock)
	fleet := l.fleet.Snapshot()
	for row := range fleet.Len() {
		apart := *fleet.Cluster(row)
		reported.SetCluster(&apart) // It overwrites what is reserved.
	}
	l.lineup.reported.Store(reported)
}

func (l *Loop) schedulerNames() []string {
	l.lineup.RLock()
	defer l.lineup.RUnlock()
	return slices.Sorted(maps.Keys(l.lineup.profiles))
}
