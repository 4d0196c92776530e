package written

import (
	"testing"
	"time"
)

func TestAhead(t *testing.T) {
	tests := []struct {
		name    string
		written string // "": nothing
		cached  string
		later   time.Duration
		want    bool
	}{
		{name: "nothing written", cached: "5"},
		{name: "cache is behind", written: "10", cached: "9", want: true},
		{name: "cache has caught up", written: "10", cached: "10"},
		{name: "cache is further", written: "10", cached: "11"},
		{name: "versions are numbers", written: "100", cached: "99", want: true},
		{name: "created but not in the cache", written: "10", want: true},
		{name: "never appeared", written: "10", later: expiry},
		{name: "not comparable", written: "10", cached: "abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Unix(0, 0)
			v := New[string]()
			v.now = func() time.Time { return now }
			if tt.written != "" {
				v.Set("key", tt.written)
			}
			now = now.Add(tt.later)
			for range 2 {
				if got := v.Ahead("key", tt.cached); got != tt.want {
					t.Errorf("ahead is %t, want %t", got, tt.want)
				}
			}
			v.Forget("key")
			if v.Ahead("key", "1") {
				t.Error("forgotten, but still ahead")
			}
		})
	}
}
