package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	pluginv1 "github.com/longshore-project/longshore/plugins/proto/v1"
	"github.com/longshore-project/longshore/scheduler/framework"
)

// State is where a plugin is in its life.
type State string

// The states of a plugin.
//
//	Starting ──► Running ──broke──► Waiting ──pause──► Starting
//	    └─────────failed─────────────▲
//	any ──► Stopped
const (
	Starting State = "Starting"
	Running  State = "Running"
	// Waiting means that the plugin does not run and is started again after a pause.
	Waiting State = "Waiting"
	Stopped State = "Stopped"
)

// Status is what there is to say about a plugin.
type Status struct {
	// Name is the name in the configuration; ReportedName and Version are what the plugin says of itself.
	Name, ReportedName, Version string
	State                       State
	// Source is the path or the address of the plugin; Deadline and FailurePolicy are what applies to its calls.
	Source        string
	Deadline      time.Duration
	FailurePolicy FailurePolicy
	// Stages are the plugin's abilities, in the words of metrics: filter, score, estimate, select, assign.
	Stages []string
	// PID is the process of a plugin that the host runs, for the operator's cgroups; zero for others and when none runs.
	PID int
	// Restarts counts the starts after the first.
	Restarts int
	// Since is when the state began.
	Since time.Time
	// LastError is the last thing that went wrong, and LastErrorTime when; nil if nothing did. It outlives a recovery.
	LastError     error
	LastErrorTime time.Time
	// Suspended means that too many calls failed in a row and none are made for a while.
	Suspended bool
	// Latencies are those of recent calls that were answered, by stage.
	Latencies map[string]Latency
}

// Plugin is one external plugin. Its stages stay valid over restarts and replacements. It is safe for concurrent use.
type Plugin struct {
	name    string
	options *Options
	log     logr.Logger
	cancel  context.CancelFunc
	stopped chan struct{}
	// changed wakes the supervisor when there is another spec, hung when calls time out one after the other.
	changed, hung chan struct{}

	current atomic.Pointer[session]
	spec    atomic.Pointer[Spec]
	breaker breaker
	// fused is scores that came with a verdict, remarks what came with scores; both wait to be asked for.
	fused   kept[fusedScore]
	remarks kept[[]framework.ScoreRemark]
	scores  atomic.Bool
	// last is the fleet of the latest question, which a successor of the process is told before it is asked anything.
	last atomic.Pointer[framework.Snapshot]

	mu     sync.Mutex
	status Status
	// shown is whether metrics tell the state. Of a plugin and its successor, which both run for a while, it is that of one.
	shown  bool
	starts int
	recent map[string]*recent
	// turned is closed, and replaced, when the state changes.
	turned chan struct{}
}

// newPlugin starts a plugin. Shown is whether metrics tell its state from the beginning.
func newPlugin(o *Options, spec *Spec, shown bool) *Plugin {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Plugin{
		name: spec.Name, options: o, log: o.Log.WithValues("plugin", spec.Name), cancel: cancel, stopped: make(chan struct{}),
		changed: make(chan struct{}, 1), hung: make(chan struct{}, 1), turned: make(chan struct{}), recent: map[string]*recent{}, shown: shown,
	}
	p.spec.Store(spec)
	p.status = Status{Name: spec.Name, State: Starting, Since: time.Now()}
	go p.supervise(ctx)
	return p
}

// gone reports whether the plugin was ended and nothing of it is left.
func (p *Plugin) gone() bool {
	select {
	case <-p.stopped:
		return true
	default:
		return false
	}
}

// Ready waits until the plugin runs. When ctx ends before, the error says what keeps it from running.
func (p *Plugin) Ready(ctx context.Context) error {
	for {
		ready, turned := p.ready()
		if ready {
			return nil
		}
		select {
		case <-turned:
		case <-p.stopped:
			return fmt.Errorf("waiting for plugin %s: it was stopped", p.name)
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting for plugin %s: %w", p.name, ctx.Err()), p.Status().LastError)
		}
	}
}

