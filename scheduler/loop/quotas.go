package loop

import (
	"context"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	policyv1alpha1 "github.com/longshore-project/longshore/apis/policy/v1alpha1"
	"github.com/longshore-project/longshore/scheduler/convert"
	"github.com/longshore-project/longshore/scheduler/framework"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// quotaResource is the plural name of FederatedResourceQuota.
const quotaResource = "federatedresourcequotas"

// quotaRecheck is how long it takes until a control plane is asked again that has no quotas, or does not let this account read them.
const quotaRecheck = 30 * time.Second

// quotas watches FederatedResourceQuotas, to tell which namespaces have more room in theirs. It does not judge whether a result keeps within them:
// that is the business of the control plane's admission, if it has such. A control plane may be without the kind.
//
//	not served ◄──────► watched
//	            asked again every quotaRecheck
type quotas struct {
	client rest.Interface
	clock  clock.Clock
	// freed is told the namespace of a quota that has more room than before.
	freed func(namespace string)
	// recheck is quotaRecheck except in tests.
	recheck time.Duration
	intake  *intake
	// known is the latest state of each quota. Only the reflector's goroutine uses it, and there is one at a time.
	known map[queue.Key]*allowance
}

// allowance is what is kept of a quota.
type allowance struct {
	// ObjectMeta has a namespace and a name, and nothing else.
	metav1.ObjectMeta
	overall, used framework.Resources
	// fell is when the namespace was told last that less is used than before.
	fell time.Time
}

func newQuotas(client rest.Interface, c clock.Clock, freed func(namespace string)) *quotas {
	q := &quotas{client: client, clock: c, freed: freed, recheck: quotaRecheck, known: map[queue.Key]*allowance{}}
	q.intake = newIntake(keepAllowance, func(o any) { q.seen(o.(*allowance)) }, q.gone)
	return q
}

// keepAllowance implements toolscache.TransformFunc.
func keepAllowance(object any) (any, error) {
	q, ok := object.(*policyv1alpha1.FederatedResourceQuota)
	if !ok {
		return object, nil
	}
	return &allowance{
		ObjectMeta: metav1.ObjectMeta{Namespace: q.Namespace, Name: q.Name},
		overall:    convert.FromResources(q.Spec.Overall), used: convert.FromResources(q.Status.OverallUsed),
	}, nil
}

// run watches whenever there is something to watch, until ctx ends.
func (q *quotas) run(ctx context.Context) error {
	log, told := logr.FromContextOrDiscard(ctx), false
	for {
		err := q.client.Get().Resource(quotaResource).VersionedParams(&metav1.ListOptions{Limit: 1}, metav1.ParameterCodec).Do(ctx).Error()
		switch {
		case !unserved(err):
			told = false
			q.watch(ctx)
		case apierrors.IsForbidden(err) && !told:
			told = true
			log.Info("A raised quota will be noticed late: FederatedResourceQuotas may not be read; let this account list and watch them", "cause", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(q.recheck):
		}
	}
}

// unserved reports whether the control plane does not have the kind, or does not let this account read it. Any other failure may pass.
func unserved(err error) bool { return apierrors.IsNotFound(err) || apierrors.IsForbidden(err) }

// watch returns when the kind is not served any more or ctx ends.
func (q *quotas) watch(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	from := toolscache.NewListWatchFromClient(q.client, quotaResource, metav1.NamespaceAll, fields.Everything())
	// stopIf ends the reflector, which would try for ever.
	stopIf := func(err error) error {
		if unserved(err) {
			stop()
		}
		return err
	}
	list, watch := from.ListWithContextFunc, from.WatchFuncWithContext
	from.ListWithContextFunc = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		out, err := list(ctx, o)
		return out, stopIf(err)
	}
	from.WatchFuncWithContext = func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
		out, err := watch(ctx, o)
		return out, stopIf(err)
	}
	toolscache.NewReflectorWithOptions(from, &policyv1alpha1.FederatedResourceQuota{}, q.intake, toolscache.ReflectorOptions{Name: "scheduler of " + quotaResource}).RunWithContext(ctx)
}

// seen takes over a state of a quota and tells the namespace if it has more room than before: every time that more is allowed, which somebody
// asked for, and once in queue.LongestBackoff that less is used, which may happen all the time. What that leaves asleep time wakes as soon.
func (q *quotas) seen(now *allowance) {
	key := queue.Key{Namespace: now.Namespace, Name: now.Name}
	before, known := q.known[key]
	q.known[key] = now
	if !known {
		return // It takes room, if anything.
	}
	now.fell = before.fell
	switch {
	case allowsMore(before, now):
		q.freed(key.Namespace)
	case usesLess(before, now) && q.clock.Since(now.fell) >= queue.LongestBackoff:
		now.fell = q.clock.Now()
		q.freed(key.Namespace)
	}
}

// gone tells the namespace that a quota does not bound it any more.
func (q *quotas) gone(key queue.Key) {
	delete(q.known, key)
	q.freed(key.Namespace)
}

// allowsMore reports whether the quota allows more of a resource than before, or does not bound it any more.
func allowsMore(before, now *allowance) bool {
	for _, was := range before.overall {
		if is, bounded := amountIn(now.overall, was.Name); !bounded || is > was.Amount {
			return true
		}
	}
	return false
}

// usesLess reports whether more is left of a resource that the quota bounds and bounded before.
func usesLess(before, now *allowance) bool {
	for _, is := range now.overall {
		was, bounded := amountIn(before.overall, is.Name)
		if bounded && framework.SaturatingAdd(is.Amount, -now.used.Amount(is.Name)) > framework.SaturatingAdd(was, -before.used.Amount(is.Name)) {
			return true
		}
	}
	return false
}

// amountIn returns the amount of that name and whether the vector lists it.
func amountIn(r framework.Resources, name string) (int64, bool) {
	for _, x := range r {
		if x.Name == name {
			return x.Amount, true
		}
	}
	return 0, false
}

// lackOfQuota is what a result lacks that the admission refused in that namespace, as the queue is told. It is unlike any lackOf, which has a
// slash.
func lackOfQuota(namespace string) string { return "quota of " + namespace }

// quotaFreed has everything decided again that the quota of the namespace refused.
func (l *Loop) quotaFreed(namespace string) {
	l.woke(l.queue.Resume(lackOfQuota(namespace)))
}
