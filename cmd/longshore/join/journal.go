package join

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/longshore-project/longshore/cmd/longshore/connect"
)

const (
	// undoTime is how long a failed join may take to remove what it made.
	undoTime = 20 * time.Second
	// goneTime is how long an object may take to end after its deletion: emptying a namespace needs the cluster's controller manager.
	goneTime = 2 * time.Minute
)

// journal writes objects and remembers those that it created, so that a join that fails half-way can be undone.
type journal struct {
	out     io.Writer
	created []entry
	updated int
}

type entry struct {
	in     *connect.Client
	object client.Object
}

// ensure makes want exist in the cluster of c. Want then holds what the server has. It begins again if somebody changes or deletes the
// object meanwhile, such as the garbage collector after an earlier unjoin.
func (j *journal) ensure(ctx context.Context, c *connect.Client, want client.Object) error {
	interrupted := func(err error) bool {
		return apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err)
	}
	err := retry.OnError(retry.DefaultBackoff, interrupted, func() error { return j.tryEnsure(ctx, c, want) })
	return c.Explain(err)
}

func (j *journal) tryEnsure(ctx context.Context, c *connect.Client, want client.Object) error {
	live := want.DeepCopyObject().(client.Object)
	err := c.Get(ctx, client.ObjectKeyFromObject(want), live)
	switch {
	case apierrors.IsNotFound(err):
		return j.create(ctx, c, want)
	case err != nil:
		return fmt.Errorf("reading %s: %w", describe(want), err)
	case live.GetDeletionTimestamp() != nil:
		j.say(c, live, "is still being deleted, waiting")
		if err := awaitGone(ctx, c, live); err != nil {
			return err
		}
		return j.create(ctx, c, want)
	}
	return j.update(ctx, c, live, want)
}

func (j *journal) create(ctx context.Context, c *connect.Client, want client.Object) error {
	if err := c.Create(ctx, want); err != nil {
		want.SetResourceVersion("")
		return fmt.Errorf("creating %s: %w", describe(want), err)
	}
	j.created = append(j.created, entry{in: c, object: want})
	j.say(c, want, "created")
	return nil
}

func (j *journal) update(ctx context.Context, c *connect.Client, live, want client.Object) error {
	before := live.DeepCopyObject().(client.Object)
	if err := align(live, want); err != nil {
		return err
	}
	if changed(before, live) {
		if err := c.Update(ctx, live); err != nil {
			return fmt.Errorf("updating %s: %w", describe(live), err)
		}
		j.updated++
		j.say(c, live, "updated")
	}
	want.SetUID(live.GetUID())
	want.SetResourceVersion(live.GetResourceVersion())
	return nil
}

// unchanged reports whether everything was there as it should be.
func (j *journal) unchanged() bool { return len(j.created) == 0 && j.updated == 0 }

// undo removes what was created, last first, and adds to cause what could not be removed. It works even if ctx has ended, since the user
// who pressed Ctrl-C wants nothing left behind.
func (j *journal) undo(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	for len(j.created) > 0 {
		last := j.created[len(j.created)-1]
		if err := remove(ctx, last.in, last.object); err != nil {
			return errors.Join(cause, fmt.Errorf("what was made could not be removed: %w; run the same command again to complete it, or unjoin to remove %s", err, j.rest()))
		}
		j.created = j.created[:len(j.created)-1]
		j.say(last.in, last.object, "removed again")
	}
	return cause
}

func (j *journal) rest() string {
	var names []string
	for _, e := range j.created {
		names = append(names, describe(e.object)+" in the "+e.in.Role())
	}
	return strings.Join(names, ", ")
}

func (j *journal) say(c *connect.Client, obj client.Object, what string) {
	fmt.Fprintf(j.out, "%s: %s %s\n", c.Role(), describe(obj), what)
}

// remove deletes exactly this object, not one of the same name that somebody made since. Absent is fine.
func remove(ctx context.Context, c *connect.Client, obj client.Object) error {
	uid := obj.GetUID()
	err := c.Delete(ctx, obj, client.Preconditions{UID: &uid}, client.PropagationPolicy("Background"))
	if client.IgnoreNotFound(err) != nil {
		return c.Explain(fmt.Errorf("deleting %s: %w", describe(obj), err))
	}
	return nil
}

// awaitGone waits until exactly this object no longer exists.
func awaitGone(ctx context.Context, c *connect.Client, obj client.Object) error {
	ctx, cancel := context.WithTimeoutCause(ctx, goneTime, fmt.Errorf("still there after %s", goneTime))
	defer cancel()
	uid := obj.GetUID()
	err := connect.Await(ctx, c, obj, func(now client.Object) (bool, error) { return now == nil || now.GetUID() != uid, nil })
	if err != nil {
		return fmt.Errorf("waiting for the end of %s: %w", describe(obj), err)
	}
	return nil
}

// describe names an object as kubectl does.
func describe(obj client.Object) string {
	kind := connect.KindOf(obj).Kind
	if obj.GetNamespace() == "" {
		return strings.ToLower(kind) + "/" + obj.GetName()
	}
	return strings.ToLower(kind) + "/" + obj.GetName() + " in namespace " + obj.GetNamespace()
}