// ready reports whether questions can be asked. If not, the channel is closed when the state changes. A session may be broken for a moment
// before the state says so.
func (p *Plugin) ready() (ready bool, turned <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.current.Load()
	return p.status.State == Running && s != nil && s.reason() == nil, p.turned
}

// Status returns the state of the plugin.
func (p *Plugin) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.statusLocked()
}

func (p *Plugin) statusLocked() Status {
	out, spec := p.status, p.spec.Load()
	out.Source, out.Deadline, out.FailurePolicy = cmp.Or(spec.Path, spec.Address), spec.deadline(), cmp.Or(spec.FailurePolicy, Fail)
	out.Suspended = p.breaker.open()
	out.Latencies = make(map[string]Latency, len(p.recent))
	for stage, r := range p.recent {
		out.Latencies[stage] = r.latency()
	}
	return out
}

// change gives the plugin another spec.
func (p *Plugin) change(spec *Spec) {
	if p.spec.Load().equal(spec) {
		return
	}
	p.spec.Store(spec)
	notify(p.changed)
}

// notify wakes whoever reads the channel; one wake-up is as good as many.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// supervise keeps the plugin running until ctx ends.
func (p *Plugin) supervise(ctx context.Context) {
	defer close(p.stopped)
	for failures := 0; ctx.Err() == nil; {
		s, err := p.start(ctx)
		if err == nil {
			p.adopt(s)
			if s, err = p.watch(ctx, s); ctx.Err() == nil {
				err = brief(err)
				p.fault(err)
			}
			p.current.Store(nil)
			if time.Since(s.started) > steady {
				failures = 0
			}
			p.part(ctx, s)
		}
		if ctx.Err() != nil {
			break
		}
		failures++
		p.enter(Waiting, err)
		p.log.Info("plugin does not run", "reason", err.Error(), "nextStartIn", pause(failures).String())
		p.rest(ctx, pause(failures))
		p.enter(Starting, nil)
	}
	p.enter(Stopped, nil)
}

// part ends a session: after the calls in flight if the plugin is being stopped, at once if it is broken.
func (p *Plugin) part(ctx context.Context, s *session) {
	if ctx.Err() != nil {
		s.retire(p.spec.Load().deadline())
	} else {
		s.close()
	}
}

// rest waits for d, or for another spec, or for the end.
func (p *Plugin) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.changed:
	case <-ctx.Done():
	}
}

// start starts or dials the plugin.
func (p *Plugin) start(ctx context.Context) (*session, error) {
	spec := p.spec.Load()
	ctx, cancel := context.WithTimeout(ctx, spec.startTimeout())
	defer cancel()
	var t *transport
	var err error
	if spec.Path != "" {
		t, err = launch(ctx, spec, newLines(p.log, time.Now, func(n int) { p.options.Metrics.lineDropped(p.name, n) }), p.options.Count)
	} else {
		t, err = dial(spec, p.options.Dial, p.options.Count)
	}
	if err != nil {
		return nil, err
	}
	s, err := newSession(ctx, t, spec)
	if err != nil {
		return nil, brief(err)
	}
	if fleet := p.last.Load(); fleet != nil {
		if err := s.prime(ctx, fleet); err != nil {
			s.close()
			return nil, fmt.Errorf("telling plugin the clusters: %w", err)
		}
	}
	return s, nil
}

// Prime tells the plugin the fleet and waits until it took that in. It is never needed, but a fleet of thousands of clusters may take a slow
// plugin longer than the deadline of the first question.
func (p *Plugin) Prime(ctx context.Context, fleet *framework.Snapshot) error {
	p.last.Store(fleet)
	s := p.current.Load()
	if s == nil {
		return fmt.Errorf("telling plugin %s the clusters: %w", p.name, p.absence())
	}
	if err := s.prime(ctx, fleet); err != nil {
		return fmt.Errorf("telling plugin %s the clusters: %w", p.name, err)
	}
	return nil
}

