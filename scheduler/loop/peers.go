package loop

import (
	"sync"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/affinity"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// peers knows where the members of workload groups run: as the watch shows it, except for bindings with a decision that the watch does not
// show yet; those run where they were decided to run. Bindings of other schedulers count too. It is safe for concurrent use.
type peers struct {
	mu    sync.Mutex
	index affinity.Index
	// shown is what the watch has shown last of each binding that is in a group.
	shown map[queue.Key]affinity.Membership
	// pending reports whether what the watch has shown last of a binding is older than a decision about it.
	pending func(queue.Key) bool
	// moved is told the subjects of framework.FactPeers of which some member may pass now that did not before.
	moved func(subjects []string)
}

func newPeers(pending func(queue.Key) bool, moved func(subjects []string)) *peers {
	return &peers{shown: map[queue.Key]affinity.Membership{}, pending: pending, moved: moved}
}

// of returns where the peers of the binding run, nil if it is in no group.
func (p *peers) of(key queue.Key, b workv1alpha2.Binding) *framework.Peers {
	if b.BindingSpec().WorkloadAffinityGroups == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.index.Peers(key.String(), convert.ToMembership(b))
}

// decided takes note of a decision about the binding that is pending from before this call.
func (p *peers) decided(key queue.Key, b workv1alpha2.Binding, clusters []workv1alpha2.TargetCluster) {
	if b.BindingSpec().WorkloadAffinityGroups == nil {
		return
	}
	m := convert.ToMembership(b)
	m.Targets = make([]string, len(clusters))
	for i := range clusters {
		m.Targets[i] = clusters[i].Name
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved(p.index.Put(key.String(), m))
}

// show takes note of what the watch shows of the binding.
func (p *peers) show(key queue.Key, b workv1alpha2.Binding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.BindingSpec().WorkloadAffinityGroups != nil {
		p.shown[key] = convert.ToMembership(b)
	} else {
		delete(p.shown, key)
	}
	p.settle(key)
}

// forget says that the binding is gone.
func (p *peers) forget(key queue.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.shown, key)
	p.settle(key)
}

// landed says that the write of a decision is over, well or badly.
func (p *peers) landed(key queue.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(key)
}

// settle makes what the watch has shown last count unless a decision is pending.
func (p *peers) settle(key queue.Key) {
	if !p.pending(key) {
		p.moved(p.index.Put(key.String(), p.shown[key]))
	}
}

// wakePeers wakes those who waited for a member of one of the groups to move.
func (l *Loop) wakePeers(subjects []string) {
	for _, subject := range subjects {
		l.wake(framework.Cure{Fact: framework.FactPeers, Subject: subject})
	}
}
