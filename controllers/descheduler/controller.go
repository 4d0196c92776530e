package descheduler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
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

// Estimators know which replicas found no node.
type Estimators interface {
	// Unschedulable returns by member how many replicas of the workload have found no node for longer than the threshold. Members of which
	// that is not known are left out.
	Unschedulable(ctx context.Context, workload workv1alpha2.ObjectReference, members []string, threshold time.Duration) map[string]int32
}

// Controller looks at all bindings once in an interval. It needs all of its fields.
type Controller struct {
	Client              client.Client
	Estimators          Estimators
	Events              events.EventRecorder
	Interval, Threshold time.Duration
	// Budget is how many replicas are taken in one round at most.
	Budget int32
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

// Round looks at every binding once. A binding that fails does not keep others from their turn.
func (c *Controller) Round(ctx context.Context) error {
	var list workv1alpha2.ResourceBindingList
	if err := c.Client.List(ctx, &list); err != nil {
		return fmt.Errorf("listing bindings: %w", err)
	}
	left := c.Budget
	var faults []error
	for i := range list.Items {
		if left <= 0 {
			break
		}
		taken, err := c.relieve(ctx, &list.Items[i], left)
		left -= taken
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// relieve takes away what finds no node, in one write that holds for the version that was read only.
func (c *Controller) relieve(ctx context.Context, b *workv1alpha2.ResourceBinding, budget int32) (int32, error) {
	if !Eligible(b) {
		return 0, nil
	}
	var members []string
	for _, i := range Doubtful(b) {
		members = append(members, b.Spec.Clusters[i].Name)
	}
	if len(members) == 0 {
		return 0, nil
	}
	clusters, taken := Plan(b, c.Estimators.Unschedulable(ctx, b.Spec.Resource, members, c.Threshold), budget)
	if taken == 0 {
		return 0, nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": b.ResourceVersion}, "spec": map[string]any{"clusters": clusters},
	})
	if err == nil {
		err = c.Client.Patch(ctx, b.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
	}
	if err != nil {
		err = fmt.Errorf("taking replicas away from binding %s/%s: %w", b.Namespace, b.Name, err)
		c.tell(b, corev1.EventTypeWarning, workv1alpha2.EventDescheduleBindingFailed, err.Error())
		return 0, err
	}
	c.tell(b, corev1.EventTypeNormal, workv1alpha2.EventDescheduleBindingSucceed,
		fmt.Sprintf("%d replicas that found no node for %s were taken away", taken, c.Threshold))
	return taken, nil
}

// tell announces on the binding and its template.
func (c *Controller) tell(b *workv1alpha2.ResourceBinding, kind, reason, note string) {
	r := &b.Spec.Resource
	template := &corev1.ObjectReference{APIVersion: r.APIVersion, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, UID: r.UID}
	c.Events.Eventf(b, nil, kind, reason, "Deschedule", "%s", note)
	c.Events.Eventf(template, nil, kind, reason, "Deschedule", "%s", note)
}
