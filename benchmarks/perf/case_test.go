package perf

import (
	"strings"
	"testing"
)

const goodCase = `
name: burst
about: something
setup:
- {opcode: createClusters, count: $clusters}
round:
- {opcode: createBindings, count: $bindings, mix: {dynamic: 1}}
- {opcode: startWriter}
- {opcode: awaitPlaced}
workloads:
- {name: small, params: {clusters: 1, bindings: 2}}
`

func TestParseCase(t *testing.T) {
	tests := []struct {
		name, old, new string
		want           string
	}{
		{name: "good"},
		{name: "no name", old: "name: burst", new: "name: ''", want: "needs name"},
		{name: "unknown field", old: "about:", new: "color: blue\nabout:", want: `unknown field "color"`},
		{name: "field twice", old: "about:", new: "about: else\nabout:", want: "already set"},
		{name: "unknown operation", old: "startWriter", new: "dance", want: `operation "dance"`},
		{name: "operation twice", old: "{opcode: startWriter}", new: "{opcode: awaitPlaced}", want: "there twice"},
		{name: "operation missing", old: "- {opcode: startWriter}\n", new: "", want: "must be"},
		{name: "setup in the round", old: "startWriter", new: "createClusters", want: "is not one of"},
		{name: "unknown parameter", old: "$bindings", new: "$bindnigs", want: `workload "small": createBindings: "$bindnigs"`},
		{name: "number for a parameter", old: "$bindings", new: "7", want: "write $name"},
		{name: "parameter of zero", old: "bindings: 2", new: "bindings: 0", want: "above zero"},
		{name: "no mix", old: ", mix: {dynamic: 1}", new: "", want: "mix belongs to createBindings"},
		{name: "rate of clusters", old: "$clusters}", new: "$clusters, perSecond: $clusters}", want: "perSecond belongs"},
		{name: "kinds of bindings", old: "mix:", new: "kinds: 3, mix:", want: "kinds belongs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseCase([]byte(strings.Replace(goodCase, tt.old, tt.new, 1)))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestWorkloads makes sure that what the README promises is there.
func TestWorkloads(t *testing.T) {
	for _, c := range cases(t) {
		if c.Alone {
			continue
		}
		var sizes []int
		for _, w := range c.Workloads {
			sizes = append(sizes, w.Params["clusters"])
		}
		if len(sizes) < 3 || sizes[1] != 100 || sizes[2] != 2000 {
			t.Errorf("case %s has fleets of %v clusters, want a small one, 100 and 2000", c.Name, sizes)
		}
	}
}
