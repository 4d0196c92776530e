package client

import (
	"context"
	"sync"
	"time"
)

// Workload is a Deployment, StatefulSet or ReplicaSet of apps/v1 or a Job of batch/v1 in a member.
type Workload struct{ Member, APIVersion, Kind, Namespace, Name string }

// Unschedulable is how many replicas of a workload found no node.
type Unschedulable struct {
	Replicas int32
	// Missing says why that is not known; empty if it is.
	Missing string
}

// Unschedulable returns for each workload how many of its replicas have found no node for longer than the threshold. It waits for each estimator
// up to the deadline; one that does not answer leaves its own members unknown only.
func (c *Client) Unschedulable(ctx context.Context, workloads []Workload, threshold time.Duration) []Unschedulable {
	ctx, stop := context.WithTimeout(ctx, c.options.Deadline)
	defer stop()
	out := make([]Unschedulable, len(workloads))
	var calls sync.WaitGroup
	for e, indexes := range c.byEndpoint(ctx, workloads, out) {
		calls.Go(func() {
			asked := make([]Workload, len(indexes))
			for i, at := range indexes {
				asked[i] = workloads[at]
			}
			for i, a := range e.unschedulable(ctx, asked, threshold) {
				out[indexes[i]] = a
			}
		})
	}
	calls.Wait()
	return out
}

// byEndpoint returns which workloads to ask each endpoint about, and says of the others why not.
func (c *Client) byEndpoint(ctx context.Context, workloads []Workload, out []Unschedulable) map[*endpoint][]int {
	by := map[*endpoint][]int{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range workloads {
		found, undecided := c.route(workloads[i].Member)
		// An estimator that was never heard is heard within a moment, or fails.
		for e := found; ; e = found {
			if e == nil {
				e = undecided
			}
			if e == nil || e.heard || !e.expected() || !c.waitForProgress(ctx, nil) {
				break
			}
			found, undecided = c.route(workloads[i].Member)
		}
		switch {
		case found != nil && found.heard && found.expected():
			by[found] = append(by[found], i)
		case found != nil:
			out[i].Missing = found.excuse()
		case undecided != nil:
			out[i].Missing = undecided.excuse()
		default:
			out[i].Missing = "no estimator observes member " + workloads[i].Member
		}
	}
	return by
}

// waitForProgress waits until any call ended; false means that ctx ended or that spent was told first. The lock is held, and given up while
// waiting.
func (c *Client) waitForProgress(ctx context.Context, spent <-chan time.Time) bool {
	progress := c.progress
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-progress:
		return true
	case <-ctx.Done():
		return false
	case <-spent:
		return false
	}
}

func (e *endpoint) unschedulable(ctx context.Context, workloads []Workload, threshold time.Duration) []Unschedulable {
	e.client.mu.Lock()
	talk := e.talk
	e.client.mu.Unlock()
	began := time.Now()
	answers, err := talk.unschedulable(ctx, workloads, threshold)
	e.client.options.Metrics.called(e.name, time.Since(began), err)
	if err != nil {
		answers = make([]Unschedulable, len(workloads))
		for i := range answers {
			answers[i].Missing = e.name + ": " + causeOf(err, e.client.options.Deadline)
		}
	}
	return answers
}
