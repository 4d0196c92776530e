package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// watchOver runs a wait and ends it as soon as a process of the cluster ends.
func (c *Cluster) watchOver(ctx context.Context, what string, await func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, p := range c.Processes {
		go func() {
			select {
			case <-p.ended():
				cancel(p.failure())
			case <-ctx.Done():
			}
		}()
	}
	err := await(ctx)
	switch cause := context.Cause(ctx); {
	case err == nil:
		return nil
	case errors.Is(cause, errNotReadyInTime):
		err = errors.Join(cause, err)
	case cause != nil:
		err = cause
	}
	return fmt.Errorf("waiting for %s (logs in %s): %w", what, c.file("logs"), err)
}

// awaitReady waits until the API server says it is ready and holds the default namespace, and learns its version.
func (c *Cluster) awaitReady(ctx context.Context, client kubernetes.Interface) error {
	err := poll(ctx, func(ctx context.Context) (bool, error) {
		if _, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
			return false, err
		}
		_, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceDefault, metav1.GetOptions{})
		return err == nil, err
	})
	if err != nil {
		return err
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("asking for the version: %w", err)
	}
	c.Version = version.GitVersion
	return nil
}

// awaitUsable waits for what pods need: schedulable nodes and, where a controller makes it, the default service account.
func (c *Cluster) awaitUsable(ctx context.Context, client kubernetes.Interface) error {
	return poll(ctx, func(ctx context.Context) (bool, error) {
		if c.runs("serviceaccount") {
			if _, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{}); err != nil {
				return false, err
			}
		}
		return c.nodesReady(ctx, client)
	})
}

// runs reports whether the cluster has the controller.
func (c *Cluster) runs(controller string) bool {
	return slices.Contains(c.Controllers, controller) || slices.Contains(c.Controllers, "*")
}

// poll asks until the answer is yes or ctx ends. An error counts as a no and becomes part of the result only if ctx ends.
func poll(ctx context.Context, ask func(context.Context) (bool, error)) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, pollPeriod, true, func(ctx context.Context) (bool, error) {
		yes, err := ask(ctx)
		if err != nil && ctx.Err() == nil {
			last = err
		}
		return yes && err == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}