// adopt makes the session the one that answers.
func (p *Plugin) adopt(s *session) {
	p.breaker.reset()
	p.current.Store(s)
	p.mu.Lock()
	p.starts++
	p.status.Restarts = p.starts - 1
	p.status.PID = s.transport.pid
	p.status.ReportedName, p.status.Version, p.status.Stages = s.info.GetName(), s.info.GetVersion(), verbs(s.info.GetStages())
	p.mu.Unlock()
	p.options.Metrics.started(p.name, p.starts > 1)
	p.enter(Running, nil)
	p.log.Info("plugin runs", "reportedName", s.info.GetName(), "version", s.info.GetVersion(), "stages", verbs(s.info.GetStages()))
}

// missedPings is how many pings in a row must fail for the plugin to be started again.
const missedPings = 3

var errHung = errors.New("plugin let too many deadlines pass")

// watch returns when the session broke, or when ctx ended. If the plugin was replaced meanwhile the session is another one.
func (p *Plugin) watch(ctx context.Context, s *session) (*session, error) {
	ticker := time.NewTicker(p.options.PingInterval)
	defer ticker.Stop()
	missed := 0
	for {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-s.done:
			return s, s.postMortem()
		case <-p.hung:
			if s.transport.exited != nil {
				return s, errHung
			}
		case <-p.changed:
			s = p.replace(ctx, s)
		case <-ticker.C:
			if b := s.transport.binary; b != nil && b.replaced() {
				s = p.takeUp(ctx, s, b)
			}
			if err := p.ping(ctx, s); err == nil {
				missed = 0
			} else if missed++; missed >= missedPings {
				return s, err
			}
		}
	}
}

func (p *Plugin) ping(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, p.options.PingInterval)
	defer cancel()
	return s.ping(ctx)
}

// takeUp runs the file that has replaced the one that runs. One that is pinned is refused if it is another file.
func (p *Plugin) takeUp(ctx context.Context, s *session, b *binary) *session {
	if err := b.refusal(); err != nil {
		p.log.Error(err, "plugin goes on as it was")
		p.fault(err)
		p.options.Metrics.refused(p.name)
		return s
	}
	if b.sha256 != "" {
		return s
	}
	return p.replace(ctx, s)
}

// replace starts a successor and lets the calls in flight of the old session end. If the successor does not start the old session goes on.
func (p *Plugin) replace(ctx context.Context, old *session) *session {
	fresh, err := p.start(ctx)
	if err != nil {
		p.log.Info("plugin could not be replaced and goes on as it was", "reason", err.Error())
		p.fault(err)
		p.options.Metrics.refused(p.name)
		return old
	}
	p.adopt(fresh)
	go old.retire(p.spec.Load().deadline())
	return fresh
}

// enter notes the state and tells who wants to know.
func (p *Plugin) enter(state State, cause error) {
	p.mu.Lock()
	if cause != nil {
		p.status.LastError, p.status.LastErrorTime = cause, time.Now()
	}
	if state != Running {
		p.status.PID = 0
	}
	p.status.State, p.status.Since = state, time.Now()
	close(p.turned)
	p.turned = make(chan struct{})
	status := p.statusLocked()
	if p.shown {
		p.options.Metrics.state(p.name, state)
	}
	p.mu.Unlock()
	if p.options.OnChange != nil {
		p.options.OnChange(status)
	}
}

// show begins or ends to tell the state of the plugin in metrics.
func (p *Plugin) show(shown bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown = shown; shown {
		p.options.Metrics.state(p.name, p.status.State)
	}
}

func (p *Plugin) fault(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.LastError, p.status.LastErrorTime = err, time.Now()
}

// offers reports whether the running plugin has the ability. It is false when none runs.
func (p *Plugin) offers(stage pluginv1.Stage) bool {
	s := p.current.Load()
	return s != nil && s.offers(stage) == nil
}
