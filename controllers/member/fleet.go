package member

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"

	clusterv1alpha1 "github.com/longshore-project/longshore/apis/cluster/v1alpha1"
)

// Runner is what is done for a member for as long as it is joined.
type Runner interface {
	// Run blocks until ctx ends or nothing is left to do. It is called once a session, also for members that cannot be connected.
	Run(ctx context.Context, member *Member)
}

// Fleet keeps one session per joined cluster. Safe for concurrent use.
type Fleet struct {
	options Options
	runners []Runner
	ctx     context.Context // Sessions outlive the reconcile that opens them.
	cancel  context.CancelFunc

	mu       sync.RWMutex
	sessions map[string]*session // those that were left stay until their runners have returned
	running  sync.WaitGroup
}

type session struct {
	member   *Member
	endpoint Endpoint
	cancel   context.CancelFunc
	done     chan struct{} // closed when every runner has returned
	left     bool
}

// NewFleet returns a fleet without sessions which starts runners for each.
func NewFleet(options Options, runners ...Runner) *Fleet {
	ctx, cancel := context.WithCancel(context.Background())
	return &Fleet{options: options.withDefaults(), runners: runners, ctx: ctx, cancel: cancel, sessions: map[string]*session{}}
}

// Start waits for ctx and then ends every session. It returns when all runners have.
func (f *Fleet) Start(ctx context.Context) error {
	<-ctx.Done()
	f.mu.Lock()
	f.cancel() // Under the lock: no session can begin after this.
	f.mu.Unlock()
	f.running.Wait()
	return nil
}

// NeedLeaderElection is true: only the leader talks to members.
func (f *Fleet) NeedLeaderElection() bool { return true }

// Member returns the session of the named cluster, and false if there is none.
func (f *Fleet) Member(name string) (*Member, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	s, ok := f.sessions[name]
	if !ok || s.left {
		return nil, false
	}
	return s.member, true
}

// Join opens a session for cluster, or replaces the present one if cluster is now reached in another way, or else tells the present one
// about the new Cluster object. It never waits for a member. cluster must not be changed afterwards; secret is nil if it does not exist.
func (f *Fleet) Join(cluster *clusterv1alpha1.Cluster, secret *corev1.Secret) {
	endpoint, err := EndpointOf(cluster, secret)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return
	}
	previous := f.sessions[cluster.Name]
	if previous != nil && !previous.left && previous.serves(endpoint, err) {
		previous.member.observe(cluster)
		return
	}
	f.sessions[cluster.Name] = f.open(cluster, endpoint, err, previous)
}

// Leave ends the session of the named cluster without waiting for it. The next one waits, should the cluster join again meanwhile.
func (f *Fleet) Leave(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok := f.sessions[name]; ok {
		s.left = true
		s.cancel()
		select {
		case <-s.done: // Nobody else will.
			delete(f.sessions, name)
		default:
		}
	}
}

// forget drops a session that was left and has ended.
func (f *Fleet) forget(name string, s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.left && f.sessions[name] == s {
		delete(f.sessions, name)
	}
}

// serves reports whether the session is still the right one.
func (s *session) serves(endpoint Endpoint, err error) bool {
	if err != nil || s.member.err != nil {
		return err != nil && s.member.err != nil && err.Error() == s.member.err.Error()
	}
	return s.endpoint.Equal(endpoint)
}

// open starts the runners once those of previous have returned.
func (f *Fleet) open(cluster *clusterv1alpha1.Cluster, endpoint Endpoint, err error, previous *session) *session {
	var clients *Clients
	if err == nil {
		clients, err = NewClients(endpoint, f.options)
	}
	ctx, cancel := context.WithCancel(f.ctx)
	s := &session{member: New(cluster, clients, err), endpoint: endpoint, cancel: cancel, done: make(chan struct{})}
	f.running.Go(func() {
		defer f.forget(cluster.Name, s)
		defer close(s.done)
		if previous != nil {
			previous.cancel()
			<-previous.done
		}
		s.run(ctx, f.runners)
	})
	return s
}

func (s *session) run(ctx context.Context, runners []Runner) {
	var running sync.WaitGroup
	for _, runner := range runners {
		running.Go(func() { runner.Run(ctx, s.member) })
	}
	running.Wait()
	s.cancel()
	if s.member.clients != nil {
		s.member.clients.Close()
	}
}
