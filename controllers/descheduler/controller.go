package descheduler

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
)

// Defaults, those of Karmada's descheduler and a budget.
const (
	DefaultInterval  = 2 * time.Minute
	DefaultThreshold = 5 * time.Minute
	// DefaultBudget is how many replicas are taken in one round.
	DefaultBudget = 100
)

// Question asks how many replicas of a workload found no node in a member.
type Question struct {
	Member   string
	Workload workv1alpha2.ObjectReference
}

// Answer is how many replicas found no node.
type Answer struct {
	Replicas int32
	// Missing says why that is not known; empty if it is.
	Missing string
}

// Estimators know which replicas found no node.
type Estimators interface {
	// Unschedulable returns for each question how many replicas have found no node for longer than the threshold. It asks each estimator once.
	Unschedulable(ctx context.Context, questions []Question, threshold time.Duration) []Answer
}

// Controller looks at all bindings once in an interval. It needs all of its fields.
type Controller struct {
	// Client reads bindings, from a cache, and patches them.
	Client client.Client
	// Templates reads Jobs of the control plane. It need not be cached: few are read.
	Templates           client.Reader
	Estimators          Estimators
	Events              events.EventRecorder
	Metrics             *Metrics
	Interval, Threshold time.Duration
	// Budget is how many replicas are taken in one round at most.
	Budget int32

	// next is the binding at which the next round begins, so that those for which the budget did not do come first.
	next types.NamespacedName
}

// Start implements manager.Runnable: it works until ctx ends.
func (c *Controller) Start(ctx context.Context) error {
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := c.Round(ctx); err != nil && ctx.Err() == nil {
				logr.FromContextOrDiscard(ctx).Error(err, "Taking away replicas that find no node")
			}
		}
	}
}

// Round looks at every binding once. A binding that fails does not keep others from their turn. Rounds must not overlap.
func (c *Controller) Round(ctx context.Context) error {
	candidates, err := c.candidates(ctx)
	if err != nil {
		return err
	}
	c.ask(ctx, candidates)
	r := round{left: c.Budget}
	for i := range candidates {
		r.faults = append(r.faults, c.relieve(ctx, &candidates[i], &r))
	}
	c.next = r.starved
	c.Metrics.ended(candidates, r.postponed)
	return errors.Join(r.faults...)
}

// round is what happened in a round so far.
type round struct {
	left, postponed int32
	// starved is the first binding for which the budget did not do.
	starved types.NamespacedName
	faults  []error
}

// candidate is a binding of which some replicas are not ready.
type candidate struct {
	// binding belongs to the cache and is not changed.
	binding *workv1alpha2.ResourceBinding
	// members are those in doubt, and answers what estimators say about each.
	members []string
	answers []Answer
}

// pending returns the replicas that find no node, by member.
func (c *candidate) pending() map[string]int32 {
	out := make(map[string]int32, len(c.members))
	for i, name := range c.members {
		if c.answers[i].Missing == "" {
			out[name] = c.answers[i].Replicas
		}
	}
	return out
}

// candidates returns the bindings in doubt by name, those first that come after the last round's.
func (c *Controller) candidates(ctx context.Context) ([]candidate, error) {
	var list workv1alpha2.ResourceBindingList
	if err := c.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing bindings: %w", err)
	}
	var out []candidate
	for i := range list.Items {
		b := &list.Items[i]
		if !Eligible(b) {
			continue
		}
		if members := Doubtful(b); len(members) > 0 {
			out = append(out, candidate{binding: b, members: members})
		}
	}
	slices.SortFunc(out, func(a, b candidate) int { return compareKeys(keyOf(a.binding), keyOf(b.binding)) })
	at, _ := slices.BinarySearchFunc(out, c.next, func(x candidate, next types.NamespacedName) int { return compareKeys(keyOf(x.binding), next) })
	return append(slices.Clone(out[at:]), out[:at]...), nil
}

func keyOf(b *workv1alpha2.ResourceBinding) types.NamespacedName {
	return client.ObjectKeyFromObject(b)
}

func compareKeys(a, b types.NamespacedName) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// ask asks about all candidates at once.
func (c *Controller) ask(ctx context.Context, candidates []candidate) {
	var questions []Question
	for i := range candidates {
		for _, name := range candidates[i].members {
			questions = append(questions, Question{Member: name, Workload: candidates[i].binding.Spec.Resource})
		}
	}
	if len(questions) == 0 {
		return
	}
	answers := c.Estimators.Unschedulable(ctx, questions, c.Threshold)
	for i := range candidates {
		n := len(candidates[i].members)
		candidates[i].answers, answers = answers[:n], answers[n:]
	}
}

// relieve takes away what finds no node, in one write that holds for the version that was read only. A binding that changed meanwhile is left to
// the next round.
func (c *Controller) relieve(ctx context.Context, x *candidate, r *round) error {
	b := x.binding
	clusters, taken, postponed := Plan(b, x.pending(), r.left)
	if taken+postponed == 0 {
		return nil
	}
	if movable, err := c.movable(ctx, &b.Spec.Resource); !movable {
		return err
	}
	if r.postponed += postponed; postponed > 0 && r.starved == (types.NamespacedName{}) {
		r.starved = keyOf(b)
	}
	if taken == 0 {
		return nil
	}
	err := c.write(ctx, b, clusters)
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		c.Metrics.written("stale")
		return nil
	case err != nil:
		c.Metrics.written("failed")
		err = fmt.Errorf("taking replicas away from binding %s: %w", keyOf(b), err)
		c.tell(b, failed(err))
		return err
	}
	r.left -= taken
	c.Metrics.written("relieved")
	c.Metrics.took(b.Spec.Resource.Kind, taken)
	c.tell(b, succeeded(b.Spec.Clusters, clusters, c.Threshold))
	return nil
}

// movable reports whether replicas of the template can move. Those of a Job that counts completions cannot: the completions move along, and no
// member changes those of a Job that exists.
func (c *Controller) movable(ctx context.Context, r *workv1alpha2.ObjectReference) (bool, error) {
	if r.Kind != "Job" {
		return true, nil
	}
	var job batchv1.Job
	if err := c.Templates.Get(ctx, types.NamespacedName{Namespace: r.Namespace, Name: r.Name}, &job); err != nil {
		return false, client.IgnoreNotFound(fmt.Errorf("reading Job %s/%s: %w", r.Namespace, r.Name, err))
	}
	return job.Spec.Completions == nil, nil
}

func (c *Controller) write(ctx context.Context, b *workv1alpha2.ResourceBinding, clusters []workv1alpha2.TargetCluster) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": b.ResourceVersion}, "spec": map[string]any{"clusters": clusters},
	})
	if err != nil {
		return err
	}
	target := &workv1alpha2.ResourceBinding{}
	target.Namespace, target.Name = b.Namespace, b.Name
	return c.Client.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch))
}
