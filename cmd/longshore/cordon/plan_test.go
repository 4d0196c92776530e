package cordon

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestPlan(t *testing.T) {
	other := corev1.Taint{Key: "other", Effect: corev1.TaintEffectNoExecute}
	harder := corev1.Taint{Key: Taint.Key, Effect: corev1.TaintEffectNoExecute}
	valued := corev1.Taint{Key: Taint.Key, Value: "maintenance", Effect: Taint.Effect}
	tests := []struct {
		name   string
		taints []corev1.Taint
		wanted bool
		want   []corev1.Taint
	}{
		{"cordon", nil, true, []corev1.Taint{Taint}},
		{"cordon again", []corev1.Taint{Taint, other}, true, []corev1.Taint{Taint, other}},
		{"cordon keeps others", []corev1.Taint{other}, true, []corev1.Taint{other, Taint}},
		{"another effect is another taint", []corev1.Taint{harder}, true, []corev1.Taint{harder, Taint}},
		{"a value makes no difference", []corev1.Taint{valued}, true, []corev1.Taint{valued}},
		{"uncordon", []corev1.Taint{Taint}, false, []corev1.Taint{}},
		{"uncordon again", []corev1.Taint{other}, false, []corev1.Taint{other}},
		{"uncordon keeps others", []corev1.Taint{other, valued, harder}, false, []corev1.Taint{other, harder}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.taints)
			got := plan(test.taints, test.wanted)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("taints (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, test.taints); diff != "" {
				t.Errorf("the argument changed (-before +after):\n%s", diff)
			}
			if again := plan(got, test.wanted); !cmp.Equal(got, again) {
				t.Errorf("a second run changes %v to %v", got, again)
			}
		})
	}
}
