package build

import "testing"

func TestVersionIsNeverEmpty(t *testing.T) {
	if got := Version(); got == "" {
		t.Error("Version is empty: --version would print nothing")
	}
}
