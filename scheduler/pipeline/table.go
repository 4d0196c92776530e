package pipeline

// table is a map that keeps the entry that was put last beside the others: equal questions come in bursts, and the first needs no map at all.
type table[K comparable, V any] struct {
	key    K
	value  V
	filled bool
	// others is the entries with other keys.
	others map[K]V
}

func (t *table[K, V]) get(key K) (V, bool) {
	if t.filled && t.key == key {
		return t.value, true
	}
	v, ok := t.others[key]
	return v, ok
}

// put adds an entry, or replaces that of the same key. It forgets all others first, and says so, if there are memoSize already.
func (t *table[K, V]) put(key K, value V) (forgot bool) {
	switch _, known := t.others[key]; {
	case known:
		t.others[key] = value
		return false
	case t.filled && t.key != key:
		if forgot = len(t.others)+1 >= memoSize; forgot || t.others == nil {
			t.others = map[K]V{}
		}
		if !forgot {
			t.others[t.key] = t.value
		}
	}
	t.key, t.value, t.filled = key, value, true
	return forgot
}

// all calls yield for every value.
func (t *table[K, V]) all(yield func(V)) {
	if t.filled {
		yield(t.value)
	}
	for _, v := range t.others {
		yield(v)
	}
}
