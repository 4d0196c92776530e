package pipeline

import "testing"

// TestTableIsABoundedMap compares a table with a map, and says when it forgets.
func TestTableIsABoundedMap(t *testing.T) {
	var tab table[int, int]
	want := map[int]int{}
	put := func(key, value int) {
		t.Helper()
		_, known := want[key]
		if forgets := !known && len(want) == memoSize; tab.put(key, value) != forgets {
			t.Fatalf("put %d with %d entries: forgot %t", key, len(want), !forgets)
		} else if forgets {
			clear(want)
		}
		want[key] = value
		got := 0
		tab.all(func(int) { got++ })
		if got != len(want) {
			t.Fatalf("%d entries, want %d", got, len(want))
		}
	}
	for i := range memoSize {
		put(i, i)
	}
	put(memoSize-1, -1) // the latest
	put(3, -3)          // another
	for key := range memoSize + 1 {
		value, ok := tab.get(key)
		if wanted, known := want[key]; ok != known || value != wanted {
			t.Fatalf("key %d: %d, %t, want %d, %t", key, value, ok, wanted, known)
		}
	}
	put(memoSize, 1)
	put(memoSize+1, 2)
	if _, ok := tab.get(3); ok {
		t.Error("an entry outlived the limit")
	}
	if v, _ := tab.get(memoSize); v != 1 {
		t.Error("an entry was lost before the limit")
	}
}
