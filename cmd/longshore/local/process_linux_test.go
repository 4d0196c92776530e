package local

import "testing"

func TestBirthFromStat(t *testing.T) {
	tests := []struct{ name, stat, want string }{
		{"plain", "7 (sleep) S 1 7 7 0 -1 4194304 90 0 0 0 0 0 0 0 20 0 1 0 12345 5603328 200", "12345"},
		{"name with space and parenthesis", "7 (a) b c) R 1 7 7 0 -1 4194304 90 0 0 0 0 0 0 0 20 0 1 0 99 5603328 200", "99"},
		{"zombie", "7 (sleep) Z 1 7 7 0 -1 4194304 90 0 0 0 0 0 0 0 20 0 1 0 12345 5603328 200", ""},
		{"cut off", "7 (sleep) S 1 7", ""},
		{"empty", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := birthFromStat(test.stat); got != test.want {
				t.Errorf("birthFromStat() = %q, want %q", got, test.want)
			}
		})
	}
}
