package host

import (
	"os"
	"path/filepath"
	"testing"
)

// A file is taken for the successor once, and not before it stays as it is.
func TestReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin")
	write := func(content string) {
		if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	b := newBinary(&Spec{Path: path})
	look := func(what string, want bool) {
		t.Helper()
		if got := b.replaced(); got != want {
			t.Errorf("%s: replaced is %t, want %t", what, got, want)
		}
	}
	look("nothing happened", false)
	write("the sec")
	look("the successor is seen first", false)
	write("the second")
	look("it has grown", false)
	look("it stays", true)
	look("it was told", false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	look("the file is gone", false)
	write("the third")
	look("another one is seen", false)
	look("it stays", true)
}
