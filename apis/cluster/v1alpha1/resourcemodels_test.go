package v1alpha1

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
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
	if _, err := NormalizeResourceModels(DefaultResourceModels()); err != nil {
		t.Errorf("the default models are not valid: %v", err)
	}
}

func TestNormalizeResourceModels(t *testing.T) {
	models := []ResourceModel{
		model(4, span("memory", "4Gi", "8Gi"), span("cpu", "2", "4")),
		model(1, span("cpu", "1", "2"), span("memory", "1Gi", "4Gi")),
	}
	before := write(models)
	got, err := NormalizeResourceModels(models)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 cpu[0,2) memory[0,4Gi)", "4 cpu[2,max) memory[4Gi,max)"}, write(got)); diff != "" {
		t.Errorf("NormalizeResourceModels() (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, write(models)); diff != "" {
		t.Errorf("the argument changed (-before +after):\n%s", diff)
	}
}

func TestNormalizeResourceModelsErrors(t *testing.T) {
	tests := []struct {
		name   string
		models []ResourceModel
		want   string
	}{
		{name: "grade twice", models: []ResourceModel{model(1, span("cpu", "0", "1")), model(1, span("cpu", "1", "2"))},
			want: "grade 1: the grade is listed twice"},
		{name: "gap", models: []ResourceModel{model(0, span("cpu", "0", "1")), model(1, span("cpu", "2", "3"))},
			want: "min of cpu is 2 and max of the grade below is 1"},
		{name: "fewer resources", models: []ResourceModel{model(0, span("cpu", "0", "1"), span("memory", "0", "1")), model(1, span("cpu", "1", "2"))},
			want: "it lists 1 resources and the grade below 2"},
		{name: "other resource", models: []ResourceModel{model(0, span("cpu", "0", "1")), model(1, span("memory", "1", "2"))},
			want: "it lists memory and the grade below cpu"},
		{name: "resource twice", models: []ResourceModel{model(0, span("cpu", "0", "1"), span("cpu", "0", "2"))},
			want: "cpu is listed twice"},
		{name: "empty range", models: []ResourceModel{model(0, span("cpu", "0", "0")), model(1, span("cpu", "0", "1"))},
			want: "grade 0: the range of cpu is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NormalizeResourceModels(tt.models)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NormalizeResourceModels() = %v, %v, want an error that says %q", got, err, tt.want)
			}
		})
	}
}

func TestNormalizeNoResourceModels(t *testing.T) {
	if got, err := NormalizeResourceModels(nil); len(got) != 0 || err != nil {
		t.Errorf("NormalizeResourceModels(nil) = %v, %v, want none", got, err)
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

func model(grade int32, ranges ...ResourceModelRange) ResourceModel {
	return ResourceModel{Grade: grade, Ranges: ranges}
}

func span(name, lower, upper string) ResourceModelRange {
	return ResourceModelRange{Name: corev1.ResourceName(name), Min: resource.MustParse(lower), Max: resource.MustParse(upper)}
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
