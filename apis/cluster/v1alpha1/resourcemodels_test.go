package v1alpha1

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultResourceModels(t *testing.T) {
	want := []string{
		"0 cpu[0,1) memory[0,4Gi)", "1 cpu[1,2) memory[4Gi,16Gi)", "2 cpu[2,4) memory[16Gi,32Gi)", "3 cpu[4,8) memory[32Gi,64Gi)",
		"4 cpu[8,16) memory[64Gi,128Gi)", "5 cpu[16,32) memory[128Gi,256Gi)", "6 cpu[32,64) memory[256Gi,512Gi)",
		"7 cpu[64,128) memory[512Gi,1Ti)", "8 cpu[128,max) memory[1Ti,max)",
	}
	if diff := cmp.Diff(want, write(DefaultResourceModels())); diff != "" {
		t.Errorf("DefaultResourceModels() (-want +got):\n%s", diff)
	}
}

func TestEffectiveZones(t *testing.T) {
	tests := []struct {
		name string
		spec ClusterSpec
		want []string
	}{
		{name: "unknown"},
		{name: "deprecated zone", spec: ClusterSpec{Zone: "a"}, want: []string{"a"}},
		{name: "zones", spec: ClusterSpec{Zones: []string{"a", "b"}}, want: []string{"a", "b"}},
		{name: "zones win", spec: ClusterSpec{Zone: "c", Zones: []string{"a"}}, want: []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.spec.EffectiveZones()); diff != "" {
				t.Errorf("EffectiveZones() (-want +got):\n%s", diff)
			}
		})
	}
}

// write makes models readable: one line each.
func write(models []ResourceModel) []string {
	lines := []string{}
	for _, m := range models {
		line := string(rune('0' + m.Grade))
		for _, r := range m.Ranges {
			upper := r.Max.String()
			if r.Max.Value() == math.MaxInt64 {
				upper = "max"
			}
			line += " " + string(r.Name) + "[" + r.Min.String() + "," + upper + ")"
		}
		lines = append(lines, line)
	}
	return lines
}
