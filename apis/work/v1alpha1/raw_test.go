package v1alpha1

import "testing"

func TestSameJSON(t *testing.T) {
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{name: "order and spacing", a: `{"a":1,"b":[2]}`, b: `{ "b": [2], "a": 1 }`, want: true},
		{name: "another value", a: `{"a":1}`, b: `{"a":2}`},
		{name: "large numbers that a float does not tell apart", a: `{"a":9007199254740993}`, b: `{"a":9007199254740992}`},
		{name: "order of a list", a: `[1,2]`, b: `[2,1]`},
		{name: "nothing", want: true},
		{name: "nothing and something", b: `{}`},
		{name: "no JSON, equal", a: `{`, b: `{`, want: true},
		{name: "no JSON", a: `{`, b: `{ `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := SameJSON([]byte(tt.a), []byte(tt.b)); got != tt.want {
				t.Errorf("SameJSON(%s, %s) = %t, want %t", tt.a, tt.b, got, tt.want)
			}
		})
	}
}
