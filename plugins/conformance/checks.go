package conformance

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/longshore-project/longshore/scheduler/framework"
)

// agree reports that two verdicts differ, by their first line that does.
func agree(what, want, got string) error {
	if want == got {
		return nil
	}
	a, b := lines(want), lines(got)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Errorf("%s: %q became %q", what, a[i], b[i])
		}
	}
	return fmt.Errorf("%s: %d lines of verdict became %d", what, len(a), len(b))
}

func lines(s string) []string {
	var out []string
	for start, i := 0, 0; i < len(s); i++ {
		if s[i] == '\n' {
			out, start = append(out, s[start:i]), i+1
		}
	}
	return out
}

func sameQuestion(ctx context.Context, s Subject) error {
	q := question("dynamic")
	first, err := verdict(ctx, s, q)
	if err != nil {
		return err
	}
	for range 5 {
		again, err := verdict(ctx, s, q)
		if err := errors.Join(err, agree("asked again", first, again)); err != nil {
			return err
		}
	}
	return nil
}

func orderOfClusters(ctx context.Context, s Subject) error {
	q := question("running")
	want, err := verdict(ctx, s, q)
	if err != nil {
		return err
	}
	list := clusters(40)
	slices.Reverse(list)
	got, err := verdict(ctx, s, query(framework.NewSnapshot(list, 2), q.Request))
	return errors.Join(err, agree("clusters listed in another order", want, got))
}

// aligned relies on verdict, which checks each answer.
func aligned(ctx context.Context, s Subject) error {
	for _, n := range []int{1, 63, 64, 65, 257} {
		if _, err := verdict(ctx, s, query(framework.NewSnapshot(clusters(n), 1), question("dynamic").Request)); err != nil {
			return fmt.Errorf("%d clusters: %w", n, err)
		}
	}
	return nil
}

func readOnly(ctx context.Context, s Subject) error {
	for _, r := range requests() {
		q, untouched := question(r.Key), question(r.Key)
		if _, err := verdict(ctx, s, q); err != nil {
			return err
		}
		if !same(q, untouched) {
			return fmt.Errorf("request %q: the query was changed", r.Key)
		}
	}
	return nil
}

// same compares what can be seen of two queries. What a snapshot keeps for itself, such as columns that were asked for, may differ.
func same(a, b *framework.Query) bool {
	if a.Snapshot.Len() != b.Snapshot.Len() {
		return false
	}
	for row := range a.Snapshot.Len() {
		if !reflect.DeepEqual(a.Snapshot.Cluster(row), b.Snapshot.Cluster(row)) {
			return false
		}
	}
	x, y := *a, *b
	x.Snapshot, y.Snapshot = nil, nil
	return reflect.DeepEqual(x, y)
}

func anyRequest(ctx context.Context, s Subject) error {
	fleet := framework.NewSnapshot(clusters(40), 1)
	for _, r := range requests() {
		if _, err := verdict(ctx, s, query(fleet, r)); err != nil {
			return err
		}
	}
	return nil
}

func noClusters(ctx context.Context, s Subject) error {
	_, err := verdict(ctx, s, query(framework.NewSnapshot(nil, 1), question("dynamic").Request))
	return err
}

func manyClusters(ctx context.Context, s Subject) error {
	const many = 10_000
	_, err := verdict(ctx, s, query(framework.NewSnapshot(clusters(many), 1), question("dynamic").Request))
	return err
}

// followsFleet changes clusters, adds and removes some, and goes back.
func followsFleet(ctx context.Context, s Subject) error {
	r := question("dynamic").Request
	before := framework.NewSnapshot(clusters(40), 1)
	changed := clusters(40)[7]
	changed.Labels, changed.Region, changed.Summary = map[string]string{"tier": "bronze"}, "mars-1", summary(1)
	other := before.With(2, changed)
	more := framework.NewSnapshot(clusters(50)[5:], 3)
	want := map[*framework.Snapshot]string{}
	for _, fleet := range []*framework.Snapshot{before, other, more, before, more, other} {
		got, err := verdict(ctx, s, query(fleet, r))
		if err != nil {
			return err
		}
		if known, ok := want[fleet]; ok {
			if err := agree("the fleet changed and changed back", known, got); err != nil {
				return err
			}
		}
		want[fleet] = got
	}
	return nil
}

func concurrentCalls(ctx context.Context, s Subject) error {
	fleets := []*framework.Snapshot{framework.NewSnapshot(clusters(40), 1), framework.NewSnapshot(clusters(90), 2)}
	type ask struct {
		query *framework.Query
		want  string
	}
	var asks []ask
	for i, r := range requests() {
		q := query(fleets[i%2], r)
		want, err := verdict(ctx, s, q)
		if err != nil {
			return err
		}
		asks = append(asks, ask{q, want})
	}
	var wg sync.WaitGroup
	faults := make([]error, 4*len(asks))
	for i := range faults {
		wg.Go(func() {
			a := asks[i%len(asks)]
			got, err := verdict(ctx, s, a.query)
			faults[i] = errors.Join(err, agree("asked beside others", a.want, got))
		})
	}
	wg.Wait()
	return errors.Join(faults...)
}

// cancelledCalls expects no particular answer to a call whose context is over, but an answer, and right ones afterwards.
func cancelledCalls(ctx context.Context, s Subject) error {
	q := question("dynamic")
	want, err := verdict(ctx, s, q)
	if err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	for range 10 {
		// Both an error and an answer are fine.
		_, _ = verdict(over, s, q)
	}
	got, err := verdict(ctx, s, q)
	return errors.Join(err, agree("after cancelled calls", want, got))
}

// Same reports the first difference between the answers of two plugins to the requests that conformance is checked with.
func Same(ctx context.Context, a, b Subject) error {
	fleet := framework.NewSnapshot(clusters(200), 1)
	for _, r := range requests() {
		want, err := verdict(ctx, a, query(fleet, r))
		if err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		got, err := verdict(ctx, b, query(fleet, r))
		if err != nil {
			return fmt.Errorf("%s: %w", b.Name, err)
		}
		if err := agree("request "+r.Key, want, got); err != nil {
			return err
		}
	}
	return nil
}
