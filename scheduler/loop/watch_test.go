package loop

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	workv1alpha2 "github.com/longshore-project/longshore/apis/work/v1alpha2"
	"github.com/longshore-project/longshore/scheduler/queue"
)

// TestIntakeTellsWhatIsGone lists twice; what the second list lacks is gone, and the loop is in step after the first.
func TestIntakeTellsWhatIsGone(t *testing.T) {
	var got []string
	x := newIntake(newPool().keep,
		func(o any) { got = append(got, "seen "+o.(workv1alpha2.Binding).GetName()) },
		func(key queue.Key) { got = append(got, "gone "+key.Name) },
	)
	w := watch{intakes: []*intake{x}}
	called := func(name string) any {
		return placed(func(b *workv1alpha2.ResourceBinding) { b.Name = name })
	}
	for _, err := range []error{x.Add(called("early")), x.Replace([]any{called("a"), called("b")}, "1")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !w.isSynced() {
		t.Error("not in step after the first list")
	}
	for _, err := range []error{x.Update(called("a")), x.Delete(called("a")), x.Replace([]any{called("c")}, "2")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"seen early", "gone early", "seen a", "seen b", "seen a", "gone a", "gone b", "seen c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("passed on (-want +got):\n%s", diff)
	}
}
