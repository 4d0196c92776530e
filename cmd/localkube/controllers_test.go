package main

import (
	"slices"
	"testing"
)

func TestSelectControllers(t *testing.T) {
	tests := []struct {
		name  string
		asked []string
		want  []string
		fails bool
	}{
		{name: "all", asked: []string{"*"}, want: controllerNames()},
		{name: "some, sorted and once each", asked: []string{"namespace", "job", "namespace"}, want: []string{"job", "namespace"}},
		{name: "none"},
		{name: "unknown", asked: []string{"job", "jobs"}, fails: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := selectControllers(test.asked)
			if !slices.Equal(got, test.want) || (err != nil) != test.fails {
				t.Errorf("selectControllers(%v) = %v, %v, want %v", test.asked, got, err, test.want)
			}
		})
	}
}

func TestUnknownComponent(t *testing.T) {
	if err := run([]string{"kubelet"}); err == nil {
		t.Error("an unknown component is no error")
	}
	if err := run(nil); err != nil {
		t.Errorf("the usage is an error: %v", err)
	}
}
